// expect: bastion: blocking and blocking_detached take a function that is called without arguments
#include <bastion/bastion.hpp>

bastion::process wrong(bastion::context) {
    co_await bastion::blocking([](int n) { return n; });
}
