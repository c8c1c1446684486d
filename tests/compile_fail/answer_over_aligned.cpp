// expect: a message must not be over-aligned
#include <bastion/bastion.hpp>

struct alignas(64) wide {
    int n;
};
struct ask_wide {
    using answer_type = wide;
};

bastion::process wrong(bastion::context ctx) {
    auto to = ctx.self();
    auto r = co_await to.ask(ask_wide{});
}
