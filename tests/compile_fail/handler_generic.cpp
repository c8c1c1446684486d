// expect: a handler must not be generic or overloaded
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_handlers(bastion::on_tell([](auto) {}));
    (void)c;
}
