// expect: bastion: a blocking function must not return a reference
#include <bastion/bastion.hpp>

bastion::process wrong(bastion::context) {
    int n = 0;
    (void)co_await bastion::blocking([&n]() -> int& { return n; });
}
