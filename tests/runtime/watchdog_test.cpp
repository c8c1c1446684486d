// Processes that do not come back from a turn: what waits with their worker is done by others, and it is said who they are.
#include "support/blocking.hpp"
#include "support/catch.hpp"
#include "support/lingering.hpp"
#include "support/world.hpp"

#include <bastion/bastion.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using test::door;
using test::wait_until;

namespace {

constexpr auto never = 1h;

struct question {
    using answer_type = std::size_t;
};
struct letter {};

// What the log was told; it may be asked while the runtime runs.
class slice_log {
public:
    auto hook() {
        return [this](const bastion::long_slice& s) {
            const std::lock_guard lock(mutex_);
            said_.push_back(s);
        };
    }
    [[nodiscard]] std::vector<bastion::long_slice> said() const {
        const std::lock_guard lock(mutex_);
        return said_;
    }
    // The first of which `is` says yes.
    template <class Is>
    bastion::long_slice wait_for(Is is) const {
        for (;; std::this_thread::yield())
            for (const auto& s : said())
                if (is(s)) return s;
    }

private:
    mutable std::mutex mutex_;
    std::vector<bastion::long_slice> said_;
};

bastion::config watched(std::size_t workers) {
    return bastion::config().with_signals(false).with_workers(workers).with_slice_limits(1ms, never);
}

// Says on which worker it runs.
bastion::process answers(bastion::context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<question>()) q.reply(ctx.worker());
    }
}

auto holder(door& at) {
    return [&at](bastion::context) -> bastion::process {
        at.pass();
        co_return;
    };
}

bool asked(bastion::runtime& rt, const bastion::child_ref& whom) {
    const auto answer = rt.run(whom.ask(question()));
    return answer.has_value();
}

std::size_t threads_of_this_program() {
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) n += entry.is_directory() ? 1 : 0;
    return n;
}

} // namespace

TEST_CASE("A process that does not come back keeps nobody waiting, also with one worker") {
    const std::size_t workers = GENERATE(1u, 2u);
    door held;
    slice_log log;
    bastion::runtime rt(watched(workers).with_slice_log(log.hook()));
    const bastion::child_ref other = rt.spawn(answers);
    REQUIRE(asked(rt, other));
    const std::size_t before = threads_of_this_program();
    std::vector<bastion::child_ref> stuck;
    for (std::size_t i = 0; i < workers; ++i) stuck.push_back(rt.spawn(holder(held)));
    held.wait_for(static_cast<int>(workers));
    for (int i = 0; i < 100; ++i) {
        const auto where = rt.run(other.ask(question()));
        REQUIRE(where.has_value());
        CHECK(*where < workers);
    }
    held.open();
    for (const auto& p : stuck) wait_until([&] { return !p.alive(); });
    wait_until([&] { return threads_of_this_program() == before; }); // the spare workers have left
    CHECK(asked(rt, other));
}

TEST_CASE("A late message that nobody gets and whose destructor does not come back is noticed as a turn is") {
    struct heavy {
        door* at;
        explicit heavy(door& d) noexcept : at(&d) {}
        heavy(heavy&& other) noexcept : at(std::exchange(other.at, nullptr)) {}
        heavy& operator=(heavy&&) = delete;
        ~heavy() {
            if (at != nullptr) at->pass();
        }
    };
    door held;
    slice_log log;
    bastion::runtime rt(watched(1).with_slice_log(log.hook()));
    const bastion::child_ref other = rt.spawn(answers);
    const bastion::child_ref dead = rt.spawn([](bastion::context) -> bastion::process { co_return; });
    wait_until([&] { return !dead.alive(); });
    rt.spawn([&](bastion::context ctx) -> bastion::process {
        (void)ctx.tell_after(1ms, dead, heavy(held));
        (void)co_await ctx.recv();
    });
    held.wait_for(1);
    CHECK(asked(rt, other));
    (void)log.wait_for([](const bastion::long_slice& slice) { return slice.process.empty(); });
    held.open();
}

TEST_CASE("What waits with a worker that does not come back is done: in its slot, its rings and its wheel") {
    constexpr int many = 400; // more than a ring holds
    const std::size_t workers = GENERATE(1u, 2u);
    std::atomic<int> heard{0};
    std::atomic<int> late{0};
    std::atomic<bool> all{false};
    bastion::runtime rt(
        watched(workers).with_log([](const bastion::log_record&) {}).with_slice_log([](const auto&) {}));
    std::vector<bastion::child_ref> listeners;
    for (int i = 0; i < many; ++i)
        listeners.push_back(rt.spawn([&heard](bastion::context ctx) -> bastion::process {
            for (;;) {
                (void)co_await ctx.recv();
                ++heard;
            }
        }));
    const bastion::child_ref patient = rt.spawn([&late](bastion::context ctx) -> bastion::process {
        for (;;) {
            (void)co_await ctx.recv();
            ++late;
        }
    });
    std::vector<bastion::child_ref> stuck;
    for (std::size_t w = 0; w < workers; ++w)
        stuck.push_back(rt.spawn([&](bastion::context ctx) -> bastion::process {
            for (const auto& l : listeners) l.tell(letter());
            (void)ctx.tell_after(2ms, patient, letter());
            (void)ctx.spawn([&heard](bastion::context) -> bastion::process {
                ++heard;
                co_return;
            });
            while (!all) std::this_thread::yield();
            co_return;
        }));
    const int turns = static_cast<int>(workers);
    wait_until([&] { return heard == turns * (many + 1) && late == turns; });
    all = true;
    for (const auto& p : stuck) wait_until([&] { return !p.alive(); });
}

