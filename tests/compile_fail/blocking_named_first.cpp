// expect: name the waiting first
// only: await-broken
#include <bastion/bastion.hpp>

#include <string>

bastion::process wrong(bastion::context) {
    const std::string text = "owned";
    co_await bastion::blocking_detached([text] { (void)text; });
}
