// Rows of questions and of failures: ask, restart.

#include "card.hpp"

#include <memory>
#include <stdexcept>

namespace card {
namespace {

using caf::actor;
using caf::behavior;
using self_t = caf::event_based_actor*;

template <class Deadline>
struct questions {
    self_t self;
    actor server;
    Deadline deadline;
    last_word* done;

    void ask_next(number left, number value) const {
        ask(self, server, deadline, value).then([*this, left](number next) {
            if (left != 1) {
                ask_next(left - 1, next);
                return;
            }
            done->set_value(next);
            tell(self, server, ping_v);
            self->quit();
        });
    }
};

template <class Deadline>
figure ask_often(caf::actor_system& system, number n, Deadline deadline) {
    last_word done;
    const stopwatch clock;
    auto server = system.spawn([](self_t self) -> behavior {
        return {
            [](number value) { return value + 1; },
            [self](ping_t) { self->quit(); },
        };
    });
    system.spawn([=, &done](self_t self) { questions<Deadline>{self, server, deadline, &done}.ask_next(n, 0); });
    check(done.get_future().get() == n, "ask: the last answer");
    return {n, clock.ns(), {}};
}

enum class failing { by_error, by_exception };

// Says that it is there, gets a message, fails.
template <failing how>
behavior child(self_t self, const actor& driver) {
    if constexpr (how == failing::by_exception)
        self->set_exception_handler(
            [](std::exception_ptr&) -> caf::error { return make_error(caf::sec::runtime_error); });
    tell(self, driver, caf::actor_cast<actor>(self));
    return {
        [self](number) {
            if constexpr (how == failing::by_exception) throw std::runtime_error("told to fail");
            else self->quit(make_error(caf::sec::runtime_error));
        },
        [self](ping_t) { self->quit(); },
    };
}

// CAF has no supervisors. The nearest: an actor that monitors the child and makes the next one when it has ended.
template <failing how>
class guard_state {
public:
    guard_state(self_t self, actor driver) : self_(self), driver_(std::move(driver)) {}

    void start() {
        auto next = self_->spawn<caf::hidden>(child<how>, driver_);
#if CARD_NEW_CAF
        self_->monitor(next, [this](const caf::error& why) { ended(why); });
#else
        self_->monitor(next);
#endif
    }
    void ended(const caf::error& why) {
        if (why == caf::sec::runtime_error) start();
        else self_->quit();
    }

private:
    self_t self_;
    actor driver_;
};

template <failing how>
behavior guard(self_t self, const actor& driver) {
    auto state = std::make_shared<guard_state<how>>(self, driver);
#if !CARD_NEW_CAF
    self->set_down_handler([state](caf::down_msg& down) { state->ended(down.reason); });
#endif
    state->start();
    return {[state](number) {}};
}

// The op is a cycle: a new child says that it is there, gets a message, fails. Each was started because the one before it had
// failed as it was to.
template <failing how>
figure restart(caf::actor_system& system, number n) {
    last_word done;
    const stopwatch clock;
    auto driver = system.spawn([n, &done](self_t self) -> behavior {
        return {
            [self, n, &done, seen = number{0}](const actor& up) mutable {
                if (seen++ != n) {
                    tell(self, up, number{1});
                    return;
                }
                done.set_value(n);
                tell(self, up, ping_v);
                self->quit();
            },
            // CAF 1.x says a handler's exception to the sender of the message, and who has no handler for it quits.
            [](const caf::error&) {},
        };
    });
    // An actor that no handle leads to is destroyed; a monitor is none.
    auto supervisor = system.spawn(guard<how>, driver);
    check(done.get_future().get() == n, "restart: the last incarnation");
    return {n, clock.ns(), {}};
}

} // namespace

figure ask(caf::actor_system& system, number n) { return ask_often(system, n, std::chrono::seconds(5)); }
figure ask_no_deadline(caf::actor_system& system, number n) { return ask_often(system, n, caf::infinite); }
figure restart_error(caf::actor_system& system, number n) { return restart<failing::by_error>(system, n); }
figure restart_panic(caf::actor_system& system, number n) { return restart<failing::by_exception>(system, n); }

} // namespace card
