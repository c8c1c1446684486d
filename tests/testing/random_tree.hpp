#pragma once

// A random supervision tree whose processes talk at random, for simulations: what they do comes from the seed, and what
// they have done is counted here, by the processes themselves, to be compared with what the library says.

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace test {

// What all processes of a run have counted. One thread: no locks.
class ledger {
public:
    ledger(bastion::testing::simulation& sim, std::uint64_t seed) : sim_(sim), random_(seed) {}
    ledger(const ledger&) = delete;
    ledger& operator=(const ledger&) = delete;

    [[nodiscard]] std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_.below(n)); }
    [[nodiscard]] std::chrono::nanoseconds time_below(std::chrono::nanoseconds most);
    // One of those that have lived lately; nobody at the beginning.
    [[nodiscard]] bastion::child_ref anybody();
    [[nodiscard]] std::size_t alive() const;
    void lives(const bastion::child_ref& who);
    // The first thing that went wrong is what the run fails for.
    void wrong(const std::string& what) {
        if (problem_.empty()) problem_ = what;
    }
    [[nodiscard]] std::chrono::nanoseconds now() const { return sim_.now(); }

    // Ends what this run's reports and dead letters say about messages of the types below.
    void watch(bastion::runtime& rt);
    void report(const bastion::log_record& r);
    // Throws testing::failure unless everything adds up; when all processes have ended.
    void check() const;

    // Messages: those told and asked at once, and those that are cancelled and given up without a word.
    struct messages {
        std::uint64_t made = 0;
        std::uint64_t handled = 0;
        std::uint64_t lost = 0; // destroyed unhandled
    };
    messages sent;
    messages may_be_cancelled;
    std::uint64_t dead = 0; // of `sent`, by the library's account
    std::uint64_t lost_in_hand = 0; // of `sent`, by the reports
    // Questions.
    std::uint64_t asked = 0;
    std::uint64_t answered = 0;
    std::uint64_t unanswered = 0; // an error came
    std::uint64_t abandoned = 0; // the asker ended first
    std::uint64_t replies = 0;
    // Bodies.
    std::uint64_t began = 0;
    std::uint64_t over = 0;
    std::unordered_map<const void*, int> bodies; // by element
    std::unordered_map<const void*, std::int64_t> downs_due; // by watcher: monitors made, less notices that came
    std::uint64_t downs = 0;
    std::array<std::uint64_t, bastion::testing::coverage::kinds> down_reasons{};
    std::array<std::uint64_t, 5> moments{}; // callbacks

private:
    bastion::testing::simulation& sim_;
    bastion::random_source random_;
    std::vector<bastion::child_ref> known_;
    std::string problem_;
};

// Goes with a message: handled once, or lost.
class token {
public:
    token(ledger& l, ledger::messages& account) : ledger_(l), account_(&account) { ++account.made; }
    token(token&& other) noexcept
        : ledger_(other.ledger_), account_(std::exchange(other.account_, nullptr)), handled_(other.handled_) {}
    token& operator=(token&&) = delete;
    ~token() {
        if (account_ != nullptr && !handled_) ++account_->lost;
    }
    void handle() {
        if (handled_) ledger_.wrong("a message was handled twice");
        handled_ = true;
        ++account_->handled;
    }

private:
    ledger& ledger_;
    ledger::messages* account_; // null: moved from
    bool handled_ = false;
};

struct job {
    explicit job(ledger& l) : ticket(l, l.sent) {}
    token ticket;
};
struct tick {
    explicit tick(ledger& l) : ticket(l, l.may_be_cancelled) {}
    token ticket;
};
struct query {
    using answer_type = std::uint64_t;
    query(ledger& l, std::uint64_t number) : ticket(l, l.sent), n(number) {}
    token ticket;
    std::uint64_t n;
};
struct news {
    int number = 0;
};

// About 50 processes, three levels of supervisors, every strategy, policy, scope, mailbox and kind of body.
[[nodiscard]] bastion::supervisor random_tree(ledger& l);
// One more process, in case too many have ended.
bastion::process any_worker(bastion::context ctx, ledger& l);

// A whole run: a tree, work for it until so many turns are taken, its end, and the check of the ledger.
void random_run(bastion::testing::simulation& sim, std::uint64_t turns, ledger& l);

} // namespace test
