#include "process/in_hand.hpp"

#include <bastion/process/body.hpp>
#include <bastion/process/cold_part.hpp>
#include <bastion/process/home.hpp>

#include <utility>

namespace bastion::detail {
namespace {

// Of a process that neither runs nor has an owner.
void give_block_back(control_block& b) noexcept {
    control_block& owner = *b.owner.now();
    runtime_home& home = *b.home;
    close_block(b);
    b.life_state.exit();
    recycle_block(&b);
    home.hooks.came_back(owner);
}

// What lies in its lane. Returns the monitors among it, which are told when its memberships have gone.
monitor_record* answer_lane(control_block& b, system_signal* oldest, const exit_reason& why) noexcept {
    monitor_record* watching = nullptr;
    while (oldest != nullptr) {
        system_signal* const signal = std::exchange(oldest, oldest->next);
        switch (signal->kind) {
        case signal_kind::monitor: {
            auto* const m = static_cast<monitor_record*>(signal);
            if (m->member_of == nullptr) {
                m->next = std::exchange(watching, m);
            } else {
                m->notify(*m, b, why, false);
                pool_delete(m);
            }
            break;
        }
        case signal_kind::demonitor: end_watch(b, static_cast<demonitor_request*>(signal)); break;
        case signal_kind::measure: {
            auto& m = *static_cast<mail_measure*>(signal);
            m.unread = 0;
            m.idle = false;
            m.out.store(false, std::memory_order_release); // pairs with who asks
            break;
        }
        case signal_kind::debug: std::unique_ptr<debug_order>(static_cast<debug_order*>(signal))->refuse(); break;
        case signal_kind::link:
        case signal_kind::unlink:
        case signal_kind::exit: refuse_link_signal(b, static_cast<link_signal*>(signal), why); break;
        default:
            if (b.home->hooks.discard_signal != nullptr) b.home->hooks.discard_signal(*signal);
        }
    }
    return watching;
}

} // namespace

void take_over(control_block& b, const exit_reason& why) noexcept {
    const must_not_fail certain;
    end_debugging(b, why);
    system_signal* const in_lane = b.lane.close();
    if (cold_part* const cold = cold_if_any(b)) (void)answer_lane(b, std::exchange(cold->put_off, {}).first, why);
    monitor_record* watching = answer_lane(b, in_lane, why);
    notify_monitors(b, why, false);
    while (watching != nullptr) {
        monitor_record* const m = std::exchange(watching, static_cast<monitor_record*>(watching->next));
        m->notify(*m, b, why, false);
        pool_delete(m);
    }
    bury_mail_of_lost(b, why);
    b.generation.next();
}

void let_lost_go(control_block& b) noexcept {
    if ((b.signals.say(signal_flags::taken_over) & signal_flags::came_back) != 0) give_block_back(b);
}

void end_lost(control_block& b) noexcept {
    if ((b.signals.say(signal_flags::came_back) & signal_flags::taken_over) != 0) give_block_back(b);
}

} // namespace bastion::detail
