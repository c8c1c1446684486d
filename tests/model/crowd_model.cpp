// A crowd in all interleavings: processes that join and leave, an owner that takes them out, and blocks that are used again.
#include "model/checked.hpp"

#include <bastion/process/block_words.hpp>
#include <bastion/process/crowd.hpp>

#include <array>

namespace {

using model::atomics;

struct process;
using crowd = bastion::detail::basic_crowd<process, atomics>;

struct process {
    bastion::detail::list_hook<process> sibling;
    bastion::detail::basic_crowd_place<process, atomics> place;
    std::uint32_t index = 0;
    bastion::detail::basic_generation<atomics> generation;
    bastion::detail::basic_owner_word<int, atomics> owner;
    // The model's own.
    bool joined = false;
    bool left = false;
    bool told = false;

    process() { generation.begin_above(0); }

    // As spawn_element and end_incarnation do.
    void live(crowd& c, std::size_t worker, int& its_owner) {
        owner.set(&its_owner);
        joined = c.join(*this, worker, nullptr);
        if (joined) end();
    }
    void end() { (crowd::leave(*this) ? left : told) = true; }
};

constexpr std::size_t workers = 2;

struct scene {
    crowd all{workers};
    std::array<process, 2> processes;
    process first; // has made the pages
    crowd::list children; // the owner's, as the next
    int owner = 0;

    scene() {
        all.open();
        first.live(all, 0, owner);
    }
    [[nodiscard]] bool has(const process& one) const {
        for (const process* p = children.front(); p != nullptr; p = crowd::list::next(p))
            if (p == &one) return true;
        return false;
    }
    // Each that had come has left, or is its owner's, who is told.
    void each_once() const {
        model::require(first.left, "who ends undisturbed leaves");
        for (const process& p : processes) {
            model::require(p.left + p.told == (p.joined ? 1 : 0), "who has come ends once");
            model::require(p.told == has(p), "its owner has whom it is told of, and nobody else");
        }
    }
};

// Two processes come and go, the owner takes out whoever is there, and closes.
void comers_against_a_stop(model::run& r) {
    auto& s = r.make<scene>();
    for (std::size_t i : {0u, 1u}) r.thread([&s, i] { s.processes[i].live(s.all, i, s.owner); });
    r.thread([&] {
        s.all.take_all(s.children);
        s.all.close();
        s.all.take_all(s.children);
    });
    r.at_end([&] { s.each_once(); });
}

// Two on one page, of which one ends elsewhere.
void leavers_of_one_page(model::run& r) {
    auto& s = r.make<scene>();
    for (process& p : s.processes) {
        p.owner.set(&s.owner);
        p.joined = s.all.join(p, 0, nullptr);
    }
    for (process& p : s.processes) r.thread([&p] { p.end(); });
    r.thread([&] { s.all.take_all(s.children); });
    r.at_end([&] { s.each_once(); });
}

// Somebody speaks to the owner of a process that leaves meanwhile; its block is used again, below another owner.
void spoken_of_and_used_again(model::run& r) {
    auto& s = r.make<scene>();
    auto& elsewhere = r.make<scene>();
    process& p = s.processes[0];
    p.owner.set(&s.owner);
    p.joined = s.all.join(p, 1, nullptr);
    const std::uint64_t life = p.generation.now();
    auto& own = r.make<bool>(false);
    r.thread([&] {
        p.end();
        if (!p.left) return;
        p.owner.clear();
        p.owner.set(&elsewhere.owner);
        model::require(elsewhere.all.join(p, 0, nullptr), "the other crowd is open");
    });
    r.thread([&, life] {
        own = s.all.take_if(p, s.children, [&] { return p.generation.is(life) && p.owner.now() == &s.owner; });
    });
    r.at_end([&] {
        model::require(own == s.has(p), "who is the owner's is among its children");
        model::require(p.left != own, "it has left, or is its owner's");
        model::require(
            p.left == (p.place.page.get() != nullptr && p.place.page.get()->has(p)), "then it lives elsewhere");
    });
}

// On another worker the first comes, and its page is made, while somebody speaks of one that is there.
void first_comer_of_a_worker_against_a_question(model::run& r) {
    auto& s = r.make<scene>();
    process& there = s.processes[0];
    there.owner.set(&s.owner);
    there.joined = s.all.join(there, 0, nullptr);
    r.thread([&] { s.processes[1].live(s.all, 1, s.owner); });
    r.thread([&] {
        model::require(s.all.take_if(there, s.children, [] { return true; }), "it is there");
        s.all.take_all(s.children);
    });
    r.at_end([&] {
        const process& other = s.processes[1];
        model::require(
            s.has(there) && other.told == s.has(other), "its owner has whom it spoke of, and whom it is told of");
    });
}

// Nobody has come yet.
struct beginning {
    crowd all{workers};
    std::array<process, 2> processes;
    crowd::list children; // the owner's, as the next
    int owner = 0;

