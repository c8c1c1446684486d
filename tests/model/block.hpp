// A control block as far as threads meet in it: the words of the shipped one, and the right to run handed on by a queue.
#ifndef BASTION_TESTS_MODEL_BLOCK_HPP
#define BASTION_TESTS_MODEL_BLOCK_HPP

#include "model/explorer.hpp"

#include <bastion/process/control_block.hpp>

namespace model {

struct alignas(64) letter {
    plain<letter*> next = nullptr;
    plain<int> value = 0;
};

// A signal to a process, from the pool: freed once, by whoever is told to.
struct signal {
    plain<signal*> next = nullptr;
    plain<int> what = 0;
    plain<std::uint64_t> generation = 0;
    int freed = 0;

    void recycle() {
        ++freed;
        next.free();
        what.free();
        generation.free();
    }
};

struct block {
    bastion::detail::basic_inbox<letter, atomics> inbox;
    bastion::detail::basic_system_lane<signal, atomics> lane;
    bastion::detail::basic_signal_flags<atomics> signals;
    plain<letter*> mail = nullptr; // touched by the holder of the right to run
    plain<int> link = 0; // as well: of the run queue
    queue<int> right_to_run;

    // As schedule_block.
    void schedule() {
        link = 1;
        right_to_run.push(1);
    }
    // As unpark_block.
    void unpark() {
        if (inbox.unpark() == bastion::detail::unpark_result::claimed) schedule();
    }
    // By the process: returns when it runs again.
    void park_on_mail() {
        link = 0;
        if (inbox.park_on_mail()) (void)right_to_run.pop();
    }
    void park_elsewhere() {
        link = 0;
        if (inbox.park_elsewhere()) (void)right_to_run.pop();
    }
    // As try_push and hand_over_mail.
    void send(letter& l, std::uint64_t generation = 1) {
        switch (inbox.push(&l, generation)) {
        case bastion::detail::push_result::claimed:
            require(mail == nullptr, "a parked process has no mail");
            l.next = nullptr;
            mail = &l;
            schedule();
            break;
        case bastion::detail::push_result::queued:
        case bastion::detail::push_result::queued_beside: break;
        case bastion::detail::push_result::refused: fail("an open inbox refused");
        }
    }
    // As push_element_signal; false: the lane is closed.
    bool send(signal& s, std::uint64_t generation) {
        using bastion::detail::lane_result;
        s.generation = generation;
        const lane_result pushed = lane.push(&s);
        if (pushed == lane_result::closed) return false;
        if (signals.raise(signals.lane) || pushed == lane_result::first) unpark();
        return true;
    }
    // As push_signal, for an owner, which looks at its lane before it parks.
    bool send_to_owner(signal& s) {
        using bastion::detail::lane_result;
        switch (lane.push(&s)) {
        case lane_result::closed: return false;
        case lane_result::first: unpark(); return true;
        case lane_result::queued: return true;
        }
        return true;
    }
};

} // namespace model

#endif
