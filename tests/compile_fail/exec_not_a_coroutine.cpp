// expect: a body must be a coroutine that returns bastion::process
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_exec([](bastion::context) {});
    (void)c;
}
