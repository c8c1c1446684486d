// expect: name the function first
// only: await-broken
#include <bastion/bastion.hpp>

#include <string>

bastion::process wrong(bastion::context) {
    const std::string text = "text";
    const auto size = co_await bastion::on_fiber([text] { return text.size(); });
    (void)size;
}
