// expect: with_data copies the value for each element
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_data(std::make_unique<int>(1));
    (void)c;
}
