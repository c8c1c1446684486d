// `driver`: what runs an executor that has no threads of its own. The simulator is one.
//
// An executor with a driver starts no threads: the driver takes the turns of its workers one at a time on the thread
// that made it (worker::take_turn), and every choice between workers, victims and sleepers is the driver's. What the
// workers do in a turn is what they do on threads.
// Thread safety: none; everything happens on one thread.
#ifndef BASTION_EXECUTOR_DRIVER_HPP
#define BASTION_EXECUTOR_DRIVER_HPP

#include <bastion/base/compiler.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace bastion::detail {

class executor;
class worker;
struct runnable;

enum class decision : std::uint8_t {
    who_runs, // which worker takes the next turn
    who_is_woken, // which sleeper
    who_is_robbed, // where a thief looks first
    last_item, // 0: a thief leaves a worker's last item and its slot alone
    how_long, // a turn may be: 0: the whole budget, else one of the driver's shorter lengths
    fault, // what goes wrong; 0: nothing
    time, // 0: time stands still while there is work
};

class driver {
public:
    // Which of `n` possibilities, numbered from 0, comes true. The first is the unremarkable one. n > 0.
    [[nodiscard]] virtual std::size_t choose(decision what, std::size_t n) noexcept = 0;
    // A turn of `r`, which `w` has taken from a queue: the driver calls w.run_now(r).
    virtual void run(worker& w, runnable& r) noexcept = 0;
    // In the midst of that: `r` has ended, and is gone in a moment.
    virtual void note_last(worker& w, runnable& r) noexcept = 0;
    // A plain thread waits: turns are taken until `done` is true or the clock has reached `deadline_ns`. False: it was
    // the deadline. Throws when nothing can happen any more.
    virtual bool run_until(const std::function<bool()>& done, std::int64_t deadline_ns) = 0;
    // The same for a destructor, which cannot be told that it waits in vain: then the program ends, with a report.
    virtual void run_to_end(const std::function<bool()>& done) noexcept = 0;
    // A worker waits in the midst of a turn for what others do: one of them takes a turn.
    virtual void run_another(worker& waiting) noexcept = 0;
    // Throws usage_error on any thread but its own.
    virtual void check_thread() const = 0;
    virtual void attach(executor& e) = 0;
    virtual void detach(executor& e) noexcept = 0;

protected:
    ~driver() = default;
};

} // namespace bastion::detail

#endif
