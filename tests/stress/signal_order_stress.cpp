// An exit signal and a message behind it, both of one sender: the message is never handled by the incarnation that the signal ends.
// The window is some instructions wide: with a pause between the look at the signals and the one at the mail, and without the second look
// (may_be_taken), some 20 of 30,000 rounds fail.
#include "support/catch.hpp"

#include <bastion/base/compiler.hpp>
#include <bastion/bastion.hpp>

#include <atomic>
#include <string>

namespace {

constexpr int rounds = BASTION_ASAN != 0 || BASTION_TSAN != 0 ? 2'000 : 30'000;

struct noise {};
struct behind_exit {
    int incarnation; // that was told to end
};
struct which {
    using answer_type = int;
};

struct ledger {
    std::atomic<int> handled{0}, too_early{0};
};

void note(ledger& l, const bastion::context& ctx, const behind_exit& b) {
    ++l.handled;
    if (ctx.incarnation() == b.incarnation) ++l.too_early;
}

enum class body { handlers, recv, within };

bastion::children victim(ledger& l, body how) {
    auto described = bastion::children().with_restart(bastion::permanent);
    if (how == body::handlers)
        return std::move(described).with_handlers(bastion::on_tell([](const noise&) {}),
            bastion::on_tell([&l](bastion::context ctx, const behind_exit& b) { note(l, ctx, b); }),
            bastion::on_question([](bastion::context ctx, const which&) { return ctx.incarnation(); }));
    return std::move(described).with_exec([&l, how](bastion::context ctx) -> bastion::process {
        for (;;) {
            if (how == body::within) {
                auto m = co_await ctx.recv().within(std::chrono::seconds(60));
                if (!m) continue;
                if (auto* b = m->told<behind_exit>()) note(l, ctx, *b);
                else if (auto q = m->asked<which>()) q.reply(ctx.incarnation());
                continue;
            }
            auto m = co_await ctx.recv();
            if (auto* b = m.told<behind_exit>()) note(l, ctx, *b);
            else if (auto q = m.asked<which>()) q.reply(ctx.incarnation());
        }
    });
}

void stress(body how) {
    ledger l;
    bastion::runtime rt(
        bastion::config().with_workers(2).with_signals(false).with_log([](const bastion::log_record&) {}));
    const auto sup =
        rt.spawn(bastion::supervisor().with_restart_strategy(bastion::restart_strategy::always().immediate()));
    const auto group = sup.spawn(victim(l, how));
    const bastion::child_ref who = group[0];
    auto ended = rt.run([](bastion::child_ref to) -> bastion::task<bool> {
        for (int i = 0; i < rounds; ++i) {
            auto n = co_await to.ask<which>();
            if (!n) co_return false;
            for (int k = 0; k < i % 5; ++k) to.tell(noise{});
            to.exit(bastion::exit_reason::error("enough"));
            to.tell(behind_exit{*n});
        }
        co_return true;
    }(who));
    CHECK(ended);
    CHECK(l.handled >= rounds - 1);
    CHECK(l.too_early == 0);
}

} // namespace

TEST_CASE("A message behind an exit signal: handlers") { stress(body::handlers); }
TEST_CASE("A message behind an exit signal: recv") { stress(body::recv); }
TEST_CASE("A message behind an exit signal: recv with a deadline") { stress(body::within); }
