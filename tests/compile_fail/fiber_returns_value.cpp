// expect: a fiber's body is a plain function that returns nothing; a coroutine takes a bastion::context
#include <bastion/bastion.hpp>

int body(bastion::fiber_context) { return 1; }

void wrong(bastion::runtime& rt) { rt.spawn(bastion::children().with_fiber(body)); }
