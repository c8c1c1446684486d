// An explorer of interleavings: runs a small program of several threads again and again, until every schedule up to a
// bound of preemptions has been seen, with every value that a load may return under the orders written in the code.
//
// The shipped lock-free classes take their atomics from a policy (base/atomics.hpp); `model::atomics` is the explorer's.
// It is not the processor's memory: each atomic keeps all values it ever had, a load chooses among those that C++
// allows (so a missing seq_cst shows as a stale read, also on x86), and happens-before follows from the orders alone:
// release, acquire, release sequences through read-modify-writes, seq_cst. Any plain access or free that it does not
// order fails, and so does a schedule that ends with somebody asleep.
//
// Where a program asks for it, one load of each run may also return what another thread stores later (late_read.cpp): it
// takes effect after what follows it. Together with old values this shows what a missing release, acquire or seq_cst
// allows that is in no order of execution.
//
// A failure is one only if C++20 allows what has happened: all events of a run that fails, or has a late read, are judged
// together (consistency.hpp). So what is told is real; what is not told may be out of reach:
//   two late reads in one run, or one by a read-modify-write, which reads the newest value always;
//   an order of one atomic's stores other than that of execution;
//   consume, fences (the project has none), spurious failure of weak CAS.
//
// How it works: one fiber per thread; before each operation on an atomic the explorer decides who goes on. The
// decisions of a run are written down; the next run repeats them up to the last one that has another answer left
// (Musuvathi and Qadeer 2007 for the bound; the values a load may see, also later ones, after Norris and Demsky 2013).
#ifndef BASTION_TESTS_MODEL_EXPLORER_HPP
#define BASTION_TESTS_MODEL_EXPLORER_HPP

#include <bastion/base/source_location.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace model {

inline constexpr std::size_t most_threads = 6; // with the one that sets up and looks at the end

// A vector clock: what each thread has done, as far as its holder knows.
struct clock {
    std::array<std::uint16_t, most_threads> ticks{};

    void join(const clock& other) noexcept {
        for (std::size_t i = 0; i < most_threads; ++i)
            if (ticks[i] < other.ticks[i]) ticks[i] = other.ticks[i];
    }
    bool operator==(const clock&) const = default;
};

enum class operation : std::uint8_t { load, store, rmw, cas, cas_failed };

// A place in the shipped code that touches an atomic.
struct site {
    bastion::source_location where;
    operation what{};
    std::memory_order order = std::memory_order_seq_cst;

    [[nodiscard]] bool same_place(const site& other) const noexcept;
};

// All orders that are weaker, and mean something there; the strongest first.
[[nodiscard]] std::vector<std::memory_order> weaker(const site& s);
[[nodiscard]] const char* name_of(std::memory_order order) noexcept;
[[nodiscard]] const char* name_of(operation what) noexcept;

struct limits {
    int preemptions = 3;
    int stale_reads = 3; // loads of one run that do not return the newest value
    // Also loads that return what is stored later, one in a run. Then the program must bear any value that another run has
    // stored there: in this one it may turn out not to be stored at all.
    bool late_reads = false;
    std::uint64_t late_steps = 50; // how much later, in operations of all threads
    std::uint64_t steps = 2000; // operations of one run: more is taken for a livelock
    std::uint64_t runs = 20'000'000;
};

struct outcome {
    std::uint64_t interleavings = 0;
    std::uint64_t discarded = 0; // runs beside them that C++ does not allow
    bool complete = false; // all of them were seen
    std::string failure; // empty: none; else what went wrong and the steps that led there
};

// One run of a program, as its setup sees it.
class run {
public:
    virtual ~run() = default;
    // A thread; all start together when the setup is over.
    virtual void thread(std::function<void()> body) = 0;
    // Looked at when all threads are through.
    virtual void at_end(std::function<void()> look) = 0;

