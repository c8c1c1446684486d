// The timer wheel against a list that is searched from end to end, and its promises one by one. Virtual time only.
#include <bastion/executor/timer_wheel.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <vector>

using namespace bastion::detail;

namespace {

constexpr std::int64_t tick = std::int64_t{1} << timer_wheel::tick_bits;
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

std::vector<timer_entry*> advance(timer_wheel& wheel, std::int64_t now) {
    timer_list out;
    wheel.advance(now, out);
    std::vector<timer_entry*> fired;
    while (timer_entry* e = out.pop_front()) fired.push_back(e);
    return fired;
}

// What the wheel promises, said as simply as possible.
class model {
public:
    struct item {
        timer_entry* entry;
        std::int64_t due;
        bool pending;
    };

    void arm(timer_entry* e, std::int64_t duration) {
        items_.push_back({e, std::max<std::int64_t>(0, duration), true});
    }

    bool cancel(timer_entry* e) {
        return std::erase_if(items_, [e](const item& i) { return i.entry == e; }) != 0;
    }

    std::vector<timer_entry*> advance(std::int64_t now) {
        now_ = std::max(now_, now);
        std::vector<item> due;
        for (item& i : items_) {
            if (i.pending) i.due = i.due > never - now_ ? never : now_ + i.due;
            i.pending = false;
            if (i.due <= now_) due.push_back(i);
        }
        std::erase_if(items_, [this](const item& i) { return i.due <= now_; });
        std::stable_sort(due.begin(), due.end(), [](const item& a, const item& b) { return a.due < b.due; });
        std::vector<timer_entry*> fired;
        for (const item& i : due) fired.push_back(i.entry);
        return fired;
    }

    [[nodiscard]] std::optional<std::int64_t> next_due() const {
        std::optional<std::int64_t> least;
        for (const item& i : items_) {
            if (!i.pending && (!least || i.due < *least)) least = i.due;
        }
        return least;
    }

    [[nodiscard]] std::size_t size() const { return items_.size(); }
    [[nodiscard]] bool has_pending() const {
        return std::any_of(items_.begin(), items_.end(), [](const item& i) { return i.pending; });
    }

private:
    std::vector<item> items_;
    std::int64_t now_ = 0;
};

} // namespace

TEST_CASE("timer_wheel: never early, exact to the nanosecond", "[executor]") {
    for (const std::int64_t duration : {std::int64_t{0}, std::int64_t{1}, tick - 1, tick, tick + 1, 64 * tick,
             65 * tick + 7, 64 * 64 * tick - 1, 64 * 64 * 64 * tick + 12345, std::int64_t{1} << 60}) {
        for (const std::int64_t start : {std::int64_t{0}, std::int64_t{1}, 63 * tick + 5, std::int64_t{1} << 61}) {
            INFO("duration " << duration << " start " << start);
            timer_wheel wheel;
            timer_entry e;
            REQUIRE(advance(wheel, start).empty());
            wheel.arm(&e, duration);
            REQUIRE(wheel.has_pending());
            REQUIRE(advance(wheel, start).size() == (duration == 0 ? 1u : 0u));
            if (duration == 0) continue;
            REQUIRE_FALSE(wheel.has_pending());
            REQUIRE(wheel.next_due() == start + duration);
            REQUIRE(advance(wheel, start + duration - 1).empty());
            REQUIRE(wheel.size() == 1);
            REQUIRE(advance(wheel, start + duration) == std::vector{&e});
            REQUIRE(wheel.empty());
            REQUIRE_FALSE(wheel.next_due().has_value());
        }
    }
}

TEST_CASE("timer_wheel: a duration counts from the advance after arming", "[executor]") {
    timer_wheel wheel;
    timer_entry e;
    wheel.arm(&e, 100);
    REQUIRE_FALSE(wheel.next_due().has_value());
    REQUIRE(advance(wheel, 5'000'000).empty());
    REQUIRE(wheel.next_due() == 5'000'100);
    REQUIRE(advance(wheel, 5'000'100).size() == 1);
}

TEST_CASE("timer_wheel: negative durations are due at once, endless ones at the end of time", "[executor]") {
    timer_wheel wheel;
    timer_entry past;
    timer_entry endless;
    wheel.arm(&past, -5);
    wheel.arm(&endless, never);
    REQUIRE(advance(wheel, 1000) == std::vector{&past});
    REQUIRE(wheel.next_due() == never);
    REQUIRE(advance(wheel, never - 1).empty());
    REQUIRE(advance(wheel, never) == std::vector{&endless});
}

TEST_CASE("timer_wheel: time does not go back", "[executor]") {
    timer_wheel wheel;
    timer_entry e;
    REQUIRE(advance(wheel, 10 * tick).empty());
    wheel.arm(&e, 10);
    REQUIRE(advance(wheel, 5 * tick).empty());
    REQUIRE(wheel.next_due() == 10 * tick + 10);
    REQUIRE(advance(wheel, 10 * tick + 9).empty());
    REQUIRE(advance(wheel, 10 * tick + 10).size() == 1);
}