TEST_CASE("Who lingers beside one that does not come back gets its mail, and ends when it is told to") {
    const std::size_t workers = GENERATE(1u, 2u);
    bastion::runtime rt(watched(workers).with_slice_log([](const auto&) {}));
    test::keeper_and_patient two(rt);
    for (int i = 0; i < 3; ++i) two.tell_patient();
    two.patient.kill();
    wait_until([&] { return !two.patient.alive(); });
    CHECK(two.heard == 3);
    two.held.open();
    rt.stop();
    CHECK(rt.wait() == 0);
}

TEST_CASE("Who lingers is found by an idle worker, though nobody watches, and from another node") {
    const char* const machine = GENERATE("numa:1 core:2 pu:1", "numa:2 core:1 pu:1");
    bastion::runtime rt(
        bastion::config().with_signals(false).with_machine(machine).with_workers(2).with_slice_limits(0ms, 0ms));
    for (int round = 0; round < 30; ++round) { // the two may be on different workers, or the other one awake still
        test::keeper_and_patient two(rt);
        two.tell_patient();
        two.patient.kill();
        wait_until([&] { return !two.patient.alive(); });
        CHECK(two.heard == 1);
    }
}

TEST_CASE("A process that spins goes on telling others, which answer meanwhile") {
    constexpr int rounds = 100;
    const std::size_t workers = GENERATE(1u, 2u);
    bastion::runtime rt(watched(workers).with_slice_log([](const auto&) {}));
    for (int again = 0; again < 3; ++again) {
        std::atomic<int> pong{0};
        std::vector<bastion::child_ref> others;
        for (int i = 0; i < 3; ++i)
            others.push_back(rt.spawn([&pong](bastion::context ctx) -> bastion::process {
                for (;;) {
                    (void)co_await ctx.recv();
                    ++pong;
                }
            }));
        const bastion::child_ref spinner = rt.spawn([&](bastion::context) -> bastion::process {
            for (int i = 1; i <= rounds; ++i) {
                for (const auto& o : others) o.tell(letter());
                while (pong != 3 * i) std::this_thread::yield();
            }
            co_return;
        });
        wait_until([&] { return !spinner.alive(); });
        CHECK(pong == 3 * rounds);
        for (const auto& o : others) o.kill();
        for (const auto& o : others) wait_until([&] { return !o.alive(); });
    }
}

TEST_CASE("A forked task that does not come back leaves its siblings to others") {
    door held;
    std::atomic<int> done{0};
    bastion::runtime rt(watched(1).with_slice_log([](const auto&) {}));
    const bastion::child_ref p = rt.spawn([&](bastion::context) -> bastion::process {
        bastion::scope s;
        const auto one = [](std::atomic<int>& n) -> bastion::task<void> {
            ++n;
            co_return;
        };
        const auto hold = [](door& at) -> bastion::task<void> {
            at.pass();
            co_return;
        };
        auto a = s.fork(one(done));
        auto b = s.fork(one(done));
        auto c = s.fork(hold(held)); // the newest is done first, in place
        co_await s.join();
    });
    held.wait_for(1);
    wait_until([&] { return done == 2; });
    held.open();
    wait_until([&] { return !p.alive(); });
}

TEST_CASE("It is said who keeps a worker, since when, and whether somebody stands in") {
    door held;
    slice_log log;
    bastion::runtime rt(watched(1).with_max_spare_workers(1).with_slice_log(log.hook()));
    rt.spawn(bastion::children().with_name("slow").with_exec(holder(held)));
    held.wait_for(1);
    const auto first = log.wait_for([](const auto&) { return true; });
    CHECK(first.process.find("/slow/0 (spawned at ") == 0);
    CHECK(!first.error);
    CHECK(first.worker == 0);
    CHECK(first.so_far >= 1ms);
    CHECK(first.replaced);
    CHECK(first.backtrace.empty());
    CHECK(to_string(first).find("warning: has kept worker 0 for ") != std::string::npos);
    CHECK(to_string(first).find("a spare worker does its work") != std::string::npos);
    // One more: nobody is left.
    const bastion::child_ref second = rt.spawn(holder(held));
    const auto last = log.wait_for([](const auto& s) { return !s.replaced; });
    CHECK(last.max_spare_workers == 1);
    CHECK(last.worker == 0); // whose place it has
    CHECK(to_string(last).find("no spare worker is left: max_spare_workers is 1") != std::string::npos);
    held.open();
    wait_until([&] { return !second.alive(); });
}

