// expect: a plain function that takes a bastion::fiber_context is given to with_fiber
#include <bastion/bastion.hpp>

void body(bastion::fiber_context) {}

void wrong(bastion::runtime& rt) { rt.spawn(bastion::children().with_exec(body)); }
