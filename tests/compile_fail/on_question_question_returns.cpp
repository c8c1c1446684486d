// expect: an on_question handler that takes question<T> returns void
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_handlers(bastion::on_question([](bastion::question<int>) { return 1; }));
    (void)c;
}
