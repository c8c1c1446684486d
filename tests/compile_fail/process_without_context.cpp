// expect: a process body must take a bastion::context
#include <bastion/bastion.hpp>

bastion::process body(int n) {
    (void)n;
    co_return;
}
