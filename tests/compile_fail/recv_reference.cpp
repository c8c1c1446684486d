// expect: name the message type without const or &
#include <bastion/bastion.hpp>

void wrong(bastion::context ctx) { (void)ctx.recv<const int&>(); }
