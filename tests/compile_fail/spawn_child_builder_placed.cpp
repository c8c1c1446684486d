// expect: bastion: a builder is spawned alone: where its elements run it says itself
#include <bastion/bastion.hpp>

void wrong(bastion::context ctx) { (void)ctx.spawn_child(bastion::supervisor(), bastion::placement::spread()); }
