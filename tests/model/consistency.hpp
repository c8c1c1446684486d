// Whether what happened in a run is an execution that C++20 allows: judged on all its events at once, by the orders written
// in the code. For runs with a load that returned what was stored later: there the order of execution is no help, since what
// the load learned was not known yet when its thread went on.
//
// Demanded ([intro.races], [atomics.order] as of P0668; the project has neither fences nor consume):
//  1. what happens before something else on the same atomic (by sequence, and release to acquire through
//     read-modify-writes) is not after it in the order of that atomic's stores, as seen by who stores and who reads: the
//     four coherence rules; with them, nothing happens before itself;
//  2. an order of all seq_cst operations exists that agrees with strongly-happens-before and, for each atomic, with its
//     order as in 1;
//  3. a plain access that was executed after another one of the same memory does not happen before it (it would have found
//     other values: the run shows nothing).
// The order of an atomic's stores is that of execution.
// A run that keeps these and has two plain accesses that nothing orders has a race.
#ifndef BASTION_TESTS_MODEL_CONSISTENCY_HPP
#define BASTION_TESTS_MODEL_CONSISTENCY_HPP

#include "model/explorer.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace model {

enum class deed : std::uint8_t {
    birth, // of an atomic: the store number 0
    load, // also a compare that failed
    store,
    change, // a read-modify-write
    read, // of plain memory
    write,
    end // the memory is given back
};

struct event {
    deed what{};
    std::uint8_t thread = 0;
    std::memory_order order = std::memory_order_relaxed;
    std::uint16_t place = 0; // of memory
    std::uint16_t number = 0; // of the atomic's stores: which one was read or, if there is one, made
};

struct verdict {
    bool consistent = false;
    std::string race; // empty: none. Only of a consistent run.
};

class judge {
public:
    // The events in the order of execution. Those before `start` are the setup's, those from `end` on look at the end.
    [[nodiscard]] verdict of(const std::vector<event>& log, std::size_t start, std::size_t end);

private:
    static constexpr std::size_t none = ~std::size_t{0};

    void arrange();
    void spread();
    [[nodiscard]] bool coherent() const;
    [[nodiscard]] bool has_one_order() const;
    [[nodiscard]] bool plain_in_order(std::string& race) const;
    [[nodiscard]] bool before(std::size_t a, std::size_t b) const;
    [[nodiscard]] bool strongly_before(std::size_t a, std::size_t b) const;
    template <class Each>
    void releases_read_by(std::size_t reader, Each each) const;

    const std::vector<event>* log_ = nullptr;
    std::size_t start_ = 0;
    std::size_t end_ = 0;
    std::vector<clock> known_; // of each event: what happens before it, and itself
    std::vector<std::uint16_t> tick_; // of each event, in its thread
    std::vector<std::size_t> previous_; // of each event, in its thread
    std::vector<std::vector<std::size_t>> at_; // of each place: its events
    std::vector<std::vector<std::size_t>> stores_; // of each place: the event of each store
    std::array<std::size_t, most_threads> last_{}; // of each thread: its last event before the end
};

[[nodiscard]] bool acquires(std::memory_order o) noexcept;
[[nodiscard]] bool releases(std::memory_order o) noexcept;

} // namespace model

#endif
