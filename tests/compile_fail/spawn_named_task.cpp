// expect: bastion: spawn uses a task up: spawn(std::move(t))
#include <bastion/bastion.hpp>

bastion::task<int> one() { co_return 1; }

void wrong(bastion::runtime& rt) {
    auto t = one();
    auto h = rt.spawn(t);
}
