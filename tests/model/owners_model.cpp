// Shared ownership in all interleavings: who drops the last share frees what the others have used.
#include "model/checked.hpp"

#include <bastion/base/owner_count.hpp>

#include <array>

namespace {

using model::atomics;

// Something with owners, as ref_counted and shared_value. Each owner has a part of it to itself.
struct thing {
    bastion::detail::basic_owner_count<atomics> owners{0};
    model::plain<int> value = 7;
    std::array<model::plain<int>, 3> parts;
    int freed = 0;

    void use(std::size_t who) {
        model::require(value == 7, "it is there while it has an owner");
        parts[who] = parts[who] + 1;
    }
    void drop() {
        if (!owners.drop()) return;
        int sum = 0;
        for (auto& part : parts) {
            sum += part;
            part.free();
        }
        value.free();
        model::require(sum == 6, "the last owner sees what all have done");
        ++freed;
    }
    // Has a second share for a while.
    void come_and_go(std::size_t who) {
        use(who);
        owners.add();
        drop();
        use(who);
        drop();
    }
};

void owners_come_and_go(model::run& r) {
    auto& t = r.make<thing>();
    for (std::size_t who = 0; who < 3; ++who) t.owners.add();
    for (std::size_t who = 0; who < 3; ++who) r.thread([&, who] { t.come_and_go(who); });
    r.at_end([&] { model::require(t.freed == 1, "it is freed once"); });
}

// One owner looks whether it is the only one, and then does with the thing what it likes; as directory::set_table::clean.
void the_only_owner(model::run& r) {
    auto& t = r.make<thing>();
    for (std::size_t who = 0; who < 3; ++who) t.owners.add();
    for (std::size_t who = 0; who < 2; ++who) r.thread([&, who] { t.come_and_go(who); });
    r.thread([&] {
        for (int look = 0; look < 2; ++look) {
            if (!t.owners.unique()) continue;
            t.value = 8;
            model::require(t.parts[0] == 2 && t.parts[1] == 2, "the only owner sees what all have done");
            t.value = 7;
        }
        t.parts[2] = 2;
        t.drop();
    });
    r.at_end([&] { model::require(t.freed == 1, "it is freed once"); });
}

} // namespace

TEST_CASE("model: owners come and go") { model::check(owners_come_and_go); }
TEST_CASE("model: the only owner left") { model::check(the_only_owner); }
