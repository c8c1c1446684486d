// expect: name the waiting first
// only: await-broken
#include <bastion/bastion.hpp>

#include <string>

bastion::process wrong(bastion::context ctx) {
    const std::string text = "owned";
    (void)co_await bastion::when_any(bastion::blocking_detached([text] { (void)text; }), ctx.recv());
}
