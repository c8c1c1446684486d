// Refs outlive everything: what they name, the pages of its control block, and the processes that have these pages next.
#include "support/catch.hpp"

#include <bastion/bastion.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/process/control_block.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace {

using bastion::detail::control_block;
using bastion::detail::give_pages_back;
using bastion::detail::memory_of_blocks;

constexpr std::size_t many = 100'000;
constexpr std::size_t bytes = many * sizeof(control_block);

struct question {
    using answer_type = int;
};

std::atomic<std::uint64_t> letters_read{0};

bastion::process reads(bastion::context ctx) {
    for (;;) {
        const bastion::message m = co_await ctx.recv();
        ++letters_read;
    }
}

bastion::config quiet() { return bastion::config().with_signals(false).with_workers(2); }

// `many` that have started, as refs.
std::vector<bastion::child_ref> crowd(bastion::runtime& rt, bastion::children_ref& group) {
    group = rt.spawn(bastion::children().with_redundancy(many).with_exec(reads));
    const auto started = rt.run(group.started());
    REQUIRE(started.has_value());
    std::vector<bastion::child_ref> refs;
    refs.reserve(group.size());
    for (std::size_t i = 0; i < group.size(); ++i) refs.push_back(group[i]);
    return refs;
}

void end(const bastion::children_ref& group, const std::vector<bastion::child_ref>& refs) {
    group.stop();
    while (group.alive()) std::this_thread::yield();
    for (const auto& ref : refs) REQUIRE_FALSE(ref.alive());
}

// How many of the blocks lie on a page that has memory.
std::size_t resident(const std::vector<bastion::child_ref>& refs) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    std::size_t there = 0;
    for (const auto& ref : refs) {
        unsigned char is = 0;
        const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(ref.where().block) & ~(page - 1);
        REQUIRE(::mincore(reinterpret_cast<void*>(at), page, &is) == 0);
        there += is & 1;
    }
    return there;
}

// All that one can do with a ref. Answers how often it was not what is to be.
bastion::process tries(bastion::context ctx, const std::vector<bastion::child_ref>& refs) {
    bastion::message asked = co_await ctx.recv();
    auto ask = asked.asked<question>();
    int wrong = 0;
    for (const auto& ref : refs) {
        wrong += ref.alive() || ref.tell(1) != bastion::delivery::noproc;
        const auto watch = ctx.monitor(ref);
        const bastion::message m = co_await ctx.recv();
        const auto* const over = m.told<bastion::down>();
        wrong += over == nullptr || !over->is_of(watch) || over->reason().kind() != bastion::exit_kind::noproc;
        ref.stop();
        ref.kill();
    }
    for (std::size_t i = 0; i < refs.size(); i += 100) {
        const auto answer = co_await refs[i].ask(question());
        wrong += answer.has_value() || answer.error().code() != bastion::errc::noproc;
    }
    ask.reply(wrong);
}

void check_dead(bastion::runtime& rt, const std::vector<bastion::child_ref>& refs) {
    std::size_t wrong = 0;
    const std::uint64_t letters = rt.dead_letters();
    for (const auto& ref : refs) wrong += ref.alive() || ref.tell(1) != bastion::delivery::noproc;
    CHECK(wrong == 0);
    CHECK(rt.dead_letters() == letters + refs.size());
    const auto answer = rt.run(rt.spawn([&refs](bastion::context ctx) { return tries(ctx, refs); })
            .ask(question())
            .within(std::chrono::minutes(1)));
    REQUIRE(answer.has_value());
    CHECK(*answer == 0);
    CHECK(rt.dead_letters() == letters + 2 * refs.size() + refs.size() / 100);
}

std::uint64_t given_back() { return memory_of_blocks().given_back_bytes; }

} // namespace

TEST_CASE("Old refs: 100,000 of them say so after their blocks' pages were given back, and when others live there") {
    bastion::runtime rt(quiet());
    std::vector<bastion::child_ref> old;
    for (int round = 0; round < 3; ++round) {
        bastion::children_ref group;
        const std::vector<bastion::child_ref> now = crowd(rt, group);
        // Others have the memory of those before.
        std::set<const control_block*> blocks;
        for (const auto& ref : old) blocks.insert(ref.where().block);
        std::size_t again = 0;
        for (const auto& ref : now) again += blocks.count(ref.where().block);
        if (round > 0) CHECK(again >= now.size() * 9 / 10);
        // What is told by an old ref comes to none of them.
        const std::uint64_t before = letters_read;
        check_dead(rt, old);
        std::size_t wrong = 0;
        for (const auto& ref : now) wrong += !ref.alive() || ref.tell(1) != bastion::delivery::accepted;
        CHECK(wrong == 0);
        while (letters_read < before + now.size()) std::this_thread::yield();
        CHECK(memory_of_blocks().given_back_bytes < bytes / 2);
        end(group, now);
        CHECK(letters_read == before + now.size());
        while (given_back() < bytes / 2) std::this_thread::yield(); // the runtime gives back when it is idle
        CHECK(resident(now) <= now.size() / 2);
        old.insert(old.end(), now.begin(), now.end());
        check_dead(rt, old);
    }
}

TEST_CASE("Old refs are used while pages are given back and filled again", "[stress]") {
    constexpr int rounds = 5;
    bastion::runtime rt(quiet());
    bastion::children_ref group;
    const std::vector<bastion::child_ref> old = crowd(rt, group);
    end(group, old);
    std::atomic<bool> over{false};
    std::atomic<std::size_t> wrong{0};
    std::atomic<std::size_t> looks{0};
    std::thread stranger([&] {
        while (!over)
            for (const auto& ref : old) {
                wrong += ref.alive() || ref.tell(1) != bastion::delivery::noproc;
                ++looks;
            }
    });
    const std::uint64_t before = letters_read;
    for (int round = 0; round < rounds; ++round) {
        const std::size_t seen = looks;
        (void)give_pages_back();
        while (looks < seen + old.size()) std::this_thread::yield();
        const auto now = crowd(rt, group);
        while (looks < seen + 2 * old.size()) std::this_thread::yield();
        end(group, now);
    }
    over = true;
    stranger.join();
    (void)give_pages_back(); // nothing is left for the next runtime to do when it is idle
    CHECK(wrong == 0);
    CHECK(letters_read == before);
}
