// expect: bastion: a blocking function cannot await
#include <bastion/bastion.hpp>

bastion::task<int> one() { co_return 1; }

bastion::process wrong(bastion::context) {
    auto n = co_await bastion::blocking_detached([] { return one(); });
}
