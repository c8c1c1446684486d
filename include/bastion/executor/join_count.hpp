// How many forked tasks a scope still waits for, of those that others run; and which of all its tasks failed first.
//
// Protocol:
//  1. Who has run a task that is not the joiner's own counts it as completed, before or after the joiner has said how many
//     must come. Whoever brings the number to zero, a completer or the joiner itself, lets the joiner go on.
//  2. A joiner that parks may also see the zero by itself and go on at once: after its step a completer touches nothing of
//     the scope unless it was told that it is the last.
//  3. A joiner that cannot park says one more than will come, and looks until that one is left: nobody is the last.
//  4. Of those that fail the first keeps its exception, and its completion hands it to the joiner with all else.
#ifndef BASTION_EXECUTOR_JOIN_COUNT_HPP
#define BASTION_EXECUTOR_JOIN_COUNT_HPP

#include <bastion/base/atomics.hpp>

#include <cstdint>

namespace bastion::detail {

template <class Atomics = std_atomics>
class basic_join_count {
public:
    // By the joiner. True: all have come already. acquire: sees what they did. release: the last one, which resumes the
    // joiner, sees what that did.
    bool expect(std::int32_t n) noexcept { return outstanding_.fetch_add(n, std::memory_order_acq_rel) + n == 0; }
    // True: the last one. release: what the task did. acquire: as the last one it goes on for the joiner.
    [[nodiscard]] bool complete() noexcept { return outstanding_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
    // Nobody else will touch the scope. acquire: pairs with complete.
    [[nodiscard]] bool all_done() const noexcept { return outstanding_.load(std::memory_order_acquire) == 0; }

    // relaxed: nobody goes on because of it.
    void expect_and_hold(std::int32_t n) noexcept { outstanding_.fetch_add(n + 1, std::memory_order_relaxed); }
    // acquire: as all_done.
    [[nodiscard]] bool only_held() const noexcept { return outstanding_.load(std::memory_order_acquire) == 1; }
    // relaxed: only the joiner is left.
    void let_go() noexcept { outstanding_.store(0, std::memory_order_relaxed); }

    // relaxed: it picks one, and hands nothing over.
    [[nodiscard]] bool first_to_fail() noexcept { return !failed_.exchange(true, std::memory_order_relaxed); }
    // By the joiner, which has all it waited for: what is forked from now on may fail anew. relaxed: nobody else is there.
    void forget_failure() noexcept { failed_.store(false, std::memory_order_relaxed); }

private:
    typename Atomics::template atomic<bool> failed_{false};
    // Completions still to come; negative while they are ahead of the joiner.
    typename Atomics::template atomic<std::int32_t> outstanding_{0};
};

using join_count = basic_join_count<>;

} // namespace bastion::detail

#endif
