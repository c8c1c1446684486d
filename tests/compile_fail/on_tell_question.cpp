// expect: on_tell handles told messages; a question<T> is handled by on_question
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_handlers(bastion::on_tell([](bastion::question<int>) {}));
    (void)c;
}
