// expect: name the answer first
// only: await-broken
#include <bastion/bastion.hpp>

#include <stop_token>
#include <string>

struct greet {
    using answer_type = int;
    std::string name;
};

bastion::process wrong(bastion::context ctx, bastion::child_ref ref) {
    (void)ctx;
    (void)co_await ref.ask(greet{"ann"}).until(std::stop_token());
    co_return;
}
