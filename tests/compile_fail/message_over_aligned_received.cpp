// expect: a message must not be over-aligned
#include <bastion/bastion.hpp>

struct alignas(64) line {};

void wrong(bastion::context ctx) { (void)ctx.recv<line>(); }
