// expect: with_handlers takes on_tell(f), on_question(f), on_broadcast(f), otherwise(f)
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_handlers([](int) {});
    (void)c;
}