    beginning() { all.open(); }
    void each_once() const {
        for (const process& p : processes)
            model::require(p.left + p.told == (p.joined ? 1 : 0), "who has come ends once");
    }
};

// Two come to stay, one of them where somebody has been before, while their owner stops.
void stayers_against_a_stop(model::run& r) {
    auto& s = r.make<scene>();
    for (std::size_t i : {0u, 1u})
        r.thread([&s, i] { s.processes[i].joined = s.all.join(s.processes[i], i, nullptr); });
    r.thread([&] {
        s.all.close();
        s.all.take_all(s.children);
    });
    r.at_end([&] {
        for (const process& p : s.processes) model::require(p.joined == s.has(p), "who is let in is stopped");
    });
}

// The first two make the pages, while their owner looks who is there, closes and opens again.
void first_comers_against_a_restart(model::run& r) {
    auto& s = r.make<beginning>();
    for (std::size_t i : {0u, 1u}) r.thread([&s, i] { s.processes[i].live(s.all, i, s.owner); });
    r.thread([&] {
        s.all.take_all(s.children);
        s.all.close();
        s.all.take_all(s.children);
        s.all.open();
    });
    r.at_end([&] {
        s.each_once();
        process last;
        model::require(s.all.join(last, 0, nullptr) && crowd::leave(last), "it is open");
    });
}

// The first makes the pages, while its owner is asked about one that is gone.
void first_comer_against_a_question(model::run& r) {
    auto& s = r.make<beginning>();
    process& gone = s.processes[1];
    const std::uint64_t another = gone.generation.now() + 1;
    r.thread([&] { s.processes[0].live(s.all, 0, s.owner); });
    r.thread([&] {
        model::require(!s.all.take_if(gone, s.children, [&, another] { return gone.generation.is(another); }),
            "it is not its own");
    });
    r.at_end([&] {
        s.each_once();
        model::require(s.processes[0].left, "who ends undisturbed leaves");
    });
}

} // namespace

TEST_CASE("model: processes that come and go by themselves against a stop") {
    model::check(comers_against_a_stop, {}, 2);
}
TEST_CASE("model: processes that come to stay against a stop") { model::check(stayers_against_a_stop, {}, 2); }
TEST_CASE("model: processes of one page that end") { model::check(leavers_of_one_page, {}, 2); }
TEST_CASE("model: a process that leaves while somebody speaks of it, and its block is used again") {
    model::check(spoken_of_and_used_again, {.stale_reads = 2}, 2);
}
TEST_CASE("model: the first that comes on a worker, and a question about one of another") {
    model::check(first_comer_of_a_worker_against_a_question, {}, 2);
}
TEST_CASE("model: the first that come, against a restart of their owner") {
    model::check(first_comers_against_a_restart, {}, 2);
}
TEST_CASE("model: the first that comes, and a question about one that is gone") {
    model::check(first_comer_against_a_question, {}, 2);
}
