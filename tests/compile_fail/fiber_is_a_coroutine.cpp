// expect: a coroutine is given to with_exec
#include <bastion/bastion.hpp>

bastion::process body(bastion::context) { co_return; }

void wrong(bastion::runtime& rt) { rt.spawn(bastion::children().with_fiber(body)); }
