// expect: an otherwise handler takes bastion::message&
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_handlers(bastion::otherwise([](int) {}));
    (void)c;
}
