// Partitions: supervisors made alike, below one that restarts each of them alone.
#include "runtime/child.hpp"
#include "supervision/tree.hpp"

#include <atomic>
#include <set>
#include <stdexcept>

using namespace tree;

namespace {

bastion::process line(bastion::context ctx, int) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto* d = m.told<die>()) bastion::panic(d->why);
        if (auto q = m.asked<are_you_there>()) q.reply(ctx.incarnation());
    }
}

// A partition from whose template lines are started; two restarts are too many.
bastion::supervisor lines_of(std::size_t) {
    return bastion::supervisor()
        .with_strategy(bastion::strategy::simple_one_for_one)
        .with_restart_strategy(at_once())
        .with_intensity(1, 10s)
        .with_children(bastion::children().with_template(line));
}

// Partitions with one group each, "p0", "p1" and so on.
bastion::partitions groups_in(journal& j, std::size_t n) {
    return bastion::partitions([&j](std::size_t i) {
        return bastion::supervisor().with_restart_strategy(at_once()).with_intensity(1, 10s).with_children(
            named(j, "p" + std::to_string(i)));
    }).with_partitions(n);
}

bastion::child_ref only_child(world& w, const bastion::supervisor_ref& of) {
    const auto all = w.rt.run(of.which_children());
    REQUIRE(all.has_value());
    REQUIRE(all->size() == 1);
    return all->front().group[0];
}

bastion::child_ref line_in(world& w, const bastion::supervisor_ref& partition) {
    const auto made = w.rt.run(partition.start_child(7));
    REQUIRE(made.has_value());
    return made->element;
}

void dies(world& w, const bastion::child_ref& who) {
    who.tell(die{"no more"});
    w.settle();
}

std::size_t active_in(world& w, const bastion::partitions_ref& all) {
    const auto counted = w.rt.run(all.count_children());
    REQUIRE(counted.has_value());
    return counted->active;
}

// Which one it is; size(): none.
std::size_t number_of(const bastion::partitions_ref& all, const bastion::supervisor_ref& one) {
    std::size_t i = 0;
    while (i < all.size() && all[i].where() != one.where()) ++i;
    return i;
}

enum class colour : std::uint8_t { red, green };

} // namespace

TEST_CASE("partitions: equal keys go to the same one") {
    world w;
    const auto all = w.rt.spawn(bastion::partitions(lines_of).with_partitions(8));
    REQUIRE(all.size() == 8);
    const auto place = [&all](const auto& key) { return number_of(all, all.of(key)); };
    for (int i = 0; i < 20; ++i) CHECK(place(i) == static_cast<std::size_t>(i % 8));
    CHECK(place(-1) == 7); // as what it is modulo 2^64
    CHECK(place(-1) == place(std::int64_t{-1}));
    CHECK(place(std::uint8_t{200}) == place(200L));
    CHECK(place(true) == 1);

    const char text[] = "a line"; // by its letters, not by where they stand
    const std::string same = text;
    CHECK(place(text) == place(same));
    CHECK(place(static_cast<const char*>(text)) == place(std::string_view(same)));
    CHECK(place(colour::green) == place(colour::green));
    CHECK(place(all[3].where().block) < 8);
}

TEST_CASE("partitions: keys of any kind reach all of them") {
    world w;
    const auto all = w.rt.spawn(bastion::partitions(lines_of).with_partitions(8));
    std::set<std::size_t> by_number, by_text, by_place;
    alignas(64) static const char places[64][64] = {};
    for (std::size_t i = 0; i < 64; ++i) {
        by_number.insert(number_of(all, all.of(i)));
        by_text.insert(number_of(all, all.of("line " + std::to_string(i))));
        by_place.insert(
            number_of(all, all.of(static_cast<const void*>(places[i])))); // whose hashes are multiples of 64
    }
    CHECK(by_number.size() == 8);
    CHECK(by_text.size() == 8);
    CHECK(by_place.size() == 8);
}

