// expect: a message must not be over-aligned
#include <bastion/bastion.hpp>

struct alignas(64) line {};

void wrong(bastion::child_ref ref) { (void)ref.tell(line{}); }
