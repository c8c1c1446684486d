// expect: a body must be a coroutine that returns bastion::process
#include <bastion/bastion.hpp>

void wrong(bastion::supervisor_ref ref) {
    (void)ref.spawn([](bastion::context) { return 1; });
}
