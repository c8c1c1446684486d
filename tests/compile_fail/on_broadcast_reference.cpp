// expect: a broadcast value is shared: take it as T or const T&
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_handlers(bastion::on_broadcast([](int&) {}));
    (void)c;
}