TEST_CASE("partitions: one per worker, with numbers for names") {
    world w(3);
    const auto all = w.rt.spawn(bastion::partitions(lines_of).with_name("lines"));
    w.settle();
    CHECK(all.size() == 3);
    CHECK(all.alive());
    for (std::size_t i = 0; i < all.size(); ++i)
        CHECK(w.rt.find_supervisor("/lines/" + std::to_string(i)).where() == all[i].where());
    CHECK(w.rt.find_supervisor("/lines").where() == all.supervisor().where());
    CHECK_THROWS_AS(all[3], std::out_of_range);
    const auto below = w.rt.run(all.supervisor().which_children());
    REQUIRE(below.has_value());
    REQUIRE(below->size() == 3);
    CHECK(below->at(2).id == "2");
    CHECK(below->at(2).restart == bastion::permanent);
}

TEST_CASE("partitions: per node, of a machine that is described", "[.partitions-per-node]") {
    for (const auto& [workers, nodes] : {std::pair(8, 2), std::pair(4, 1), std::pair(5, 2)}) {
        world w(static_cast<std::size_t>(workers));
        const auto all = w.rt.spawn(bastion::partitions(lines_of).with_partitions(bastion::one_per::node));
        w.settle();
        CHECK(all.size() == static_cast<std::size_t>(nodes));
        CHECK(w.rt.spawn(bastion::partitions(lines_of)
                             .with_partitions(bastion::one_per::node)
                             .with_partitions(bastion::one_per::worker))
                  .size() == static_cast<std::size_t>(workers));
    }
}

TEST_CASE("partitions: one per node") {
    child_program program("[.partitions-per-node]", {"HWLOC_SYNTHETIC=numa:2 core:4 pu:1"});
    CHECK_THAT(program.finish(), BASTION_CATCH_CONTAINS("All tests passed (6 assertions"));
    CHECK(program.code == 0);
}

TEST_CASE("partitions: their children are counted together") {
    world w;
    const auto all = w.rt.spawn(bastion::partitions(lines_of).with_partitions(3));
    for (int key = 0; key < 7; ++key) (void)line_in(w, all.of(key));
    const auto one = w.rt.run(all[0].count_children());
    REQUIRE(one.has_value());
    CHECK(one->workers == 3);
    const auto counted = w.rt.run(all.count_children());
    REQUIRE(counted.has_value());
    CHECK(*counted == bastion::child_counts{3, 7, 0, 7});
    all.supervisor().stop();
    w.settle();
    CHECK_FALSE(all.alive());
    const auto gone = w.rt.run(all.count_children());
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error() == bastion::errc::noproc);
}

TEST_CASE("partitions: one that gives up is restarted alone, and its ref stays good") {
    world w;
    const auto all = w.rt.spawn(bastion::partitions(lines_of).with_partitions(3).with_restart_strategy(at_once()));
    const auto first = line_in(w, all[0]);
    const auto victim = line_in(w, all[1]);
    const auto last = line_in(w, all[2]);
    dies(w, victim);
    CHECK(victim.alive());
    dies(w, victim);
    CHECK_FALSE(victim.alive()); // with its supervisor
    CHECK(first.alive());
    CHECK(last.alive());
    CHECK(active_in(w, all) == 2);
    CHECK(line_in(w, all[1]).alive());
    CHECK(active_in(w, all) == 3);
}

TEST_CASE("partitions: one with OTP's defaults comes back, too") {
    world w;
    const auto all = w.rt.spawn(bastion::partitions([](std::size_t i) { return lines_of(i).with_otp_defaults(); })
            .with_partitions(2)
            .with_restart_strategy(at_once()));
    const auto victim = line_in(w, all[1]);
    dies(w, victim);
    dies(w, victim);
    CHECK_FALSE(victim.alive());
    CHECK(line_in(w, all[1]).alive()); // that it gave up counts as a shutdown, and partitions are permanent
}

TEST_CASE("partitions: too many failures of partitions are their supervisor's") {
    world w;
    const auto above = w.rt.spawn(bastion::supervisor().with_restart_strategy(at_once()));
    const auto all = above.spawn(
        bastion::partitions(lines_of).with_partitions(2).with_restart_strategy(at_once()).with_intensity(1, 10s));
    const auto fails = [&](std::size_t i) {
        const auto victim = line_in(w, all[i]);
        dies(w, victim);
        dies(w, victim);
    };
    const auto other = line_in(w, all[1]);
    fails(0);
    CHECK(other.alive());
    fails(0);
    CHECK_FALSE(other.alive());
    CHECK(all.alive()); // the supervisor above has started it again
    CHECK(line_in(w, all[0]).alive()); // and all refs are good
    CHECK(line_in(w, all[1]).alive());
}

