// The benchmark card for CAF, the C++ Actor Framework: what its rows share. One source for CAF 1.x and for 0.17, which Debian has.
// README.md beside this file says what was tried to make it fast.
//
// Actors are event-based and dynamically typed, a message is a 64-bit number. A row checks its own result; one run is one figure,
// from the first spawn to the last checked answer, as in docs/benchmarks.md; what a row leaves out of its time is said where it
// does.
#ifndef BASTION_BENCHMARKS_PEERS_CAF_CARD_HPP
#define BASTION_BENCHMARKS_PEERS_CAF_CARD_HPP

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <utility>

namespace card {

using number = std::uint64_t;

// ---- between CAF 1.x and 0.17

#if CAF_VERSION >= 1800
#define CARD_NEW_CAF 1
using ping_t = caf::ping_atom;
using pong_t = caf::pong_atom;
constexpr auto ping_v = caf::ping_atom_v;
constexpr auto pong_v = caf::pong_atom_v;
#else
#define CARD_NEW_CAF 0
using ping_t = caf::atom_constant<caf::atom("ping")>;
using pong_t = caf::atom_constant<caf::atom("pong")>;
constexpr auto ping_v = ping_t::value;
constexpr auto pong_v = pong_t::value;
#endif

template <class Self, class To, class... Values>
void tell(Self* self, const To& to, Values&&... values) {
#if CARD_NEW_CAF
    self->mail(std::forward<Values>(values)...).send(to);
#else
    self->send(to, std::forward<Values>(values)...);
#endif
}

// From a thread that is none of CAF's.
template <class To, class... Values>
void tell_from_outside(const To& to, Values&&... values) {
#if CARD_NEW_CAF
    caf::anon_mail(std::forward<Values>(values)...).send(to);
#else
    caf::anon_send(to, std::forward<Values>(values)...);
#endif
}

template <class Self, class To, class Deadline, class Value>
auto ask(Self* self, const To& to, Deadline deadline, Value&& value) {
#if CARD_NEW_CAF
    return self->mail(std::forward<Value>(value)).request(to, deadline);
#else
    return self->request(to, deadline, std::forward<Value>(value));
#endif
}

template <class Self>
void answer(Self* self, number value) {
    tell(self, caf::actor_cast<caf::actor>(self->current_sender()), value);
}

// ---- measuring

struct figure {
    number ops = 0;
    double ns = 0;
    std::string more; // further figures for the line
};

class stopwatch {
public:
    [[nodiscard]] double ns() const {
        return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin_).count();
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// A wrong result ends the program.
void check(bool right, const char* what);

[[nodiscard]] double resident_bytes();

constexpr number sum_to(number n) { return n * (n + 1) / 2; }

using last_word = std::promise<number>;

// ---- the rows

figure pingpong(caf::actor_system& system, number n);
figure ring(caf::actor_system& system, number n);
figure counting(caf::actor_system& system, number n);
figure counting_flood(caf::actor_system& system, number n);
figure fanin(caf::actor_system& system, number n);
figure fanin_flood(caf::actor_system& system, number n);
figure big(caf::actor_system& system, number n);
figure hotload(caf::actor_system& system, number n);
figure spawn(caf::actor_system& system, number n);
figure spawn_flood(caf::actor_system& system, number n);
figure idle(caf::actor_system& system, number n);
figure skynet(caf::actor_system& system, number n);
figure fork(caf::actor_system& system, number n);
figure ask(caf::actor_system& system, number n);
figure ask_no_deadline(caf::actor_system& system, number n);
figure restart_error(caf::actor_system& system, number n);
figure restart_panic(caf::actor_system& system, number n);

} // namespace card

#endif
