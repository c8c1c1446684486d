#pragma once

// A random supervision tree whose processes talk at random, for simulations: what they do comes from the seed, and what
// they have done is counted here, by the processes themselves, to be compared with what the library says.

#include "support/ledger.hpp"
#include "testing/random_families.hpp"
#include "testing/random_letters.hpp"
#include "testing/random_routing.hpp"
#include "testing/random_sizes.hpp"
#include "testing/random_work.hpp"

#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace trees {

using test::token;

// What all processes of a run have counted, and whom they know. One thread: no locks.
class ledger : public test::ledger {
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

    // Counts what this run's reports say about messages of the types below.
    void report(const bastion::log_record& r);
    // Throws testing::failure unless everything adds up; when all processes have ended.
    void check() const;
    // How often what is counted here has happened; what a thousand runs have at 0 is not tried.
    [[nodiscard]] std::vector<happening> happenings() const;

    // `sent` are the messages told and asked at once; these are cancelled and given up without a word.
    test::messages may_be_cancelled;
    std::uint64_t lost_in_hand = 0; // of `sent`, by the reports
    std::uint64_t not_sent = 0; // made for a call that found no memory
    std::uint64_t replies = 0;
    std::uint64_t received_deep = 0;
    std::uint64_t rested_on_fiber = 0;
    std::unordered_map<const void*, int> bodies; // by element
    std::unordered_map<const void*, std::int64_t> downs_due; // by watcher: monitors made, less notices that came
    std::uint64_t downs = 0;
    std::array<std::uint64_t, bastion::testing::coverage::kinds> down_reasons{};
    std::array<std::uint64_t, 5> moments{}; // callbacks
    bool is_punctual = false; // the simulation's time stands still while there is work
    work_book work;
    routing_book routing;
    letter_book letters;
    family_book families;
    size_book sizes;

private:
    bastion::testing::simulation& sim_;
    bastion::random_source random_;
    std::vector<bastion::child_ref> known_;
    bastion::child_ref gone_;
    std::string problem_;
};

struct job {
    explicit job(ledger& l) : ticket(l.sent) {}
    token ticket;
};
struct tick {
    explicit tick(ledger& l) : ticket(l.may_be_cancelled) {}
    token ticket;
};
struct query {
    using answer_type = std::uint64_t;
    query(ledger& l, std::uint64_t number) : ticket(l.sent), n(number) {}
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
// What a child of a process does, whose parent is the body of that number.
bastion::process child_life(bastion::context ctx, ledger& l, std::uint64_t parent, int generation);

// A whole run: a tree, work for it until so many turns and 10,000 steps are taken, its end, and the check of the ledger.
void random_run(bastion::testing::simulation& sim, std::uint64_t turns, ledger& l);

} // namespace trees