TEST_CASE("After the second limit it is an error, with a backtrace, and again after ten times as long") {
    door held;
    slice_log log;
    bastion::runtime rt(bastion::config()
            .with_signals(false)
            .with_workers(1)
            .with_max_spare_workers(0)
            .with_slice_limits(1ms, 2ms)
            .with_slice_log(log.hook()));
    const bastion::child_ref p = rt.spawn(holder(held));
    const auto first = log.wait_for([](const auto& s) { return s.error; });
    CHECK(first.so_far >= 2ms);
    CHECK(!first.replaced);
    CHECK(to_string(first).find("error: has kept worker 0 for ") != std::string::npos);
    CHECK(to_string(first).find("max_spare_workers is 0") != std::string::npos);
#if !BASTION_TSAN // it holds signals back
    REQUIRE(first.backtrace.size() > 3);
    CHECK(to_string(first).find("\n    " + first.backtrace.back()) != std::string::npos);
#endif
    const auto later = log.wait_for([&](const auto& s) { return s.error && s.so_far >= 20ms; });
    CHECK(later.process == first.process);
    held.open();
    wait_until([&] { return !p.alive(); });
    std::size_t errors = 0;
    for (const auto& s : log.said()) errors += s.error ? 1 : 0;
    CHECK(errors <= 5);
}

TEST_CASE("A callback that does not come back is named by whose it is") {
    door held;
    slice_log log;
    bastion::runtime rt(watched(1).with_slice_log(log.hook()));
    rt.spawn(bastion::children()
            .with_name("slow")
            .with_callbacks(bastion::callbacks().after_start([&held](const bastion::event&) { held.pass(); }))
            .with_exec(answers));
    held.wait_for(1);
    CHECK(log.wait_for([](const auto&) { return true; }).process == "a callback of /slow");
    held.open();
}

TEST_CASE("A runtime of one worker without spare ones runs nothing beside a process that keeps it") {
    door held;
    slice_log log;
    std::atomic<bool> ran{false};
    bastion::runtime rt(watched(1).with_max_spare_workers(0).with_slice_log(log.hook()));
    rt.spawn([&](bastion::context ctx) -> bastion::process {
        (void)ctx.spawn([&ran](bastion::context) -> bastion::process {
            ran = true;
            co_return;
        });
        held.pass();
        CHECK(!ran);
        co_return;
    });
    (void)log.wait_for([](const auto&) { return true; });
    CHECK(!ran);
    held.open();
    wait_until([&] { return ran.load(); });
}

TEST_CASE("On a manual clock nobody is at rest while a process keeps its worker, or its stand-in sits there") {
    door held;
    std::atomic<int> ticks{0};
    auto clock = std::make_shared<bastion::manual_clock>();
    bastion::runtime rt(watched(1).with_clock(clock).with_slice_log([](const auto&) {}));
    const bastion::child_ref other = rt.spawn([&ticks](bastion::context ctx) -> bastion::process {
        for (;;) {
            co_await ctx.sleep_for(1s);
            ++ticks;
        }
    });
    const bastion::child_ref p = rt.spawn(holder(held));
    held.wait_for(1);
    CHECK(asked(rt, rt.spawn(answers))); // there is a stand-in
    std::thread opener([&held] { held.open(); });
    clock->advance(3s);
    clock->settle();
    CHECK(ticks == 3);
    CHECK(!p.alive());
    opener.join();
    clock->advance(1s);
    clock->settle();
    CHECK(ticks == 4);
    CHECK(other.alive());
}

TEST_CASE("A runtime ends at whatever moment of the watchdog's way to sleep") {
    for (int i = 0; i < 200; ++i) {
        const bastion::runtime rt(bastion::config().with_signals(false).with_workers(1));
        std::this_thread::sleep_for(i * 100us); // it looks every 5 ms, and sleeps after two looks
    }
}

TEST_CASE("Limits that make no sense are refused") {
    using bastion::bad_config;
    CHECK_THROWS_AS(bastion::runtime(bastion::config().with_slice_limits(10us, 1s)), bad_config);
    CHECK_THROWS_AS(bastion::runtime(bastion::config().with_slice_limits(10ms, 1ms)), bad_config);
    CHECK_THROWS_AS(bastion::runtime(bastion::config().with_max_spare_workers(1025)), bad_config);
    door held;
    slice_log log;
    bastion::runtime rt(bastion::config().with_workers(1).with_slice_limits(0ms, 0ms).with_slice_log(log.hook()));
    const bastion::child_ref p = rt.spawn(holder(held));
    held.wait_for(1);
    held.open();
    wait_until([&] { return !p.alive(); });
    CHECK(log.said().empty());
}
