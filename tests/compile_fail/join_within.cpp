// expect: a join cannot be given up
#include <bastion/bastion.hpp>

bastion::task<int> one() { co_return 1; }

bastion::process wrong(bastion::context) {
    bastion::scope s;
    auto job = s.fork(one());
    auto joined = co_await s.join().within(std::chrono::seconds(1));
}
