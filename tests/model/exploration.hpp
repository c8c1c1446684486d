// The explorer inside: one exploration of one program. explorer.cpp decides who goes on, late_read.cpp about loads that
// return what is stored later; memory.cpp, which keeps what was stored, asks both.
#ifndef BASTION_TESTS_MODEL_EXPLORATION_HPP
#define BASTION_TESTS_MODEL_EXPLORATION_HPP

#include "model/consistency.hpp"
#include "model/explorer.hpp"

#include <boost/context/detail/fcontext.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace model {

enum class status : std::uint8_t { absent, ready, blocked, done };

constexpr std::uint64_t not_paused = ~std::uint64_t{0};

struct fiber {
    boost::context::detail::fcontext_t context = nullptr;
    status now = status::absent;
    clock known;
    std::uint64_t paused_at = not_paused; // until somebody changes an atomic, or nobody else can go on
    // How often it has looked again, since somebody changed an atomic, because nobody else could go on.
    int looks = 0;
    std::uint64_t looked_at = 0; // as `changes_` was then
    bool fresh = false; // after a pause it sees the newest values: stores become visible in finite time
    bool held = false; // until what it has read early is stored
    const void* asleep_on = nullptr;
    std::function<void()> body;
};

// A store that a load executed before may return: the n-th of these bits to that atomic by that thread.
struct later_store {
    detail::bits value;
    std::uint8_t writer = 0;
    std::uint16_t nth = 0;

    bool operator==(const later_store&) const = default;
};

struct choice {
    std::uint8_t taken;
    std::uint8_t of;
    std::vector<later_store> later; // of a load: more answers, found while those before were tried
};

// The load of a run that returns what is stored later, if it has one.
struct promise {
    bool made = false;
    bool open = false; // not stored yet
    later_store what;
    int atomic = 0;
    std::uint8_t reader = 0;
    std::uint64_t step = 0;
    std::size_t load = 0; // in the log
    std::size_t choice = 0; // in the trail
};

class exploration final : public run {
public:
    exploration(const program& p, limits l, const site* weakened);
    exploration(const exploration&) = delete;
    exploration& operator=(const exploration&) = delete;
    ~exploration() override;

    outcome all();
    std::vector<site> met(); // the sites of `all`, which this calls

    void thread(std::function<void()> body) override;
    void at_end(std::function<void()> look) override { looks_.push_back(std::move(look)); }

    // ---- what a running thread does
    [[nodiscard]] std::uint8_t self() const { return static_cast<std::uint8_t>(current_); }
    [[nodiscard]] clock& known() { return fibers_[current_].known; }
    void tick() { ++known().ticks[current_]; }
    // A step is about to be made: decides who makes the next one.
    void step();
    void pause();
    void sleep(const void* address);
    void wake(const void* address);
    // The program is wrong.
    [[noreturn]] void give_up(std::string why);
    std::memory_order order_of(const site& s);
    void changed() { ++changes_; }
    [[nodiscard]] bool spurious_wake() { return spurious_left_ > 0 && choose(2) == 1 && spurious_left_-- > 0; }
    [[nodiscard]] int next_atomic() { return atomics_++; }

    // ---- late reads
    [[nodiscard]] bool logs() const { return limits_.late_reads || logs_; }
    void log(
        deed what, std::uint16_t place, std::memory_order order = std::memory_order_relaxed, std::size_t number = 0) {
        log_.push_back({what, self(), order, place, static_cast<std::uint16_t>(number)});
    }
    [[nodiscard]] std::uint16_t next_place() { return places_++; }
    // Races show at the end of the run, when all that happens before an access is known.
    [[nodiscard]] bool judged_at_the_end() const { return promise_.made; }
    // The reader of what is not stored yet waits for it before it touches that atomic again.
    void await_promise(int atomic);
    [[nodiscard]] detail::got choose_value(
        detail::later_reads& reads, int atomic, std::size_t newest, std::size_t oldest);
    void stored(detail::later_reads& reads, int atomic, detail::bits value);

    // ---- the trace of a failure
    void trace(const char* what, const site& s, std::memory_order o, int number);
    void trace_late() {
        if (tracing_) lines_.back() += " (stored later)";
    }
    void trace_value(std::uint64_t v) {
        if (tracing_ && !lines_.empty()) lines_.back() += " = " + std::to_string(v);
    }

private:
    struct room {
        void* at;
        std::size_t size;
        std::size_t align;
    };

    void* room_for(std::size_t size, std::size_t align) override;
    void keep(void* thing, void (*destroy)(void*)) override { things_.push_back({thing, destroy}); }
    [[nodiscard]] std::size_t choose(std::size_t n);
    void one_run();
    void forget_run();
    void clear();
    [[nodiscard]] bool next_run();
    void start(std::size_t i, std::function<void()> body);
    void jump(std::size_t to);
    void leave(); // the current thread cannot go on: the next one, or the explorer if there is none
    [[noreturn]] void end_run(std::string why); // nobody can go on as the program means it
    [[noreturn]] void discard(); // the run shows nothing
    [[nodiscard]] std::optional<std::size_t> pick();
    [[nodiscard]] bool lasts(detail::bits value) const;
    void keep_promise(std::size_t store);
    void judge_run();
    [[nodiscard]] bool stored_anyway();
    static void entry(boost::context::detail::transfer_t from);

    const program& program_;
    const limits limits_;
    const site* const weakened_;
    std::array<std::unique_ptr<char[]>, most_threads> stacks_;
    std::array<fiber, most_threads + 1> fibers_;
    std::vector<room> rooms_; // where the things of each run lie: always in the same places
    std::vector<std::pair<void*, void (*)(void*)>> things_;
    std::vector<std::function<void()>> looks_;
    std::vector<choice> trail_;
    std::size_t at_ = 0; // in the trail
    std::size_t count_ = 0;
    std::size_t current_ = most_threads;
    std::size_t jumped_from_ = most_threads;
    bool concurrent_ = false;
    bool priming_ = false; // the threads run to their first step
    int preemptions_ = 0;
    int stale_ = 0;
    int spurious_left_ = 0;
    int atomics_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t changes_ = 0;
    std::string failure_;
    bool failed_ = false;
    bool discarded_ = false;

    promise promise_;
    std::optional<std::size_t> instead_; // of what is stored later the load returns the value so far behind the newest
    bool stored_anyway_ = false;
    std::uint16_t places_ = 0;
    bool logs_ = false; // for this run
    std::size_t log_start_ = 0; // of the threads
    std::size_t log_end_ = 0;
    std::vector<event> log_;
    judge judge_;

    bool tracing_ = false;
    bool collecting_ = false;
    std::vector<std::string> lines_;
    std::vector<site> sites_;
};

extern exploration* here; // the one that runs

} // namespace model

#endif