TEST_CASE("partitions: they start in order, and stop in reverse") {
    journal j;
    world w;
    const auto all = w.rt.spawn(groups_in(j, 3));
    w.settle();
    CHECK(j.take() == lines{"start p00", "start p10", "start p20"});
    all.supervisor().stop();
    w.settle();
    CHECK(j.take() == lines{"end p20", "end p10", "end p00"});
    CHECK_FALSE(all.alive());
    for (const bastion::supervisor_ref& one : all) CHECK_FALSE(one.alive());
}

TEST_CASE("partitions: described in a tree, they are restarted with it") {
    journal j;
    world w;
    const auto top = w.rt.spawn(bastion::supervisor()
            .with_name("top")
            .with_strategy(bastion::strategy::one_for_all)
            .with_restart_strategy(at_once())
            .with_children(named(j, "a"))
            .with_supervisor(groups_in(j, 2).with_name("parts")));
    w.settle();
    CHECK(j.take() == lines{"start a0", "start p00", "start p10"});
    const auto found = w.rt.run(w.rt.find_supervisor("/top/parts").partitions());
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 2);
    const bastion::child_ref before = only_child(w, (*found)[1]);

    w.rt.find_children("/top/a")[0].tell(die{"all of you"});
    w.settle();
    CHECK(j.take() == lines{"end a0", "end p10", "end p00", "start a0", "start p00", "start p10"});
    CHECK(found->alive());
    CHECK(only_child(w, (*found)[1]) == before);
    before.tell(std::string("still there"));
    w.settle();
    CHECK(j.take() == lines{"p10: still there"});
    const auto again = w.rt.run(found->supervisor().partitions());
    REQUIRE(again.has_value());
    CHECK((*again)[0].where() == (*found)[0].where());
    top.stop();
    w.settle();
    CHECK(j.take() == lines{"end p10", "end p00", "end a0"});
}

TEST_CASE("partitions: one that was stopped by hand can be started again, and is there after a restart of all") {
    journal j;
    world w;
    const auto above = w.rt.spawn(bastion::supervisor().with_restart_strategy(at_once()));
    const auto all = above.spawn(groups_in(j, 2).with_restart_strategy(at_once()).with_intensity(0, 10s));
    w.settle();
    (void)j.take();
    SECTION("by its name") {
        const auto ended = w.rt.run(all.supervisor().terminate_child("1"));
        CHECK(ended.has_value());
        CHECK(j.take() == lines{"end p10"});
        CHECK(active_in(w, all) == 1); // of those that are there
        const auto back = w.rt.run(all.supervisor().restart_child("1"));
        REQUIRE(back.has_value());
        CHECK(back->supervisor.where() == all[1].where());
    }
    SECTION("with all") {
        const auto ended = w.rt.run(all.supervisor().terminate_child("1"));
        CHECK(ended.has_value());
        const auto p0 = only_child(w, all[0]);
        dies(w, p0);
        dies(w, p0); // its supervisor gives up, and so does the one above
    }
    CHECK(only_child(w, all[1]).alive());
    CHECK(active_in(w, all) == 2);
}

TEST_CASE("partitions: one that is stopped by its ref is gone for good") {
    journal j;
    world w;
    const auto all = w.rt.spawn(groups_in(j, 2));
    w.settle();
    (void)j.take();
    all[1].stop();
    w.settle();
    CHECK(j.take() == lines{"end p10"});
    CHECK(all.alive());
    CHECK_FALSE(all[1].alive());
    CHECK(active_in(w, all) == 1);
    const auto back = w.rt.run(all.supervisor().restart_child("1"));
    REQUIRE_FALSE(back.has_value());
    CHECK(back.error() == bastion::errc::not_found);
    const auto anew = w.rt.run(all.supervisor().reconfigure(groups_in(j, 2))); // which no ref would name
    REQUIRE_FALSE(anew.has_value());
    CHECK(anew.error() == bastion::errc::invalid);
}

