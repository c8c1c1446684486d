// expect: when_all and when_any take the library's awaitables and tasks
#include <bastion/bastion.hpp>

bastion::process wrong(bastion::context) { (void)co_await bastion::when_all(1, 2); }
