// expect: a member function of another class than the handlers' state
#include <bastion/bastion.hpp>

struct state {
    void add(int) {}
};

void wrong() {
    auto c = bastion::children().with_handlers(bastion::on_tell(&state::add));
    (void)c;
}
