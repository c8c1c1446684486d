// expect: name the answer first
// only: await-broken
#include <bastion/bastion.hpp>

#include <chrono>
#include <string>

struct greet {
    using answer_type = int;
    std::string name;
};

bastion::process wrong(bastion::context ctx, bastion::child_ref ref) {
    (void)ctx;
    (void)co_await ref.ask(greet{"ann"}).within(std::chrono::seconds(1));
    co_return;
}
