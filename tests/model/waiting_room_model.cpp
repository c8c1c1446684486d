// A waiting room in all interleavings: a worker that puts batches there and takes them back, and two others that take the first.
#include "model/checked.hpp"

#include <bastion/executor/waiting_room.hpp>

#include <array>

namespace {

using model::atomics;

struct item {
    item* next = nullptr;
    model::atomics::var<int> taken;
};
using room = bastion::detail::waiting_room<item, atomics>;

struct scene {
    room unbegun;
    std::array<item, 6> items;

    void take(const room::chain& some) {
        std::size_t n = 0;
        for (item* one = some.first; one != nullptr; one = one->next, ++n) take(*one);
        model::require(n == some.size, "a batch is as long as it says");
    }
    void take(item& one) {
        model::require(one.taken.get() == 0, "nobody is taken twice");
        one.taken.set(1);
    }
    bool put(std::size_t from, std::size_t n) {
        room::chain some;
        for (std::size_t i = from; i < from + n; ++i) some.push_back(&items[i]);
        return unbegun.put(some);
    }
};

void a_worker_against_two_thieves(model::run& r) {
    auto& s = r.make<scene>();
    model::require(s.put(0, 2) && s.put(2, 1), "there is room");
    r.thread([&] {
        model::require(s.put(3, 2), "there is room");
        s.take(s.unbegun.take_last());
        if (item* const eldest = s.unbegun.take_one()) s.take(*eldest);
    });
    for (int i = 0; i < 2; ++i) r.thread([&] { s.take(s.unbegun.take_first()); });
    r.at_end([&] {
        for (room::chain some = s.unbegun.take_first(); some.size != 0; some = s.unbegun.take_first()) s.take(some);
        model::require(s.unbegun.empty() && s.unbegun.empty_for_sure(), "it is empty");
        for (std::size_t i = 0; i < 5; ++i) model::require(s.items[i].taken.get() == 1, "everybody is taken once");
    });
}

// The places are all taken: the worker makes more, while another takes the first.
void it_grows_beside_a_thief(model::run& r) {
    auto& s = r.make<scene>();
    auto& others = r.make<std::array<item, 7>>();
    for (item& one : others) {
        room::chain some;
        some.push_back(&one);
        model::require(s.unbegun.put(some), "there is room");
    }
    model::require(s.put(0, 1), "there is room");
    r.thread([&] { model::require(s.put(1, 2), "there is room"); });
    r.thread([&] { s.take(s.unbegun.take_first()); });
    r.at_end([&] {
        s.take(s.unbegun.take_last());
        for (std::size_t i : {1u, 2u}) model::require(s.items[i].taken.get() == 1, "the last is the last");
        while (item* const one = s.unbegun.take_one()) s.take(*one);
        for (const item& one : others) model::require(one.taken.get() == 1, "everybody is taken once");
        model::require(s.items[0].taken.get() == 1, "everybody is taken once");
    });
}

} // namespace

TEST_CASE("model: a waiting room, its worker and two thieves") { model::check(a_worker_against_two_thieves, {}, 2); }
TEST_CASE("model: a waiting room that grows beside a thief") { model::check(it_grows_beside_a_thief, {}, 2); }