TEST_CASE("timer_wheel: cancel takes effect in every state", "[executor]") {
    timer_wheel wheel;
    timer_entry pending;
    timer_entry present;
    timer_entry far;
    timer_entry fired;
    REQUIRE_FALSE(wheel.cancel(&pending));
    wheel.arm(&present, 10);
    wheel.arm(&far, 1'000'000'000);
    wheel.arm(&fired, 0);
    REQUIRE(advance(wheel, 1) == std::vector{&fired});
    wheel.arm(&pending, 1);
    REQUIRE_FALSE(wheel.cancel(&fired));
    REQUIRE(wheel.cancel(&pending));
    REQUIRE(wheel.cancel(&present));
    REQUIRE(wheel.next_due() == 1'000'000'001);
    REQUIRE(wheel.cancel(&far));
    REQUIRE_FALSE(wheel.cancel(&far));
    REQUIRE(wheel.empty());
    REQUIRE_FALSE(wheel.next_due().has_value());
    REQUIRE(advance(wheel, 2'000'000'000).empty());
    wheel.arm(&far, 5); // What was cancelled can be armed again.
    REQUIRE(advance(wheel, 2'000'000'000).empty());
    REQUIRE(advance(wheel, 2'000'000'005) == std::vector{&far});
}

TEST_CASE("timer_wheel: equal due times expire in arming order, whenever they were armed", "[executor]") {
    timer_wheel wheel;
    const std::int64_t due = 70 * 64 * tick + 99;
    std::vector<std::unique_ptr<timer_entry>> entries;
    std::vector<timer_entry*> expected;
    for (const std::int64_t now : {std::int64_t{0}, tick, 64 * tick, 69 * 64 * tick, due - 50, due - 1, due}) {
        for (int i = 0; i < 3; ++i) {
            entries.push_back(std::make_unique<timer_entry>());
            expected.push_back(entries.back().get());
            wheel.arm(entries.back().get(), due - now);
        }
        const auto fired = advance(wheel, now);
        REQUIRE(fired == (now == due ? expected : std::vector<timer_entry*>{}));
    }
}

TEST_CASE("timer_wheel: many timers of one tick expire in order of time", "[executor]") {
    timer_wheel wheel;
    std::mt19937_64 random(7);
    std::vector<timer_entry> entries(10'000);
    for (timer_entry& e : entries) wheel.arm(&e, 3 * tick + static_cast<std::int64_t>(random() % (2 * tick)));
    REQUIRE(advance(wheel, 0).empty());
    std::size_t seen = 0;
    std::int64_t last = 0;
    for (const timer_entry* e : advance(wheel, 10 * tick)) {
        REQUIRE(e->due_ns >= last);
        last = e->due_ns;
        ++seen;
    }
    REQUIRE(seen == entries.size());
}

// The first of a crowd is cancelled again and again, as deadlines are; the crowd lies in one slot, in order or not.
TEST_CASE("timer_wheel: the next due time is exact while a crowd is cancelled from its front", "[executor]") {
    constexpr std::size_t many = 400;
    for (const bool in_order : {true, false}) {
        timer_wheel wheel;
        model expected;
        std::mt19937_64 random(in_order ? 1 : 2);
        std::vector<std::unique_ptr<timer_entry>> entries;
        std::vector<timer_entry*> armed;
        const auto arm = [&](std::int64_t duration) {
            armed.push_back(entries.emplace_back(std::make_unique<timer_entry>()).get());
            wheel.arm(armed.back(), duration);
            expected.arm(armed.back(), duration);
            CHECK(advance(wheel, 0) == expected.advance(0));
        };
        // From digit 1 of the third level on, all in one of its slots.
        const auto duration = [&](std::size_t i) {
            const auto within = static_cast<std::int64_t>(in_order ? i : random() % many);
            return (std::int64_t{1} << (2 * timer_wheel::digit_bits)) * tick + within * tick;
        };
        for (std::size_t i = 0; i < many; ++i) arm(duration(i));
        for (std::size_t i = 0; i < many / 2; ++i) {
            CHECK(wheel.next_due() == expected.next_due());
            const auto first = std::min_element(armed.begin(), armed.end(),
                [](const timer_entry* a, const timer_entry* b) { return a->due_ns < b->due_ns; });
            CHECK(wheel.cancel(*first));
            CHECK(expected.cancel(*first));
            armed.erase(first);
            // Behind others that are due later, when the wheel has found out that they lie in order.
            if (i % 50 == 49) arm(duration(i + 3));
        }
        CHECK(wheel.next_due() == expected.next_due());
        CHECK(advance(wheel, never / 2) == expected.advance(never / 2));
        CHECK(wheel.empty());
    }
}

TEST_CASE("timer_wheel: random operations agree with the model", "[executor]") {
    for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u, 6u}) {
        INFO("seed " << seed);
        std::mt19937_64 random(seed);
        timer_wheel wheel;
        model expected;
        std::vector<timer_entry> entries(200);
        std::int64_t now = static_cast<std::int64_t>(random() >> (1 + random() % 60)); // Anywhere in time.
        const auto span = [&random] { return static_cast<std::int64_t>(random() >> (20 + random() % 40)); };
        for (int step = 0; step < 20'000; ++step) {
            timer_entry& e = entries[random() % entries.size()];
            switch (random() % 8) {
            case 0:
            case 1:
            case 2:
                if (e.state == timer_state::idle) {
                    // Coarse ones make equal due times.
                    const std::int64_t duration = random() % 2 == 0 ? span() : span() & ~(tick / 4 - 1);
                    wheel.arm(&e, duration);
                    expected.arm(&e, duration);
                }
                break;
            case 3: REQUIRE(wheel.cancel(&e) == expected.cancel(&e)); break;
            case 4:
                REQUIRE(wheel.next_due() == expected.next_due());
                if (const auto next = expected.next_due(); next && *next > now && random() % 2 == 0) {
                    now = *next - static_cast<std::int64_t>(random() % 2);
                }
                [[fallthrough]];
            default: {
                if (random() % 2 == 0) {
                    const std::int64_t by = span() >> (random() % 20);
                    now = by > never - now ? never : now + by;
                }
                REQUIRE(advance(wheel, now) == expected.advance(now));
            }
            }
            REQUIRE(wheel.size() == expected.size());
            REQUIRE(wheel.has_pending() == expected.has_pending());
        }
    }
}
