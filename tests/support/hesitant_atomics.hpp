#pragma once

// An atomics policy that hesitates now and then before it acts, in the midst of a protocol's steps: what else needs an
// interrupt at the wrong place happens all the time.

#include <bastion/base/atomics.hpp>

#include <atomic>
#include <cstdint>
#include <thread>

namespace test {

struct hesitant_atomics : bastion::std_atomics {
    static void hesitate() noexcept {
        thread_local std::uint32_t state = 1;
        state = state * 1664525u + 1013904223u;
        if ((state >> 16) % 32 == 0) std::this_thread::yield();
        for (std::uint32_t spins = (state >> 24) % 8; spins > 4; --spins) pause();
    }

    template <class T>
    class atomic {
    public:
        static constexpr auto strict = std::memory_order_seq_cst;
        constexpr atomic() noexcept = default;
        constexpr atomic(T value) noexcept : value_(value) {}
        T load(std::memory_order order = strict) const noexcept { return hesitate(), value_.load(order); }
        void store(T value, std::memory_order order = strict) noexcept { hesitate(), value_.store(value, order); }
        T exchange(T value, std::memory_order order = strict) noexcept {
            return hesitate(), value_.exchange(value, order);
        }
        T fetch_and(T value, std::memory_order order = strict) noexcept {
            return hesitate(), value_.fetch_and(value, order);
        }
        T fetch_or(T value, std::memory_order order = strict) noexcept {
            return hesitate(), value_.fetch_or(value, order);
        }
        bool compare_exchange_strong(
            T& seen, T wanted, std::memory_order yes = strict, std::memory_order no = strict) noexcept {
            return hesitate(), value_.compare_exchange_strong(seen, wanted, yes, no);
        }
        bool compare_exchange_weak(
            T& seen, T wanted, std::memory_order yes = strict, std::memory_order no = strict) noexcept {
            return hesitate(), value_.compare_exchange_weak(seen, wanted, yes, no);
        }

    private:
        std::atomic<T> value_{};
    };
};

} // namespace test
