// Tests of Rust's Bastion that had no counterpart here, with what they mean to show.
#include "support/acceptance.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

#include <bastion/topology/machine.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <semaphore>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace bastion;

namespace {

struct introduction {};
struct thanks {};
struct next_number {
    using answer_type = int;
};
struct echo {
    using answer_type = std::string;
    std::string text;
};

std::string random_text(std::mt19937& random) {
    std::string text(random() % 65, ' ');
    for (char& c : text) c = static_cast<char>(random());
    return text;
}

std::vector<std::string> random_texts() {
    std::mt19937 random(1); // NOLINT(cert-msc51-cpp,bugprone-random-generator-seed): the same every time
    std::vector<std::string> texts(1'000);
    std::generate(texts.begin(), texts.end(), [&] { return random_text(random); });
    return texts;
}

} // namespace

TEST_CASE("ported: an answer carries its sender, who is told and tells back") {
    test::acceptance("D1");
    test::journal log;
    test::world w;
    const auto responder = w.spawn([&](context ctx) -> process {
        for (;;) {
            auto msg = co_await ctx.recv();
            if (msg.told<introduction>() != nullptr) {
                msg.sender().tell(thanks());
            } else if (auto q = msg.asked<int>()) {
                q.reply(*q + 1);
            }
        }
    });
    w.spawn([&, responder](context ctx) -> process {
        auto answered = co_await responder.ask(1); // of no type that it names: the answer is a message
        if (!answered) co_return log(test::shown(answered));
        log(answered->sender() == responder ? "the responder's" : "somebody's");
        answered->sender().tell(introduction());
        auto back = co_await ctx.recv();
        log(back.told<thanks>() != nullptr ? "thanked" : "not thanked");
        log(back.sender() == responder ? "by the responder" : "by somebody");
    });
    w.settle();
    CHECK(log.take() == "the responder's, thanked, by the responder");
}

TEST_CASE("ported: a thousand random strings are broadcast, each to a group of its own") {
    test::acceptance("D2");
    const auto texts = random_texts();
    std::vector<std::vector<std::string>> heard(texts.size());
    std::mutex lock;
    test::world w(2);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto group = w.rt.spawn(children().with_redundancy(1 + i % 2).with_exec([&, i](context ctx) -> process {
            auto msg = co_await ctx.recv();
            const std::lock_guard guard(lock);
            if (const auto* text = msg.broadcast<std::string>()) heard[i].push_back(*text);
        }));
        group.broadcast(std::string(texts[i]));
    }
    w.settle();
    for (std::size_t i = 0; i < texts.size(); ++i) REQUIRE(heard[i] == std::vector<std::string>(1 + i % 2, texts[i]));
}

TEST_CASE("ported: a thousand random strings are asked of oneself, and answered") {
    test::acceptance("D3");
    const auto texts = random_texts();
    std::vector<std::string> answers;
    test::world w;
    w.spawn([&](context ctx) -> process {
        for (const std::string& text : texts) {
            auto answer = ctx.self().ask(echo{text});
            {
                auto msg = co_await ctx.recv();
                if (auto q = msg.asked<echo>()) q.reply(std::string(q->text));
            }
            auto answered = co_await answer;
            answers.push_back(answered ? *answered : test::shown(answered));
        }
    });
    w.settle();
    REQUIRE(answers == texts);
}

TEST_CASE("ported: groups of every redundancy from 0, which is 1, to 32") {
    test::acceptance("D4");
    test::world w;
    for (std::uint32_t redundancy = 0; redundancy <= 32; ++redundancy) {
        std::atomic<std::uint32_t> runs = 0;
        const auto group = w.rt.spawn(children().with_redundancy(redundancy).with_exec([&](context ctx) -> process {
            ++runs;
            (void)co_await ctx.recv();
        }));
        w.settle();
        const std::uint32_t expected = redundancy == 0 ? 1 : redundancy;
        CHECK(runs == expected);
        CHECK(group.size() == expected);
        group.kill();
        w.settle();
    }
}

TEST_CASE("ported: a hundred questions from a plain thread, one after the other, are counted from 1 to 100") {
    test::acceptance("D6");
    runtime rt(config().with_workers(2).with_log([](const log_record&) {}));
    const auto counter = rt.spawn(children().with_exec([](context ctx) -> process {
        for (int count = 0;;) {
            auto msg = co_await ctx.recv();
            if (auto q = msg.asked<next_number>()) q.reply(++count);
        }
    }));
    for (int expected = 1; expected <= 100; ++expected) {
        const auto count = rt.run(counter[0].ask(next_number()));
        REQUIRE(test::shown(count) == std::to_string(expected));
    }
}

TEST_CASE("ported: a process keeps its identity wherever it runs") {
    test::acceptance("D7");
    std::atomic<bool> same = true;
    std::atomic<int> moves = 0;
    std::binary_semaphore held(0);
    runtime rt(config().with_workers(2).with_log([](const log_record&) {}));
    const auto wanderer = rt.spawn([&](context ctx) -> process {
        const child_ref self = ctx.self();
        std::atomic<bool> ran = false;
        while (moves < 3) {
            const auto before = std::this_thread::get_id();
            // Holds one of the two workers, most often this one, until this process has run again.
            ran = false;
            auto holder = ctx.spawn([&ran, &held](context) -> process {
                held.release();
                while (!ran) std::this_thread::yield();
                co_return;
            });
            auto gone = ctx.monitor(holder);
            (void)co_await ctx.recv<int>();
            ran = true;
            if (std::this_thread::get_id() != before) ++moves;
            if (ctx.self() != self) same = false;
            (void)co_await ctx.recv<down>();
        }
        held.release();
    });
    while (moves < 3) {
        held.acquire();
        wanderer.tell(1);
    }
    rt.stop();
    CHECK(rt.wait() == 0);
    CHECK(same);
    CHECK_FALSE(wanderer.alive());
}

TEST_CASE("ported: the cores that this program may use can be read") {
    test::acceptance("D8");
    const auto& cpus = topology::this_machine().cpus;
    REQUIRE_FALSE(cpus.empty());
    std::set<int> ids;
    for (const auto& cpu : cpus) ids.insert(static_cast<int>(cpu.os_index));
    CHECK(ids.size() == cpus.size());
}
