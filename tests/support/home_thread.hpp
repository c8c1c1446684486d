// A thread whose memory has a home, as a worker's on a machine with several nodes.
#ifndef BASTION_TESTS_SUPPORT_HOME_THREAD_HPP
#define BASTION_TESTS_SUPPORT_HOME_THREAD_HPP

#include <bastion/executor/pool.hpp>

#include <thread>

namespace test {

// f(pool of that thread), to its end.
template <class F>
void on_thread_of(bastion::detail::memory_home home, F f) {
    std::thread([&] {
        bastion::detail::pool_cache& pool = bastion::detail::this_thread_pool();
        pool.set_home(home);
        f(pool);
    }).join();
}

} // namespace test

#endif
