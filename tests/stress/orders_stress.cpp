// Orders about the children of one supervisor from several processes at once, while these fail, decline and do not start.
#include "support/catch.hpp"

#include <bastion/base/compiler.hpp>
#include <bastion/base/random.hpp>
#include <bastion/bastion.hpp>
#include <bastion/executor/pool.hpp>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr int slow = BASTION_ASAN != 0 || BASTION_TSAN != 0 ? 10 : 1;

struct poison {};

struct ledger {
    std::atomic<long> begun{0}, ended{0}; // incarnations that said they were ready
    std::atomic<std::uint64_t> tickets{0};
    std::atomic<long> answers{0}, unexpected{0};
    std::array<std::atomic<long>, 32> codes{}; // by errc; 0: it was done

    // 0 to 63, without a rhythm with which a round of restarts could fall in step.
    std::uint64_t draw() { return bastion::random_source(++tickets).next() >> 58; }
};

class mark {
public:
    explicit mark(ledger& l) : ledger_(l) { ++ledger_.begun; }
    mark(const mark&) = delete;
    mark& operator=(const mark&) = delete;
    ~mark() { ++ledger_.ended; }

private:
    ledger& ledger_;
};

// Of 64 starts two fail and two decline; of 64 lives four end at once.
auto child_of(ledger& l) {
    return [&l](bastion::context ctx) -> bastion::process {
        const std::uint64_t ticket = l.draw();
        if (ticket < 2) co_return ctx.fail("no start");
        if (ticket < 4) co_return ctx.ignore();
        const mark here(l);
        ctx.ready();
        if (ticket < 6) co_return;
        if (ticket < 8) bastion::panic("at once");
        for (;;) {
            auto m = co_await ctx.recv();
            if (m.told<poison>() != nullptr) bastion::panic("poisoned");
        }
    };
}

bastion::children spec_of(ledger& l, const std::string& id, std::uint64_t random) {
    const auto when = std::array{bastion::permanent, bastion::transient, bastion::temporary}[random % 3];
    return bastion::children()
        .with_name(id)
        .with_restart(when)
        .with_redundancy(1 + static_cast<std::uint32_t>(random >> 8) % 3)
        .with_start(bastion::wait_ready)
        .with_exec(child_of(l));
}

void note(ledger& l, bastion::errc code, std::initializer_list<bastion::errc> expected) {
    ++l.answers;
    ++l.codes.at(static_cast<std::size_t>(code));
    for (const bastion::errc e : expected)
        if (e == code) return;
    ++l.unexpected;
}

constexpr bastion::errc done{};
template <class R>
bastion::errc code_of(const R& r) {
    return r ? done : r.error().code();
}

using bastion::errc;

