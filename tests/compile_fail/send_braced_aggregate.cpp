// expect: this compiler destroys a braced message inside co_await twice
// only: await-broken
#include <bastion/bastion.hpp>

struct letter {
    std::string text;
};

bastion::process wrong(bastion::context ctx) {
    auto to = ctx.self();
    auto sent = co_await to.send(letter{"text"});
}
