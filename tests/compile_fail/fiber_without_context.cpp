// expect: a fiber's body is called as const with a bastion::fiber_context
#include <bastion/bastion.hpp>

void body() {}

void wrong(bastion::runtime& rt) { rt.spawn(bastion::children().with_fiber(body)); }
