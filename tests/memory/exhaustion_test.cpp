// The system's own no: a program whose address space is bounded uses all of it up.
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/executor/allocation_gate.hpp>
#include <bastion/executor/blocks.hpp>
#include <bastion/executor/reserve.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <optional>
#include <thread>
#include <vector>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

// Lets nothing pass: the pool as it is when the system has nothing more.
class nothing final : public detail::allocation_gate {
public:
    nothing() : before_(detail::set_allocation_gate(this)) {}
    ~nothing() { (void)detail::set_allocation_gate(before_); }
    bool may_allocate(std::size_t) noexcept override { return false; }

private:
    detail::allocation_gate* const before_;
};

} // namespace

TEST_CASE("a gate that says no fails an allocation, not what must not fail") {
    detail::fill_reserve();
    const auto refused = [](std::size_t bytes) {
        try {
            detail::pool_free(detail::pool_allocate(bytes), bytes);
            return false;
        } catch (const std::bad_alloc&) { return true; }
    };
    const std::uint64_t before = detail::read_pool_stats().live_blocks;
    std::vector<void*> got(100);
    bool small = false;
    bool large = false;
    bool inside = false;
    bool after = false;
    {
        const nothing gate; // nor does the test itself get anything meanwhile
        small = refused(64);
        large = refused(100'000);
        {
            const detail::must_not_fail certain;
            for (void*& p : got) p = detail::pool_allocate(192);
            const detail::may_fail users;
            inside = refused(64);
        }
        after = refused(64);
    }
    CHECK(small);
    CHECK(large);
    CHECK(inside);
    CHECK(after);
    CHECK(detail::read_pool_stats().live_blocks == before + 100);
    for (void* p : got) detail::pool_free(p, 192);
    CHECK(detail::read_pool_stats().live_blocks == before);
}

// The sanitizers' shadows do not fit into a bounded address space, and an emulator does not bound its program's.
#if !BASTION_ASAN && !BASTION_TSAN && !defined(BASTION_TEST_EMULATOR)

namespace {

// Runs it in a process of its own, which may use so much address space more than now. Its exit code.
int bounded(std::size_t more, const std::function<int()>& f) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        std::size_t pages = 0;
        if (std::FILE* const statm = std::fopen("/proc/self/statm", "r")) {
            if (std::fscanf(statm, "%zu", &pages) != 1) ::_exit(98);
            std::fclose(statm);
        }
        const rlimit bound{pages * 4096 + more, RLIM_INFINITY};
        if (::setrlimit(RLIMIT_AS, &bound) != 0) ::_exit(99);
        ::_exit(f());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

// All that the pool and operator new still give.
class hoard {
public:
    hoard() {
        for (std::size_t size : {std::size_t{1} << 20, std::size_t{4096}, std::size_t{64}}) {
            try {
                for (;;) {
                    void* const p = detail::pool_allocate(size);
                    *static_cast<link*>(p) = {first_, size};
                    first_ = static_cast<link*>(p);
                }
            } catch (const std::bad_alloc&) {}
        }
    }
    ~hoard() {
        while (first_ != nullptr) {
            const link here = *first_;
            detail::pool_free(first_, here.size);
            first_ = here.next;
        }
    }

private:
    struct link {
        link* next;
        std::size_t size;
    };
    link* first_ = nullptr;
};

} // namespace

TEST_CASE("when the system has no memory left, what must not fail takes from the reserve") {
    CHECK(bounded(std::size_t{200} << 20, [] {
        detail::fill_reserve();
        const hoard all;
        try {
            (void)detail::pool_allocate(64);
            return 1;
        } catch (const std::bad_alloc&) {}
        const detail::must_not_fail certain;
        for (int i = 0; i < 500; ++i)
            if (detail::pool_allocate(192) == nullptr) return 2;
        return 0;
    }) == 0);
}

TEST_CASE("supervision survives a program that has eaten all memory, and goes on when there is some again") {
    CHECK(bounded(std::size_t{400} << 20, [] {
        std::optional<hoard> held;
        std::atomic<bool> eats{false};
        std::atomic<int> ticks{0};
        std::atomic<int> failed{0};
        runtime rt(config().with_workers(1).with_log([&](const log_record&) { ++failed; }));
        (void)rt.spawn(children()
                .with_restart_strategy(restart_strategy().with_linear_backoff(1ms))
                .with_exec([&](context ctx) -> process {
                    for (;;) {
                        if (eats.exchange(false)) held.emplace();
                        co_await ctx.sleep_for(1ms); // finds no memory, and so does each restart for its frame
                        ++ticks;
                    }
                }));
        const auto until = [](const auto& done) {
            while (!done()) std::this_thread::yield();
        };
        until([&] { return ticks > 0; });
        eats = true;
        until([&] { return failed >= 5; });
        const int then = ticks;
        held.reset();
        until([&] { return ticks > then; });
        rt.stop();
        return rt.wait();
    }) == 0);
}

#endif
