// expect: an on_tell handler returns void
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_handlers(bastion::on_tell([](int n) { return n; }));
    (void)c;
}
