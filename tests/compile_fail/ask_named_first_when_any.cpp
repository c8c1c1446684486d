// expect: name the answer first
// only: await-broken
#include <bastion/bastion.hpp>

#include <string>

struct greet {
    using answer_type = int;
    std::string name;
};

bastion::process wrong(bastion::context ctx, bastion::child_ref ref) {
    (void)co_await bastion::when_any(ref.ask(greet{"ann"}), ctx.recv());
    co_return;
}
