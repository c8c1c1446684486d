// expect: partitions takes a function bastion::supervisor f(std::size_t)
#include <bastion/bastion.hpp>

void wrong() {
    auto p = bastion::partitions([](std::size_t) { return bastion::children(); });
    (void)p;
}
