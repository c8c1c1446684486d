// The explorer itself: it finds what it is there to find, and counts what can be counted by hand.
#include "model/explorer.hpp"
#include "support/catch.hpp"

#include <array>

namespace {

using model::outcome;
using order = std::memory_order;

template <class T>
using atomic = model::atomics::atomic<T>;

bool finds(const outcome& o, const char* what) { return o.failure.find(what) != std::string::npos; }

} // namespace

TEST_CASE("explorer: it sees every interleaving once") {
    const auto two_threads = [](int steps) {
        return [steps](model::run& r) {
            auto& atoms = r.make<std::array<atomic<int>, 2>>();
            for (std::size_t i : {0u, 1u})
                r.thread([&atoms, i, steps] {
                    for (int k = 0; k < steps; ++k) atoms[i].store(k);
                });
        };
    };
    // Ways to merge two sequences: 2 over 1, 4 over 2, 6 over 3, as long as no merge needs more preemptions.
    CHECK(model::explore(two_threads(1)).interleavings == 2);
    CHECK(model::explore(two_threads(2)).interleavings == 6);
    CHECK(model::explore(two_threads(3), {.preemptions = 10}).interleavings == 20);
    // Without preemptions: one after the other.
    CHECK(model::explore(two_threads(3), {.preemptions = 0}).interleavings == 2);
}

TEST_CASE("explorer: a message passed without the orders that it needs is a race") {
    const auto pass = [](order store, order load) {
        return model::explore([=](model::run& r) {
            auto& text = r.make<model::plain<int>>(0);
            auto& there = r.make<atomic<bool>>(false);
            r.thread([&, store] {
                text = 1;
                there.store(true, store);
            });
            r.thread([&, load] {
                if (there.load(load)) model::require(text == 1, "the text");
            });
        });
    };
    CHECK(pass(order::release, order::acquire).failure.empty());
    CHECK(finds(pass(order::relaxed, order::acquire), "a race"));
    CHECK(finds(pass(order::release, order::relaxed), "a race"));
}

TEST_CASE("explorer: a release goes on through read-modify-writes, and ends at a plain store") {
    const auto through = [](bool by_store) {
        return model::explore([=](model::run& r) {
            auto& text = r.make<model::plain<int>>(0);
            auto& word = r.make<atomic<int>>(0);
            r.thread([&] {
                text = 1;
                word.store(1, order::release);
            });
            r.thread([&, by_store] {
                if (by_store) {
                    if (word.load(order::relaxed) == 1) word.store(2, order::relaxed);
                } else {
                    int one = 1;
                    word.compare_exchange_strong(one, 2, order::relaxed, order::relaxed);
                }
            });
            r.thread([&] {
                if (word.load(order::acquire) == 2) model::require(text == 1, "the text");
            });
        });
    };
    CHECK(through(false).failure.empty());
    CHECK(finds(through(true), "a race"));
}

TEST_CASE("explorer: two that announce themselves and then look both miss each other unless it is seq_cst") {
    const auto dekker = [](order store, order load) {
        return model::explore([=](model::run& r) {
            auto& atoms = r.make<std::array<atomic<int>, 2>>();
            auto& saw = r.make<std::array<int, 2>>();
            for (std::size_t i : {0u, 1u})
                r.thread([&, i, store, load] {
                    atoms[i].store(1, store);
                    saw[i] = atoms[1 - i].load(load);
                });
            r.at_end([&] { model::require(saw[0] + saw[1] > 0, "both missed"); });
        });
    };
    CHECK(dekker(order::seq_cst, order::seq_cst).failure.empty());
    CHECK(finds(dekker(order::release, order::seq_cst), "both missed"));
    CHECK(finds(dekker(order::seq_cst, order::acquire), "both missed"));
}

