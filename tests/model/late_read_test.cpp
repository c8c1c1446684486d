// Loads that return what is stored later: seen where C++20 allows them, and nowhere else.
#include "model/explorer.hpp"
#include "support/catch.hpp"

#include <array>

namespace {

using model::limits;
using model::outcome;
using order = std::memory_order;

template <class T>
using atomic = model::atomics::atomic<T>;

bool finds(const outcome& o, const char* what) { return o.failure.find(what) != std::string::npos; }
bool sound(const outcome& o) {
    INFO(o.failure);
    return o.failure.empty() && o.complete;
}

constexpr limits late{.late_reads = true};
constexpr limits late_without_preemption{.preemptions = 0, .late_reads = true};

// Two that each read one word and then store the other's.
outcome load_buffering(order load, order store, limits l = late) {
    return model::explore(
        [=](model::run& r) {
            auto& words = r.make<std::array<atomic<int>, 2>>();
            auto& saw = r.make<std::array<int, 2>>();
            for (std::size_t i : {0u, 1u})
                r.thread([&, i] {
                    saw[i] = words[i].load(load);
                    words[1 - i].store(1, store);
                });
            r.at_end([&] { model::require(saw[0] + saw[1] < 2, "both saw what came later"); });
        },
        l);
}

} // namespace

TEST_CASE("late reads: each of two may see what the other stores next, unless that is ordered") {
    CHECK(finds(load_buffering(order::relaxed, order::relaxed), "both saw what came later"));
    CHECK(finds(load_buffering(order::acquire, order::relaxed), "both saw what came later"));
    CHECK(finds(load_buffering(order::relaxed, order::release), "both saw what came later"));
    CHECK(sound(load_buffering(order::acquire, order::release)));
    CHECK(sound(load_buffering(order::seq_cst, order::seq_cst)));
    CHECK(sound(load_buffering(order::relaxed, order::relaxed, {})));
}

TEST_CASE("late reads: one-sided order is enough only where it is release and acquire") {
    // One thread reads the text and says so; the other, told so (by a change, which reads nothing late), overwrites it.
    const auto overwrite = [](order done, order told) {
        return model::explore(
            [=](model::run& r) {
                auto& text = r.make<atomic<int>>(1);
                auto& read = r.make<atomic<bool>>(false);
                r.thread([&, done] {
                    const int seen = text.load(order::relaxed);
                    read.store(true, done);
                    model::require(seen == 1, "the text");
                });
                r.thread([&, told] {
                    if (read.exchange(false, told)) text.store(2, order::relaxed);
                });
            },
            late);
    };
    CHECK(sound(overwrite(order::release, order::acquire)));
    CHECK(finds(overwrite(order::relaxed, order::acquire), "the text"));
    CHECK(finds(overwrite(order::release, order::relaxed), "the text"));
}

TEST_CASE("late reads: a release goes on through read-modify-writes, and ends at a plain store") {
    const auto through = [](bool by_store) {
        return model::explore(
            [=](model::run& r) {
                auto& text = r.make<atomic<int>>(1);
                auto& word = r.make<atomic<int>>(0);
                r.thread([&] {
                    const int seen = text.load(order::relaxed);
                    word.store(1, order::release);
                    model::require(seen == 1, "the text");
                });
                r.thread([&, by_store] {
                    int one = 1;
                    if (!by_store) word.compare_exchange_strong(one, 2, order::relaxed, order::relaxed);
                    else if (word.fetch_add(0, order::relaxed) == 1) word.store(2, order::relaxed);
                });
                r.thread([&] {
                    if (word.fetch_add(0, order::acquire) == 2) text.store(2, order::relaxed);
                });
            },
            late);
    };
    CHECK(sound(through(false)));
    CHECK(finds(through(true), "the text"));
}

TEST_CASE("late reads: who reads a store before a seq_cst operation is in their one order only by a seq_cst load") {
    // a stores x. b reads x, then y. c stores y, then reads x. b sees x and not y, c sees not x: y, x, a is the order.
    const auto read_to_write = [](order first) {
        return model::explore(
            [=](model::run& r) {
                auto& x = r.make<atomic<int>>(0);
                auto& y = r.make<atomic<int>>(0);
                auto& saw = r.make<std::array<int, 3>>();
                r.thread([&] { x.store(1); });
                r.thread([&, first] {
                    saw[0] = x.load(first);
                    saw[1] = y.load();
                });
                r.thread([&] {
                    y.store(1);
                    saw[2] = x.load();
                });
                r.at_end([&] { model::require(!(saw[0] == 1 && saw[1] == 0 && saw[2] == 0), "out of order"); });
            },
            late);
    };
    CHECK(sound(read_to_write(order::seq_cst)));
    CHECK(finds(read_to_write(order::acquire), "out of order"));
    CHECK(finds(read_to_write(order::relaxed), "out of order"));
}

TEST_CASE("late reads: what is told with release and acquire after a seq_cst store is later in the one order") {
    // As above, but the first says by a flag that it has stored.
    const auto told = [](order say, order hear) {
        return model::explore(
            [=](model::run& r) {
                auto& x = r.make<atomic<int>>(0);
                auto& y = r.make<atomic<int>>(0);
                auto& flag = r.make<atomic<int>>(0);
                auto& saw = r.make<std::array<int, 3>>();
                r.thread([&, say] {
                    x.store(1);
                    flag.store(1, say);
                });
                r.thread([&, hear] {
                    saw[0] = flag.load(hear);
                    saw[1] = y.load();
                });
                r.thread([&] {
                    y.store(1);
                    saw[2] = x.load();
                });
                r.at_end([&] { model::require(!(saw[0] == 1 && saw[1] == 0 && saw[2] == 0), "out of order"); });
            },
            late);
    };
    CHECK(sound(told(order::release, order::acquire)));
    CHECK(finds(told(order::relaxed, order::acquire), "out of order"));
    CHECK(finds(told(order::release, order::relaxed), "out of order"));
}

