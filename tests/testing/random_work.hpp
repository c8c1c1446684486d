#pragma once

// What the processes of a random tree do beside their mail: they tell again and again, run tasks and blocking functions,
// keep data, wait for stop tokens. Each has an account here.

#include "support/ledger.hpp"

#include <bastion/bastion.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>

namespace trees {

class ledger;

struct happening {
    const char* what;
    std::uint64_t times;
};

// Goes with a message that is sent as copies: each of them is a message, what they are made from is not.
class copied_token {
public:
    explicit copied_token(test::messages& account) : account_(&account) {}
    copied_token(const copied_token& other) : account_(other.account_), open_(true) { ++account_->made; }
    copied_token(copied_token&& other) noexcept : account_(other.account_), open_(std::exchange(other.open_, false)) {}
    copied_token& operator=(copied_token&&) = delete;
    ~copied_token() {
        if (open_) ++account_->lost;
    }
    void handle() { ++(std::exchange(open_, false) ? account_->handled : account_->again); }

private:
    test::messages* account_;
    bool open_ = false;
};

// One tell_every: its messages are numbered where they are made.
struct series {
    series(bastion::child_ref target, std::chrono::nanoseconds p, std::chrono::nanoseconds now)
        : to(target), period(p), began(now) {}
    bastion::child_ref to;
    std::chrono::nanoseconds period;
    std::chrono::nanoseconds began;
    std::int64_t made = 0;
    std::int64_t taken = 0; // the last number that was
    int in_vain = 0; // made although the target had gone
    bool cancelled = false;
};

class beat {
public:
    beat(ledger& l, series& s);
    beat(const beat& other);
    beat(beat&&) noexcept = default;
    beat& operator=(beat&&) = delete;
    void handle(const bastion::child_ref& by);

private:
    ledger* ledger_;
    series* series_;
    std::int64_t number_ = 0;
    copied_token ticket_;
};

// A tell_every that ends with its holder.
class beating {
public:
    beating(bastion::context ctx, ledger& l);
    beating(beating&& other) noexcept;
    beating& operator=(beating&&) = delete;
    ~beating();

private:
    ledger* ledger_;
    series* series_; // null: left alone, until its target is gone
    bastion::scheduled_tell timer_;
};

// with_data: what an element writes in it is still there when it comes back, unless it failed and wants new ones.
class notebook {
public:
    notebook(ledger& l, bool is_rebuilt);
    notebook(notebook&& other) noexcept;
    notebook& operator=(notebook&&) = delete;
    ~notebook();

private:
    friend class reading;
    ledger* ledger_;
    bool is_rebuilt_;
    std::optional<bastion::child_ref> owner_;
    bool is_open_ = false;
    std::uint64_t pages_ = 0;
};

// In the bodies of elements that have a notebook.
class reading {
public:
    reading(bastion::context ctx, ledger& l);
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;
    ~reading();
    void write();

private:
    notebook& book_;
    std::uint64_t& pages_;
};

// A task that was spawned.
struct errand {
    bool began = false;
    bool returns = false;
    bool threw = false;
    bool over = false;
    int results = 0; // for who joined
};

// Who waits for a blocking function, and how often that has run. Not in the frame: a detached one may outlive that.
struct caller {
    bastion::child_ref who;
    int runs = 0;
};

// A stop that anybody may order, and some sleep until.
struct strike {
    std::stop_source source;
    std::optional<std::chrono::nanoseconds> ordered;
};

// Everything of the kind begun ends in one of three ways.
struct outcomes {
    test::count begun{0};
    test::count results{0};
    test::count given_up{0}; // by a bound
    test::count abandoned{0}; // who waited ended first
    [[nodiscard]] std::string faults(const std::string& which) const {
        return test::mismatch(which + " begun, and ended", begun, results + given_up + abandoned);
    }
};

// What has begun, in the frame of who waits for it.
class waiting {
public:
    explicit waiting(outcomes& of) : of_(of) { ++of_.begun; }
    waiting(const waiting&) = delete;
    waiting& operator=(const waiting&) = delete;
    ~waiting() {
        if (!over_) ++of_.abandoned;
    }
    void result() { over_ = true, ++of_.results; }
    void given_up() { over_ = true, ++of_.given_up; }

private:
    outcomes& of_;
    bool over_ = false;
};

struct work_book {
    std::deque<series> all_series;
    int left_alone = 0; // of these, not to be cancelled
    std::uint64_t beats_taken = 0;

    test::count notebooks{0};
    test::count notebooks_gone{0};
    std::unordered_map<bastion::child_ref, std::uint64_t> pages;
    std::unordered_map<bastion::child_ref, bool> failed; // since it last read

    std::deque<errand> errands;
    outcomes joins;

    std::shared_ptr<strike> next_strike = std::make_shared<strike>();
    outcomes rests;
    std::uint64_t rests_cut = 0;

    std::deque<caller> callers;
    outcomes calls; // of blocking functions
    test::count functions_begun{0};
    test::count functions_over{0};
    std::unordered_map<bastion::child_ref, int> functions; // that run, by who waits for them
    std::uint64_t rebuilt = 0; // notebooks, after a fault
    std::uint64_t kept = 0;
    std::uint64_t failed_joins = 0; // that said why
    std::uint64_t thrown = 0; // by blocking functions

    [[nodiscard]] bool running(const bastion::child_ref& asker) const;

    [[nodiscard]] std::string faults() const;
};

// One thing out of those above. Coroutine bodies only.
[[nodiscard]] bastion::task<void> work(bastion::context ctx, ledger& l, std::deque<beating>& beats);
// A joined task from outside.
void errand_from_outside(bastion::runtime& rt, ledger& l);
// True: the message was one of those above.
[[nodiscard]] bool take_work(ledger& l, bastion::context ctx, bastion::message& m);

} // namespace trees