// Every order is answered, with one of the errors that it may have.
bastion::task<void> give_one_order(ledger& l, bastion::supervisor_ref sup, std::uint64_t random) {
    const std::string id = std::to_string(random % 8);
    switch (random >> 16 & 7) {
    case 0:
    case 1: {
        auto r = co_await sup.start_child(spec_of(l, id, random >> 24));
        note(l, code_of(r), {done, errc::already_started, errc::already_present, errc::start_failed, errc::noproc});
        break;
    }
    case 2: {
        auto r = co_await sup.restart_child(id);
        note(l, code_of(r), {done, errc::running, errc::restarting, errc::not_found, errc::start_failed, errc::noproc});
        break;
    }
    case 3: {
        auto r = co_await sup.terminate_child(id);
        note(l, code_of(r), {done, errc::not_found});
        break;
    }
    case 4: {
        auto r = co_await sup.delete_child(id);
        note(l, code_of(r), {done, errc::running, errc::restarting, errc::not_found});
        break;
    }
    case 5: {
        auto r = co_await sup.which_children();
        note(l, code_of(r), {done});
        if (!r) break;
        for (const bastion::child_info& c : *r)
            if (c.group.size() != 0) c.group[0].tell(poison{});
        break;
    }
    case 6: {
        auto r = co_await sup.count_children();
        note(l, code_of(r), {done});
        break;
    }
    default: {
        auto r = co_await sup.reconfigure(bastion::supervisor()
                .with_otp_defaults()
                .with_strategy(std::array{bastion::strategy::one_for_one, bastion::strategy::one_for_all,
                    bastion::strategy::rest_for_one}[random >> 32 & 1 ? 1 : random % 3])
                .with_intensity(4'000'000'000u, 1s)
                .with_children(spec_of(l, id, random >> 24)));
        note(l, code_of(r), {done});
    }
    }
}

void stress_orders(bastion::strategy how) {
    const auto blocks_before = bastion::detail::live_blocks();
    const auto pool_before = bastion::detail::read_pool_stats().live_blocks;
    ledger l;
    constexpr int managers = 4;
    constexpr int orders = 10'000 / slow;
    {
        bastion::runtime rt(
            bastion::config().with_workers(2).with_signals(false).with_log([](const bastion::log_record&) {}));
        const auto sup =
            rt.spawn(bastion::supervisor().with_name("s").with_otp_defaults().with_strategy(how).with_intensity(
                4'000'000'000u, 1s));
        std::vector<bastion::join_handle<void>> all;
        for (int m = 0; m < managers; ++m)
            all.push_back(rt.spawn([](ledger& to, bastion::supervisor_ref whom, int seed) -> bastion::task<void> {
                bastion::random_source random(static_cast<std::uint64_t>(seed));
                for (int i = 0; i < orders; ++i) co_await give_one_order(to, whom, random.next());
            }(l, sup, m + 1)));
        for (auto& one : all) {
            const auto ended = rt.run(std::move(one));
            CHECK(ended.has_value());
        }
        CHECK(l.answers == managers * orders);
        CHECK(l.unexpected == 0);
        CHECK(l.codes[0] > l.answers / 10);
        sup.stop();
        while (sup.alive()) std::this_thread::yield();
        CHECK(l.begun == l.ended);
        CHECK(l.begun > 0);
    }
    CHECK(bastion::detail::live_blocks() == blocks_before);
    CHECK(bastion::detail::read_pool_stats().live_blocks == pool_before);
}

} // namespace

TEST_CASE("Orders from several processes, one_for_one") { stress_orders(bastion::strategy::one_for_one); }
TEST_CASE("Orders from several processes, one_for_all") { stress_orders(bastion::strategy::one_for_all); }
TEST_CASE("Orders from several processes, rest_for_one") { stress_orders(bastion::strategy::rest_for_one); }

TEST_CASE("Dynamic children from several processes") {
    const auto blocks_before = bastion::detail::live_blocks();
    const auto pool_before = bastion::detail::read_pool_stats().live_blocks;
    ledger l;
    constexpr int managers = 4;
    constexpr int orders = 5000 / slow;
    {
        bastion::runtime rt(
            bastion::config().with_workers(2).with_signals(false).with_log([](const bastion::log_record&) {}));
        const auto sup = rt.spawn(bastion::supervisor()
                .with_otp_defaults()
                .with_strategy(bastion::strategy::simple_one_for_one)
                .with_max_children(50)
                .with_intensity(4'000'000'000u, 1s)
                .with_children(bastion::children()
                        .with_start(bastion::wait_ready)
                        .with_template([&l](bastion::context ctx, std::string text) -> bastion::process {
                            const std::uint64_t ticket = l.draw();
                            if (ticket < 2) co_return ctx.fail(text);
                            if (ticket < 4) co_return ctx.ignore();
                            const mark here(l);
                            ctx.ready();
                            if (ticket < 8) bastion::panic(text);
                            (void)co_await ctx.recv();
                        })));
        std::vector<bastion::join_handle<void>> all;
        for (int m = 0; m < managers; ++m)
            all.push_back(rt.spawn([](ledger& to, bastion::supervisor_ref whom) -> bastion::task<void> {
                for (int i = 0; i < orders; ++i) {
                    auto made =
                        co_await whom.start_child(std::string("an argument that is too long for a small string"));
                    note(to, code_of(made), {done, errc::start_failed, errc::limit});
                    if (!made || i % 3 == 0) continue;
                    auto over = co_await whom.terminate_child(made->element);
                    note(to, code_of(over), {done});
                }
            }(l, sup)));
        for (auto& one : all) {
            const auto ended = rt.run(std::move(one));
            CHECK(ended.has_value());
        }
        CHECK(l.unexpected == 0);
        CHECK(l.codes[0] > 0);
        sup.stop();
        while (sup.alive()) std::this_thread::yield();
        CHECK(l.begun == l.ended);
    }
    CHECK(bastion::detail::live_blocks() == blocks_before);
    CHECK(bastion::detail::read_pool_stats().live_blocks == pool_before);
}
