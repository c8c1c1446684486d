// expect: a member function of another class than the handlers' state
#include <bastion/bastion.hpp>

struct state {};
struct other {
    void add(int) {}
};

void wrong() {
    auto c = bastion::children().with_handlers<state>(bastion::on_tell(&other::add));
    (void)c;
}
