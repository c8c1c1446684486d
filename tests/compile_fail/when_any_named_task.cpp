// expect: a task is given away
#include <bastion/bastion.hpp>

bastion::task<int> one() { co_return 1; }

bastion::process wrong(bastion::context ctx) {
    auto t = one();
    (void)co_await bastion::when_any(t, ctx.recv());
}
