// expect: bastion: an arm is a member function of another class than the handlers' state
#include <bastion/bastion.hpp>

struct state {};
struct other {
    void on(int) {}
};

void f(bastion::child_ref who) { auto a = bastion::sys::replace_handlers<state>(who, bastion::on_tell(&other::on)); }
