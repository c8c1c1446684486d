// expect: bastion: sys::get_state copies the state: it must be copyable
#include <bastion/bastion.hpp>

struct state {
    state() = default;
    state(const state&) = delete;
    state& operator=(const state&) = delete;
};

void f(bastion::child_ref who) { auto a = bastion::sys::get_state<state>(who); }
