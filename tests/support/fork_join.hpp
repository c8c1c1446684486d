#pragma once

// A task that forks: each step is two, one of them forked, down to the leaves.

#include <bastion/bastion.hpp>

namespace test {

inline bastion::task<int> forked_fibonacci(int n) {
    if (n < 2) co_return n;
    bastion::scope s;
    auto left = s.fork(forked_fibonacci(n - 1));
    const int right = co_await forked_fibonacci(n - 2);
    co_await s.join();
    co_return *left + right;
}

} // namespace test
