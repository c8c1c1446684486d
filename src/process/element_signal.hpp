// Signals to elements, and the gate of the runtime that whoever sends one passes.
#ifndef BASTION_SRC_PROCESS_ELEMENT_SIGNAL_HPP
#define BASTION_SRC_PROCESS_ELEMENT_SIGNAL_HPP

#include <bastion/process/home.hpp>

namespace bastion::detail {

// Whether it has not ended, as far as one can see.
[[nodiscard]] inline bool stands(const address& where) noexcept {
    return where.block->lives(where.generation) && !where.block->inbox.is_closed();
}

// Does `work` while the runtime of `where` stands; false: it is gone, or `where` is.
template <class Work>
bool inside(address where, Work&& work) {
    runtime_home* home = home_of(where);
    if (home == nullptr) return false;
    const visit standing(*home);
    if (!standing) return false;
    if (!stands(where)) return false;
    work(*home);
    return true;
}

// A signal from the pool to whatever lives in `to`, from any thread; freed when nothing does. False: it was.
template <class Signal>
bool push_element_signal(address to, signal_kind kind, Signal* signal) {
    signal->target_generation = to.generation;
    bool sent = false;
    inside(to, [&](runtime_home&) { sent = push_element_signal(*to.block, *signal, kind); });
    if (!sent) pool_delete(signal);
    return sent;
}

} // namespace bastion::detail

#endif