    // Something that lives as long as the run.
    template <class T, class... Args>
    T& make(Args&&... args) {
        T* const made = ::new (room_for(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
        keep(made, [](void* thing) { static_cast<T*>(thing)->~T(); });
        return *made;
    }

private:
    // The same in every run, so that a pointer stored in one means something in another.
    virtual void* room_for(std::size_t size, std::size_t align) = 0;
    virtual void keep(void* thing, void (*destroy)(void*)) = 0;
};

using program = std::function<void(run&)>;

// Explores all interleavings of the program. `weakened`: the operations of that place take that order instead.
[[nodiscard]] outcome explore(const program& p, limits l = {}, const site* weakened = nullptr);

// The places of atomic operations that explorations of this program's threads have met, each once.
[[nodiscard]] std::vector<site> sites_met(const program& p, limits l = {});

// ---- inside a run

// Ends the run with a failure unless the condition holds.
void require(bool holds, const char* what);
[[noreturn]] void fail(const std::string& why);
// Waits for another thread's doing; for spinning loops.
void pause();

namespace detail {

// A value as the explorer compares it.
struct bits {
    std::uint64_t value = 0;
    bool pointer = false;

    bool operator==(const bits&) const = default;
};

// What a load gets: one of the values stored, or one that is stored later.
struct got {
    std::size_t number = 0;
    bool late = false;
    bits later;
};

// What a run has done with an atomic, for loads of other runs that return what is stored after them.
struct later_reads {
    struct count {
        bits value;
        std::uint8_t writer;
        std::uint16_t times;
    };
    struct load {
        std::size_t choice; // in the trail
        std::uint8_t reader;
    };
    std::vector<count> stored;
    std::vector<load> loads;
};

// Plain memory: who wrote it last, and who has read it since.
class access {
public:
    void read() const;
    void write();
    void kill();
    // For what keeps a log of its own.
    void check_read() const;
    // Its number in the log of the run.
    [[nodiscard]] std::uint16_t place() const;

private:
    void check_write();

    mutable clock reads_;
    mutable std::uint16_t place_ = 0; // 0: none yet
    std::uint8_t writer_ = 0;
    std::uint16_t written_ = 0;
    bool dead_ = false;
};

// The memory of one atomic: who stored what, and who is known to have seen it. Values live in the template.
class history {
public:
    history();
    history(const history&) = delete;
    history& operator=(const history&) = delete;

    // Lets others run first; then says which stored value a load gets.
    got load(const site& s);
    void store(const site& s);
    // Lets others run first; the newest value's number. Then exactly one of the next two.
    std::size_t begin_rmw();
    void modify(const site& s);
    void refuse(const site& failed);
    void stored(bits value); // by the store or change just made
    void free();

    [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }

private:
    struct record {
        clock released; // what whoever acquires it learns
        bool seq_cst = false;
    };
    struct seen {
        std::uint8_t thread;
        std::uint16_t tick;
        std::uint16_t number;
    };
    [[nodiscard]] std::size_t oldest_allowed(bool seq_cst) const;
    void observe(std::size_t number);

    std::vector<record> records_;
    std::vector<seen> seen_;
    later_reads later_;
    access touched_; // every operation reads it, giving back the memory writes it
    int number_; // of this atomic, for the trace
};

void note_value(std::uint64_t value); // for the trace, of the operation just done

} // namespace detail

// Plain memory whose races, uses after free and unordered reuse the explorer sees.
template <class T>
class plain {
public:
    plain() = default;
    plain(T value) : value_(value) { access_.write(); }
    plain(const plain& other) : plain(static_cast<T>(other)) {}
    plain& operator=(const plain& other) { return *this = static_cast<T>(other); }
    plain& operator=(T value) {
        access_.write();
        value_ = value;
        return *this;
    }
    operator T() const {
        access_.read();
        return value_;
    }
    [[nodiscard]] T get() const { return static_cast<T>(*this); }
    void set(T value) { *this = value; }
    // Its memory is given back: nobody may touch it any more, and all who have must be known to be through.
    void free() { access_.kill(); }

private:
    detail::access access_;
    T value_{};
};

// The policy for the shipped classes.
struct atomics {
    template <class T>
    class atomic;
    template <class T>
    using var = plain<T>;
    static void pause() { model::pause(); }
    static void yield() { model::pause(); }
};

template <class T>
class atomics::atomic {
    static constexpr auto strict = std::memory_order_seq_cst;
    using order_type = std::memory_order;
    using where = bastion::source_location;

public:
    constexpr atomic() : atomic(T{}) {}
    constexpr atomic(T value) : values_{value} {}

    T load(order_type o = strict, where w = where::current()) const {
        const detail::got got = history_.load({w, operation::load, o});
        return noted(got.late ? value_of(got.later) : values_[got.number]);
    }
    void store(T value, order_type o = strict, where w = where::current()) {
        history_.store({w, operation::store, o});
        put(value);
    }
    T exchange(T value, order_type o = strict, where w = where::current()) {
        return change([&](T) { return value; }, {w, operation::rmw, o});
    }
    T fetch_add(T n, order_type o = strict, where w = where::current()) {
        return change([&](T old) { return static_cast<T>(old + n); }, {w, operation::rmw, o});
    }
    T fetch_sub(T n, order_type o = strict, where w = where::current()) {
        return change([&](T old) { return static_cast<T>(old - n); }, {w, operation::rmw, o});
    }
    T fetch_or(T bits, order_type o = strict, where w = where::current()) {
        return change([&](T old) { return static_cast<T>(old | bits); }, {w, operation::rmw, o});
    }
    T fetch_and(T bits, order_type o = strict, where w = where::current()) {
        return change([&](T old) { return static_cast<T>(old & bits); }, {w, operation::rmw, o});
    }
    bool compare_exchange_strong(T& expected, T wanted, order_type yes, order_type no, where w = where::current()) {
        const T old = values_[history_.begin_rmw()];
        if (old == expected) {
            history_.modify({w, operation::cas, yes});
            put(wanted);
            return true;
        }
        history_.refuse({w, operation::cas_failed, no});
        expected = noted(old);
        return false;
    }
    bool compare_exchange_strong(T& expected, T wanted, order_type o = strict, where w = where::current()) {
        return compare_exchange_strong(expected, wanted, o, on_failure(o), w);
    }
    bool compare_exchange_weak(T& expected, T wanted, order_type yes, order_type no, where w = where::current()) {
        return compare_exchange_strong(expected, wanted, yes, no, w);
    }
    bool compare_exchange_weak(T& expected, T wanted, order_type o = strict, where w = where::current()) {
        return compare_exchange_strong(expected, wanted, o, on_failure(o), w);
    }

    // For the model of the kernel: the newest value, without a step.
    [[nodiscard]] T newest() const { return values_.back(); }
    // Its memory is given back, as by plain<T>::free.
    void free() { history_.free(); }

private:
    static constexpr order_type on_failure(order_type o) {
        if (o == std::memory_order_acq_rel) return std::memory_order_acquire;
        return o == std::memory_order_release ? std::memory_order_relaxed : o;
    }
    template <class Change>
    T change(Change next, const site& s) {
        const T old = values_[history_.begin_rmw()];
        history_.modify(s);
        put(next(old));
        return old;
    }
    void put(T value) {
        values_.push_back(noted(value));
        history_.stored(bits_of(value));
    }
    static detail::bits bits_of(T value) {
        if constexpr (std::is_pointer_v<T>) return {reinterpret_cast<std::uintptr_t>(value), true};
        else return {static_cast<std::uint64_t>(value), false};
    }
    static T value_of(detail::bits bits) {
        if constexpr (std::is_pointer_v<T>) return reinterpret_cast<T>(static_cast<std::uintptr_t>(bits.value));
        else return static_cast<T>(bits.value);
    }
    static T noted(T value) {
        detail::note_value(bits_of(value).value);
        return value;
    }

    mutable detail::history history_;
    std::vector<T> values_;
};

// What the parker asks of the system: a futex that wakes in any order, and also for no reason once in a run.
struct kernel {
    [[nodiscard]] static std::int64_t now_ns() noexcept { return 0; }
    // With a deadline: the time is over as soon as the kernel finds the word unchanged, however late that is.
    static bool wait_until(const atomics::atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t deadline) {
        return wait(&word, [&] { return word.newest() != expected; }, deadline < 0);
    }
    static void wake_one(const atomics::atomic<std::uint32_t>& word) { wake(&word); }

    // Sleeps on an address unless `changed`; false: did not, as it may not.
    static bool wait(const void* address, const std::function<bool()>& changed, bool may_sleep = true);
    static void wake(const void* address);
};

// Hands things from thread to thread, as a queue under a lock does: for what is not explored itself.
template <class T>
class queue {
public:
    void push(T thing) {
        turn_.fetch_add(1, std::memory_order_acq_rel);
        things_.push_back(thing);
        kernel::wake(this);
    }
    // Waits until there is one.
    T pop() {
        for (;;) {
            turn_.fetch_add(1, std::memory_order_acq_rel);
            if (!things_.empty()) break;
            kernel::wait(this, [this] { return !things_.empty(); });
        }
        T thing = things_.front();
        things_.erase(things_.begin());
        return thing;
    }

private:
    atomics::atomic<int> turn_{0};
    std::vector<T> things_;
};

} // namespace model

#endif