TEST_CASE("explorer: seq_cst loads of one atomic have their order also where its stores have none") {
    // The second sees the first's store, and not the third's; the third then cannot miss the first's.
    const auto look = [](order load) {
        return model::explore([=](model::run& r) {
            auto& x = r.make<atomic<int>>(0);
            auto& y = r.make<atomic<int>>(0);
            auto& saw = r.make<std::array<int, 3>>();
            r.thread([&] { x.store(1, order::relaxed); });
            r.thread([&] {
                saw[0] = x.load();
                saw[1] = y.load();
            });
            r.thread([&, load] {
                y.store(1);
                saw[2] = x.load(load);
            });
            r.at_end([&] { model::require(!(saw[0] == 1 && saw[1] == 0 && saw[2] == 0), "out of order"); });
        });
    };
    const outcome good = look(order::seq_cst);
    CHECK(good.failure.empty());
    CHECK(good.complete);
    CHECK(good.discarded > 0);
    CHECK(finds(look(order::acquire), "out of order"));
}

TEST_CASE("explorer: one thread never sees an atomic go back") {
    const outcome o = model::explore([](model::run& r) {
        auto& a = r.make<atomic<int>>(0);
        r.thread([&] {
            a.store(1, order::relaxed);
            a.store(2, order::relaxed);
        });
        r.thread([&] {
            const int first = a.load(order::relaxed);
            model::require(a.load(order::relaxed) >= first, "back");
        });
    });
    CHECK(o.failure.empty());
    CHECK(o.complete);
}

TEST_CASE("explorer: a lost wake-up is a sleep for ever, and the steps that led there are told") {
    const auto sleep = [](bool looks_again) {
        return model::explore([=](model::run& r) {
            auto& ready = r.make<atomic<int>>(0);
            r.thread([&, looks_again] {
                if (ready.load() == 1) return;
                model::kernel::wait(&ready, [&] { return looks_again && ready.newest() == 1; });
            });
            r.thread([&] {
                ready.store(1);
                model::kernel::wake(&ready);
            });
        });
    };
    CHECK(sleep(true).failure.empty());
    const outcome lost = sleep(false);
    CHECK(finds(lost, "asleep for ever: thread 1"));
    CHECK(finds(lost, "explorer_test.cpp:"));
}

TEST_CASE("explorer: memory that was given back is not touched, nor given back behind a reader's back") {
    const auto give_back = [](order done) {
        return model::explore([=](model::run& r) {
            auto& thing = r.make<model::plain<int>>(1);
            auto& read = r.make<atomic<bool>>(false);
            r.thread([&, done] {
                (void)thing.get();
                read.store(true, done);
            });
            r.thread([&] {
                if (read.load(order::acquire)) thing.free();
            });
        });
    };
    CHECK(give_back(order::release).failure.empty());
    CHECK(finds(give_back(order::relaxed), "a race"));
    CHECK(finds(model::explore([](model::run& r) {
        auto& thing = r.make<model::plain<int>>(1);
        r.thread([&] {
            thing.free();
            (void)thing.get();
        });
    }),
        "after it was given back"));
}

TEST_CASE("explorer: who spins waits for others, and where nobody helps that is a failure") {
    const auto spin = [](bool helped) {
        return model::explore([=](model::run& r) {
            auto& go = r.make<atomic<bool>>(false);
            r.thread([&] {
                while (!go.load(order::relaxed)) model::pause();
            });
            r.thread([&, helped] { go.store(helped, order::relaxed); });
        });
    };
    const outcome good = spin(true);
    CHECK(good.failure.empty());
    CHECK(good.complete);
    CHECK(finds(spin(false), "spins"));
}

TEST_CASE("explorer: a weakened place is weakened alone") {
    const auto program = [](model::run& r) {
        auto& text = r.make<model::plain<int>>(0);
        auto& there = r.make<atomic<bool>>(false);
        r.thread([&] {
            text = 1;
            there.store(true, order::release);
        });
        r.thread([&] {
            if (there.load(order::acquire)) (void)text.get();
        });
    };
    const auto sites = model::sites_met(program);
    REQUIRE(sites.size() == 2);
    for (model::site s : sites) {
        REQUIRE(model::weaker(s).size() == 1);
        s.order = model::weaker(s).front();
        CHECK(finds(model::explore(program, {}, &s), "a race"));
    }
}
