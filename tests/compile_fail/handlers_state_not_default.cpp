// expect: the handlers' state must be default-constructible or constructible from bastion::context
#include <bastion/bastion.hpp>

struct state {
    explicit state(int) {}
};

void wrong() {
    auto c = bastion::children().with_handlers<state>(bastion::on_tell([](int) {}));
    (void)c;
}