TEST_CASE("partitions: spawned by a process, and below a supervisor") {
    world w;
    const auto above = w.rt.spawn(bastion::supervisor().with_name("above"));
    const auto all = above.spawn(bastion::partitions(lines_of).with_partitions(2).with_name("late"));
    CHECK(line_in(w, all[1]).alive());
    CHECK(w.rt.find_supervisor("/above/late/1").where() == all[1].where());
    const auto taken = w.rt.run(above.start_child(bastion::partitions(lines_of).with_partitions(2).with_name("late")));
    REQUIRE_FALSE(taken.has_value());
    CHECK(taken.error() == bastion::errc::already_started);
    const auto started = w.rt.run(above.start_child(bastion::partitions(lines_of).with_name("more")));
    REQUIRE(started.has_value());
    CHECK(started->kind == bastion::child_kind::supervisor);

    bastion::partitions_ref mine;
    w.rt.spawn([&mine](bastion::context ctx) -> bastion::process {
        mine = ctx.spawn(bastion::partitions(lines_of).with_partitions(5));
        co_return;
    });
    w.settle();
    REQUIRE(mine.size() == 5);
    CHECK(line_in(w, mine.of("key")).alive());
}

TEST_CASE("partitions: of partitions") {
    world w(2);
    const auto all = w.rt.spawn(bastion::partitions([](std::size_t) -> bastion::supervisor {
        return bastion::partitions(lines_of);
    }).with_partitions(3));
    const auto inner = w.rt.run(all[2].partitions());
    REQUIRE(inner.has_value());
    REQUIRE(inner->size() == 2); // one per worker
    CHECK(line_in(w, (*inner)[1]).alive());
}

TEST_CASE("partitions: another supervisor has none") {
    world w;
    const auto plain = w.rt.spawn(bastion::supervisor());
    const auto of_plain = w.rt.run(plain.partitions());
    REQUIRE_FALSE(of_plain.has_value());
    CHECK(of_plain.error() == bastion::errc::invalid);
    const auto all = w.rt.spawn(bastion::partitions(lines_of));
    const auto of_simple = w.rt.run(all[0].partitions());
    REQUIRE_FALSE(of_simple.has_value());
    CHECK(of_simple.error() == bastion::errc::invalid);
    const auto of_nobody = w.rt.run(bastion::supervisor_ref().partitions());
    REQUIRE_FALSE(of_nobody.has_value());
    CHECK(of_nobody.error() == bastion::errc::noproc);

    const bastion::partitions_ref nobody;
    CHECK(nobody.size() == 0);
    CHECK_FALSE(nobody.alive());
    CHECK_FALSE(nobody.of(7).alive());
    CHECK_THROWS_AS(nobody[0], std::out_of_range);
}

TEST_CASE("partitions: wrong use says what is wrong") {
    world w;
    const auto said = [&w](bastion::partitions what) -> std::string {
        try {
            w.rt.spawn(std::move(what));
        } catch (const bastion::bad_spec& e) { return e.what(); }
        return "nothing";
    };
    CHECK_THAT(said(bastion::partitions(lines_of).with_name("none").with_partitions(0)),
        Catch::StartsWith("bastion: partitions(\"none\") at ") && Catch::Contains("partitions_test.cpp:") &&
            Catch::EndsWith(": with_partitions(0): there must be at least one"));
    CHECK_THAT(said(bastion::partitions(lines_of).with_partitions(static_cast<std::size_t>(-1))),
        Catch::EndsWith("is more than 100,000"));
    CHECK_THAT(said(bastion::partitions(lines_of).with_name("a/b")), Catch::Contains("partitions(\"a/b\")"));
    CHECK_THAT(said(bastion::partitions(lines_of).with_intensity(1, 0s)), Catch::Contains("partitions()"));
    CHECK_THAT(said(bastion::partitions([](std::size_t) { return bastion::supervisor().with_name("mine"); })),
        Catch::EndsWith("its partition 0 is named \"mine\": partitions are named by their numbers"));
    CHECK_THAT(said(bastion::partitions([](std::size_t i) {
        return bastion::supervisor().with_children(
            i == 1 ? bastion::children()
                   : bastion::children().with_exec([](bastion::context) -> bastion::process { co_return; }));
    }).with_partitions(2)),
        Catch::Contains("has no body"));
    // Wherever it is described.
    CHECK_THROWS_AS(w.rt.spawn(bastion::supervisor().with_supervisor(bastion::partitions(lines_of).with_partitions(0))),
        bastion::bad_spec);
    const auto plain = w.rt.spawn(bastion::supervisor());
    CHECK_THROWS_AS((void)plain.start_child(bastion::partitions(lines_of).with_partitions(0)), bastion::bad_spec);
}

