// expect: spawn uses a builder up
#include <bastion/bastion.hpp>

void wrong(bastion::runtime& rt) {
    bastion::children group;
    (void)rt.spawn(group);
}