TEST_CASE("late reads: two readers agree about seq_cst stores") {
    const auto agree = [](order load) {
        return model::explore(
            [=](model::run& r) {
                auto& words = r.make<std::array<atomic<int>, 2>>();
                auto& saw = r.make<std::array<std::array<int, 2>, 2>>();
                for (std::size_t i : {0u, 1u}) r.thread([&, i] { words[i].store(1); });
                for (std::size_t i : {0u, 1u})
                    r.thread([&, i, load] {
                        saw[i][0] = words[i].load(load);
                        saw[i][1] = words[1 - i].load(load);
                    });
                r.at_end([&] {
                    model::require(
                        !(saw[0][0] == 1 && saw[0][1] == 0 && saw[1][0] == 1 && saw[1][1] == 0), "not one order");
                });
            },
            late);
    };
    CHECK(sound(agree(order::seq_cst)));
    CHECK(finds(agree(order::acquire), "not one order"));
}

TEST_CASE("late reads: what a late read acquires comes before what follows it") {
    // The text is written before the store that the reader may have read before: then it must have seen the text, too.
    const auto pass = [](order store) {
        return model::explore(
            [=](model::run& r) {
                auto& text = r.make<model::plain<int>>(0);
                auto& begun = r.make<atomic<bool>>(false);
                auto& there = r.make<atomic<bool>>(false);
                r.thread([&, store] {
                    begun.store(true, order::relaxed);
                    text = 1;
                    there.store(true, store);
                });
                r.thread([&] {
                    if (there.load(order::acquire)) model::require(text == 1, "the text");
                });
            },
            late);
    };
    const outcome good = pass(order::release);
    CHECK(sound(good));
    CHECK(good.discarded > 0);
    CHECK(!pass(order::relaxed).failure.empty());
}

TEST_CASE("late reads: memory that is given back after a late read, and races of a run that has one") {
    // The reader of the word looks at the text; who is told so writes the word, then the text: only without orders is
    // there a race, and a thread that saw the word knows nothing of what preceded the store.
    const auto race = [](order done, order word) {
        return model::explore(
            [=](model::run& r) {
                auto& text = r.make<model::plain<int>>(0);
                auto& value = r.make<atomic<int>>(0);
                auto& flag = r.make<atomic<bool>>(false);
                r.thread([&, done] {
                    if (value.load(order::relaxed) == 1) (void)text.get();
                    flag.store(true, done);
                });
                r.thread([&, word] {
                    const bool told = flag.load(order::acquire);
                    value.store(1, word);
                    if (told) text.free();
                });
            },
            late);
    };
    CHECK(sound(race(order::release, order::relaxed)));
    CHECK(finds(race(order::relaxed, order::relaxed), "a race"));
}

TEST_CASE("late reads: no value comes out of thin air") {
    // Each stores what it read.
    const outcome copies = model::explore(
        [](model::run& r) {
            auto& words = r.make<std::array<atomic<int>, 2>>();
            for (std::size_t i : {0u, 1u})
                r.thread([&, i] { words[1 - i].store(words[i].load(order::relaxed), order::relaxed); });
            r.at_end([&] { model::require(words[0].load() == 0 && words[1].load() == 0, "42"); });
        },
        late);
    CHECK(sound(copies));
    // The third makes the second's store possible without the first: a late read of it is then known, and yet where the
    // third comes too late the store would prove itself.
    const auto proves_itself = [](bool depends) {
        return model::explore(
            [=](model::run& r) {
                auto& x = r.make<atomic<int>>(0);
                auto& y = r.make<atomic<int>>(0);
                auto& saw = r.make<std::array<int, 3>>();
                r.thread([&, depends] {
                    saw[0] = x.load(order::relaxed);
                    if (!depends || saw[0] == 1) y.store(1, order::relaxed);
                });
                r.thread([&] {
                    saw[1] = y.load(order::relaxed);
                    if (saw[1] == 1) x.store(1, order::relaxed);
                });
                r.thread([&] {
                    saw[2] = y.load(order::relaxed);
                    if (saw[2] == 0) y.store(1, order::relaxed);
                });
                // All saw a one: nobody but the first can have stored the y that the third saw.
                r.at_end([&] { model::require(saw[0] + saw[1] + saw[2] < 3, "from nowhere"); });
            },
            late);
    };
    CHECK(finds(proves_itself(false), "from nowhere"));
    CHECK(sound(proves_itself(true)));
}

TEST_CASE("late reads: who has read what is to come waits for it before it changes that atomic") {
    // A change reads the newest value: it follows the store that the load before it has read.
    const auto count = [](order load) {
        return model::explore(
            [=](model::run& r) {
                auto& n = r.make<atomic<int>>(0);
                auto& ready = r.make<atomic<bool>>(false);
                r.thread([&, load] {
                    int seen = n.load(order::relaxed);
                    ready.store(true, load);
                    if (seen == 0) return;
                    model::require(n.compare_exchange_strong(seen, 2, order::relaxed, order::relaxed), "it was one");
                    model::fail("one before it was ready");
                });
                r.thread([&] {
                    if (ready.exchange(false, order::acquire)) n.store(1, order::relaxed);
                });
            },
            late_without_preemption);
    };
    CHECK(finds(count(order::relaxed), "one before it was ready"));
    CHECK(sound(count(order::release)));
}
