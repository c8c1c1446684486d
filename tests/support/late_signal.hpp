#pragma once

// Signals of one who looks whether a process lives, loses its core, and sends when another lives in that block: what
// ctx.link and the like do then, without the look. A run by itself hits these few nanoseconds hardly ever.

#include <bastion/bastion.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/home.hpp>
#include <bastion/process/links.hpp>

#include <cstdint>
#include <utility>

namespace test {

// False: nobody lives there now either, and nothing has been sent. The process that has gone was of the same runtime.
template <class Signal>
bool send_late(const bastion::child_ref& gone, Signal* signal, bastion::detail::signal_kind kind) {
    const bastion::detail::address to = gone.where();
    signal->target_generation = to.generation;
    if (bastion::detail::push_element_signal(*to.block, *signal, kind)) return true;
    bastion::detail::pool_delete(signal);
    return false;
}

inline bool link_late(const bastion::context& ctx, const bastion::child_ref& gone) {
    namespace detail = bastion::detail;
    detail::control_block& me = ctx.block();
    auto* const record = detail::pool_new<detail::link_signal>();
    auto* const signal = detail::pool_new<detail::link_signal>();
    record->peer = gone.where();
    signal->peer = me.here();
    record->made_here = signal->made_there = detail::new_record_number();
    detail::cold_of(me).links.insert(record);
    if (send_late(gone, signal, detail::signal_kind::link)) return true;
    detail::cold_of(me).links.remove(record);
    detail::pool_delete(record);
    return false;
}

inline bool unlink_late(const bastion::context& ctx, const bastion::child_ref& gone) {
    auto* const signal = bastion::detail::pool_new<bastion::detail::link_signal>();
    signal->peer = ctx.block().here();
    signal->made_there = bastion::detail::new_record_number();
    return send_late(gone, signal, bastion::detail::signal_kind::unlink);
}

inline bool exit_late(const bastion::context& ctx, const bastion::child_ref& gone, bastion::exit_reason why) {
    auto* const signal = bastion::detail::pool_new<bastion::detail::link_signal>();
    signal->peer = ctx.block().here();
    signal->reason = std::move(why);
    signal->ordered = true;
    return send_late(gone, signal, bastion::detail::signal_kind::exit);
}

// The number of the monitor; 0: none was made.
inline std::uint64_t watch_late(const bastion::context& ctx, const bastion::child_ref& gone) {
    const std::uint64_t number = bastion::detail::new_record_number();
    auto* const record = bastion::detail::new_monitor(ctx.block(), number);
    return send_late(gone, record, bastion::detail::signal_kind::monitor) ? number : 0;
}

} // namespace test
