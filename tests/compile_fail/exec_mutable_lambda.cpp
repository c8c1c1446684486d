// expect: a body is called as const with a bastion::context
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_exec([n = 0](bastion::context) mutable -> bastion::process {
        ++n;
        co_return;
    });
    (void)c;
}
