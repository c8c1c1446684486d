#pragma once

// For tests of blocking functions: a door that holds them, and waits for what happens on other threads.

#include "support/world.hpp"

#include <atomic>
#include <cstddef>
#include <thread>

namespace test {

// Holds whoever comes until it is opened; opens at its end, so that a failed assertion leaves nobody behind.
class door {
public:
    door() = default;
    door(const door&) = delete;
    door& operator=(const door&) = delete;
    ~door() { open(); }
    void pass() {
        ++inside_;
        open_.wait(false);
    }
    void open() {
        open_ = true;
        open_.notify_all();
    }
    // Until so many have come.
    void wait_for(int n) const {
        while (inside_ < n) std::this_thread::yield();
    }

private:
    std::atomic<bool> open_{false};
    std::atomic<int> inside_{0};
};

template <class Done>
void wait_until(Done done) {
    while (!done()) std::this_thread::yield();
}

inline bool is_suspended(const bastion::child_ref& p) {
    return p.where().block->life_state.now() == bastion::detail::life::suspended;
}

} // namespace test
