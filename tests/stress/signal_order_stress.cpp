// An exit signal and a message behind it, both of one sender: the message is never handled by the incarnation that the signal ends.
// The window is some instructions wide: with a pause between the look at the signals and the one at the mail, and without the second look
// (may_be_taken), some 20 of 30,000 rounds fail.
// And one who traps exits reads it between what was told before and behind it.
#include "support/catch.hpp"

#include <bastion/base/compiler.hpp>
#include <bastion/bastion.hpp>

#include <array>
#include <atomic>
#include <string>
#include <thread>

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

struct numbered {
    int number;
};

// Reads what four senders tell it: each its numbers in order, every third by an exit signal, whose text is the number.
class trapping_reader {
public:
    explicit trapping_reader(ledger& l) : l_(l) {}
    void read(bastion::message& m) {
        if (const auto* n = m.told<numbered>()) look(n->number / 1'000'000, n->number % 1'000'000);
        if (const auto* x = m.told<bastion::exited>()) {
            const int number = std::stoi(std::string(x->reason().text()));
            look(number / 1'000'000, number % 1'000'000);
        }
    }

private:
    void look(int sender, int number) {
        int& next = next_.at(static_cast<std::size_t>(sender));
        if (number != next) ++l_.too_early;
        next = number + 1;
        ++l_.handled;
    }
    ledger& l_;
    std::array<int, 4> next_{};
};

void send_numbered(const bastion::child_ref& to, int sender, int number) {
    const int n = sender * 1'000'000 + number;
    if (number % 3 == 2) to.exit(bastion::exit_reason::error(std::to_string(n)));
    else to.tell(numbered{n});
}

void stress_trapped(bool bounded) {
    ledger l;
    bastion::runtime rt(
        bastion::config().with_workers(3).with_signals(false).with_log([](const bastion::log_record&) {}));
    auto described = bastion::children().with_exec([&l](bastion::context ctx) -> bastion::process {
        ctx.trap_exit();
        ctx.ready();
        trapping_reader reader(l);
        for (int i = 0;; ++i) {
            if (i % 7 == 0) co_await ctx.yield();
            if (i % 3 == 0) {
                while (auto m = ctx.try_recv()) reader.read(*m);
            }
            auto m = co_await ctx.recv();
            reader.read(m);
        }
    });
    described.with_start(bastion::wait_ready);
    if (bounded) described.with_mailbox(bastion::mailbox::bounded(10'000'000, bastion::overflow::fail));
    const auto group = rt.spawn(std::move(described));
    const auto up = rt.run(group.started());
    REQUIRE(up.has_value());
    const bastion::child_ref who = group[0];
    for (int s = 1; s < 4; ++s)
        rt.spawn([who, s](bastion::context ctx) -> bastion::process {
            for (int i = 0; i < rounds; ++i) {
                send_numbered(who, s, i);
                if (i % 50 == 0) co_await ctx.yield();
            }
        });
    for (int i = 0; i < rounds; ++i) send_numbered(who, 0, i); // from a plain thread
    while (l.handled < 4 * rounds) std::this_thread::yield();
    CHECK(l.too_early == 0);
}

} // namespace

TEST_CASE("A message behind an exit signal: handlers") { stress(body::handlers); }
TEST_CASE("A message behind an exit signal: recv") { stress(body::recv); }
TEST_CASE("A message behind an exit signal: recv with a deadline") { stress(body::within); }
TEST_CASE("Exit signals that are trapped, among mail: in the order of each sender") { stress_trapped(false); }
TEST_CASE("Exit signals that are trapped, among mail of a bounded mailbox") { stress_trapped(true); }
