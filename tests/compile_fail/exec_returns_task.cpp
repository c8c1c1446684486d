// expect: a body must be a coroutine that returns bastion::process
#include <bastion/bastion.hpp>

bastion::task<int> body(bastion::context) { co_return 1; }

void wrong() {
    auto c = bastion::children().with_exec(body);
    (void)c;
}
