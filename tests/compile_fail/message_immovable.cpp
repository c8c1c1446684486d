// expect: a message must be movable
#include <bastion/bastion.hpp>

struct fixed {
    fixed() = default;
    fixed(const fixed&) = delete;
};

void wrong(bastion::child_ref ref) { (void)ref.tell<fixed>(); }
