// expect: an on_question handler returns the answer
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_handlers(bastion::on_question([](int) {}));
    (void)c;
}
