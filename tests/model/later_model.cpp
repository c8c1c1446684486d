// Messages sent later in all interleavings: who cancels one against the workers in whose wheels its timer lies.
#include "model/checked.hpp"

#include <bastion/base/owner_count.hpp>
#include <bastion/base/spin_lock.hpp>
#include <bastion/mailbox/late_word.hpp>

#include <array>
#include <mutex>

namespace {

using model::atomics;

struct late_message;

// A worker's wheel, of one timer, which expires whenever somebody polls.
struct wheel {
    bastion::detail::basic_spin_lock<atomics> lock;
    model::plain<late_message*> timer = nullptr; // under the lock, as what is the wheel's in the timer that lies here

    void arm(late_message& m);
    [[nodiscard]] bool cancel(late_message& m);
    // By its worker or a searcher. What has expired belongs to the caller.
    [[nodiscard]] late_message* poll();
};

// As delayed_tell; the functions are named as in later.cpp.
struct late_message {
    bastion::detail::basic_late_word<wheel, atomics> word;
    bastion::detail::basic_owner_count<atomics> owners{1};
    model::plain<bool> in_wheel = false; // as the links of a timer
    bool once = false;
    model::plain<int> times = 0; // still to be sent
    int sent = 0; // the model's own, as the next
    int freed = 0;

    void drop() {
        if (!owners.drop()) return;
        in_wheel.free();
        times.free();
        ++freed;
    }
    void arm(wheel& w) {
        owners.add();
        word.armed_at(w);
        w.arm(*this);
    }
    void send_now(wheel& own) {
        owners.add();
        const bool sends = once ? word.expired_once() : word.expired();
        drop(); // the timer's own
        if (sends) {
            ++sent;
            times = times - 1;
            if (times != 0) arm(own);
        }
        drop();
    }
    bool cancel() {
        if (!word.cancel()) return false;
        if (wheel* const w = word.place(); w != nullptr && w->cancel(*this)) drop();
        return true;
    }
};

void wheel::arm(late_message& m) {
    const std::lock_guard guard(lock);
    m.in_wheel = true;
    timer = &m;
}
bool wheel::cancel(late_message& m) {
    const std::lock_guard guard(lock);
    if (!m.in_wheel) return false;
    model::require(timer == &m, "it lies in the wheel where it is looked for");
    m.in_wheel = false;
    timer = nullptr;
    return true;
}
late_message* wheel::poll() {
    const std::lock_guard guard(lock);
    late_message* const m = timer;
    if (m != nullptr) m->in_wheel = false;
    timer = nullptr;
    return m;
}

// Two workers poll both wheels, and send into their own again; a stranger cancels meanwhile.
void cancelled_while_it_is_sent(model::run& r, int times) {
    auto& wheels = r.make<std::array<wheel, 2>>();
    auto& m = r.make<late_message>();
    bool& stopped = r.make<bool>(false);
    m.once = times == 1;
    m.times = times;
    m.arm(wheels[0]);
    for (std::size_t own : {0u, 1u})
        r.thread([&, own] {
            for (wheel& w : wheels)
                if (late_message* const expired = w.poll()) expired->send_now(wheels[own]);
        });
    r.thread([&] {
        stopped = m.cancel();
        model::require(!m.cancel(), "it is cancelled once");
        m.drop();
    });
    r.at_end([&, times] {
        const int before = m.sent;
        for (wheel& w : wheels)
            if (late_message* const expired = w.poll()) expired->send_now(w);
        if (stopped) model::require(m.sent == before, "what expires after it was cancelled is not sent");
        model::require(m.freed == 1, "it is freed once");
        model::require(m.sent <= times, "it is sent as often as it was to be");
        if (times == 1) model::require(stopped == (m.sent == 0), "it is sent, or cancelled");
    });
}

} // namespace

TEST_CASE("model: a late message is cancelled") {
    model::check([](model::run& r) { cancelled_while_it_is_sent(r, 1); });
}
TEST_CASE("model: a periodic message is cancelled while it changes wheels") {
    model::check([](model::run& r) { cancelled_while_it_is_sent(r, 3); });
}