TEST_CASE("partitions: what their function throws comes out of spawn, and nothing is left") {
    world w;
    w.settle();
    const auto blocks = bastion::detail::live_blocks();
    const auto fails = [](std::size_t i) -> bastion::supervisor {
        if (i == 2) throw std::runtime_error("no third");
        return lines_of(i);
    };
    CHECK_THROWS_WITH(w.rt.spawn(bastion::partitions(fails).with_partitions(3)), "no third");
    w.settle();
    CHECK(bastion::detail::live_blocks() == blocks);
}

TEST_CASE("partitions: spawned too late they are dead refs of the right size") {
    world w;
    const auto above = w.rt.spawn(bastion::supervisor().with_name("above"));
    w.settle();
    above.stop();
    w.settle();
    const auto all = above.spawn(bastion::partitions(lines_of).with_partitions(4));
    REQUIRE(all.size() == 4);
    CHECK_FALSE(all.alive());
    CHECK_FALSE(all.of(3).alive());
    const auto why = w.rt.run(all[1].started());
    REQUIRE_FALSE(why.has_value());
    CHECK(why.error() == bastion::errc::start_failed);
}

TEST_CASE("partitions: described anew, as many as they were") {
    journal j;
    world w;
    const auto all = w.rt.spawn(groups_in(j, 2));
    w.settle();
    (void)j.take();
    const auto changed = w.rt.run(all.supervisor().reconfigure(groups_in(j, 2).with_intensity(3, 1s)));
    CHECK(changed.has_value());
    CHECK(active_in(w, all) == 2);
    CHECK(j.take().empty());
    const auto refused_with = [&](bastion::supervisor as) {
        const auto refused = w.rt.run(all.supervisor().reconfigure(std::move(as)));
        return !refused.has_value() && refused.error() == bastion::errc::invalid;
    };
    CHECK(refused_with(groups_in(j, 1)));
    CHECK(refused_with(groups_in(j, 3)));
    CHECK(refused_with(bastion::supervisor()));
    const auto plain = w.rt.spawn(bastion::supervisor().with_specs_kept());
    const auto made_parts = w.rt.run(plain.reconfigure(groups_in(j, 2)));
    REQUIRE_FALSE(made_parts.has_value());
    CHECK(made_parts.error() == bastion::errc::invalid);
}

// Four processes start and stop children through all partitions, while partitions fail and come back.
TEST_CASE("partitions: with several workers every child has one owner, and nothing is left") {
    constexpr int starters = 4;
    constexpr int rounds = 400;
    std::atomic<int> done{0};
    std::atomic<int> started{0};
    std::atomic<int> refused{0};
    const auto blocks = bastion::detail::live_blocks();
    {
        bastion::runtime rt(
            bastion::config().with_workers(3).with_signals(false).with_log([](const bastion::log_record&) {}));
        const auto all = rt.spawn(bastion::partitions(lines_of).with_restart_strategy(at_once()));
        const auto up = rt.run(all.supervisor().started());
        REQUIRE(up.has_value());
        std::vector<bastion::join_handle<void>> work;
        const auto starter = [](bastion::partitions_ref to, int me, std::atomic<int>& made, std::atomic<int>& no,
                                 std::atomic<int>& ended) -> bastion::task<void> {
            for (int i = 0; i < rounds; ++i) {
                const int key = me * rounds + i;
                const bastion::supervisor_ref& mine = to.of(key);
                const auto child = co_await mine.start_child(key);
                if (!child) { // its partition fails just now
                    ++no;
                    continue;
                }
                ++made;
                if (i % 50 == 49) {
                    child->element.tell(die{"now and then"});
                    child->element.tell(die{"and again"}); // which is too often
                }
                const auto gone = co_await mine.terminate_child(child->element);
                if (gone) ++ended;
            }
        };
        for (int me = 0; me < starters; ++me) work.push_back(rt.spawn(starter(all, me, started, refused, done)));
        for (auto& one : work) {
            const auto over = rt.run(std::move(one));
            CHECK(over.has_value());
        }
        CHECK(started + refused == starters * rounds);
        CHECK(started > 0);
        CHECK(done <= started);
        CHECK(all.alive());
        for (const bastion::supervisor_ref& one : all) {
            const auto there = rt.run(one.started());
            CHECK(there.has_value());
        }
    }
    CHECK(bastion::detail::live_blocks() == blocks);
}
