// expect: bastion: a builder is spawned alone: where its elements run it says itself
#include <bastion/bastion.hpp>

void wrong(bastion::runtime& rt) { (void)rt.spawn(bastion::children(), bastion::placement::node(1)); }
