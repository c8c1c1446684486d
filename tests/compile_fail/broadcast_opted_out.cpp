// expect: this type opted out of broadcast
#include <bastion/bastion.hpp>

struct counter {
    mutable int reads = 0;
};
template <>
inline constexpr bool bastion::is_broadcastable<counter> = false;

void wrong(bastion::children_ref group) { (void)group.broadcast(counter{}); }
