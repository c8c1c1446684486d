// What workers and nodes have done: counted where it happened, and adding up.
#include "support/catch.hpp"

#include <bastion/bastion.hpp>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

using bastion::runtime_figures;

namespace {

constexpr std::uint64_t many = 10'000;

struct letter {};
struct question {
    using answer_type = int;
};

bastion::config quiet() { return bastion::config().with_signals(false); }

// Reads letters, and answers how many there were.
bastion::process reads(bastion::context ctx) {
    for (int n = 0;;) {
        auto m = co_await ctx.recv();
        if (m.told<letter>() != nullptr) ++n;
        else if (auto q = m.asked<question>()) q.reply(n);
    }
}

bastion::children writer_to(const bastion::child_ref& whom) {
    return bastion::children().with_exec([whom](bastion::context ctx) -> bastion::process {
        for (std::uint64_t i = 0; i < many; ++i) {
            whom.tell(letter{});
            if (i % 64 == 0) co_await ctx.yield();
        }
    });
}

void wait_for_all(bastion::runtime& rt, const bastion::child_ref& who) {
    for (int read = 0; read < static_cast<int>(many);) {
        const auto n = rt.run(who.ask(question()));
        REQUIRE(n.has_value());
        read = *n;
    }
}

template <class List>
bastion::activity sum_of(const List& all) {
    bastion::activity sum;
    for (const auto& one : all) {
        sum.resumes += one.resumes;
        sum.messages += one.messages;
        sum.far_messages += one.far_messages;
        sum.steals += one.steals;
        sum.far_steals += one.far_steals;
        sum.parks += one.parks;
        sum.wakes += one.wakes;
        sum.time += one.time;
        sum.idle += one.idle;
        sum.queued += one.queued;
    }
    return sum;
}

} // namespace

TEST_CASE("Figures: messages are counted where they are taken, and everything adds up") {
    bastion::runtime rt(quiet().with_workers(2));
    const auto reader = rt.spawn(reads);
    const runtime_figures before = rt.figures();
    rt.spawn(writer_to(reader));
    wait_for_all(rt, reader);
    const runtime_figures now = rt.figures();
    const runtime_figures since = now - before;
    REQUIRE(since.workers.size() == 2);
    REQUIRE(since.nodes.size() == rt.figures().nodes.size());
    const bastion::activity all = sum_of(since.workers);
    CHECK(all.messages > many); // and the questions
    CHECK(all.far_messages == 0);
    CHECK(all.resumes > 0);
    CHECK(all.wakes <= all.parks + 2);
    CHECK(all.idle >= std::chrono::nanoseconds(0));
    CHECK(all.idle <= all.time);
    for (std::size_t i = 0; i < now.workers.size(); ++i) {
        CHECK(now.workers[i].worker == i);
        CHECK(since.workers[i].busy() >= 0.0);
        CHECK(since.workers[i].busy() <= 1.0);
        CHECK(since.workers[i].messages == now.workers[i].messages - before.workers[i].messages);
    }
    const bastion::activity of_nodes = sum_of(since.nodes);
    CHECK(of_nodes.messages == all.messages);
    CHECK(of_nodes.resumes == all.resumes);
    CHECK(of_nodes.time == all.time);
    std::uint64_t bytes = 0;
    for (const bastion::node_figures& n : now.nodes) bytes += n.bytes_at_home + n.bytes_away;
    CHECK(bytes > 0);
}

// Some blocks of the one node lie in the hand of the other's worker, which makes its messages of them.
TEST_CASE("Figures: a message from another node's memory is counted as one, at its receiver") {
    bastion::runtime rt(quiet().with_machine("numa:2 core:1 pu:1").with_workers(2));
    const auto on = [](int node, bastion::children group) {
        return std::move(group).with_placement(bastion::placement::node(node));
    };
    const auto reader = rt.spawn(on(1, bastion::children().with_exec(reads)))[0];
    const auto up = rt.run(reader.ask(question()));
    REQUIRE(up.has_value());
    SECTION("from the other one") {
        const runtime_figures before = rt.figures();
        rt.spawn(on(0, writer_to(reader)));
        wait_for_all(rt, reader);
        const runtime_figures since = rt.figures() - before;
        REQUIRE(since.nodes.size() == 2);
        CHECK(since.nodes[1].far_messages > many * 95 / 100);
        CHECK(since.nodes[1].far_messages < many * 105 / 100);
        CHECK(since.nodes[1].messages > many);
        CHECK(since.nodes[0].far_messages < many / 20); // its supervisor's
    }
    SECTION("from its own") {
        const runtime_figures before = rt.figures();
        rt.spawn(on(1, writer_to(reader)));
        wait_for_all(rt, reader);
        CHECK((rt.figures() - before).nodes[1].far_messages < many / 20);
    }
}

TEST_CASE("Figures: an idle runtime is idle, and says so") {
    bastion::runtime rt(quiet().with_workers(2));
    const auto idle = [&rt] {
        const runtime_figures f = rt.figures();
        for (const auto& w : f.workers)
            if (w.parks == 0) return false;
        return true;
    };
    while (!idle()) std::this_thread::yield();
    // From a reading with all of them parked on, they are idle all the time, whatever it is.
    const runtime_figures first = rt.figures();
    while ((rt.figures() - first).workers[0].time < std::chrono::milliseconds(20)) std::this_thread::yield();
    const runtime_figures since = rt.figures() - first;
    for (const auto& w : since.workers) CHECK(w.busy() < 0.5);
    CHECK(sum_of(since.workers).queued == 0);
}

TEST_CASE("Figures: as a table") {
    runtime_figures f;
    bastion::worker_figures w;
    w.worker = 3;
    w.node = 1;
    w.messages = 42;
    w.time = std::chrono::seconds(2);
    w.idle = std::chrono::seconds(1);
    f.workers.push_back(w);
    bastion::node_figures n;
    n.node = 1;
    n.workers = 1;
    n.messages = 42;
    n.bytes_at_home = std::uint64_t{64} << 20;
    f.nodes.push_back(n);
    const std::string table = to_string(f);
    CHECK_THAT(table, Catch::Contains("node 1"));
    CHECK_THAT(table, Catch::Contains("worker 3    50.0 %"));
    CHECK_THAT(table, Catch::Contains("64.0 MiB at home, 0.0 MiB elsewhere"));
}
