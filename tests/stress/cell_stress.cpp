// Completion cells and the system lane among threads: each payload ends once, each signal is seen once.
#include <bastion/executor/cell.hpp>
#include <bastion/process/system_lane.hpp>

#include "support/catch.hpp"
#include "support/hesitant_atomics.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

using namespace bastion::detail;

TEST_CASE("cell stress: completer, timer and asker agree on who frees", "[stress]") {
    constexpr int rounds = 20'000;
    std::vector<basic_cell_word<test::hesitant_atomics>> words(rounds);
    std::vector<std::atomic<int>> freed(rounds), woken(rounds), payload(rounds);
    std::atomic<int> phase[3] = {};
    // Three threads go through the cells side by side, at most a few cells apart.
    const auto keep_pace = [&](int me, int i) {
        phase[me].store(i);
        if (i % 8 != 0) return;
        for (const auto& other : phase)
            while (other.load() < i - 8) std::this_thread::yield();
    };
    std::thread completer([&] {
        for (int i = 0; i < rounds; ++i) {
            keep_pace(0, i);
            payload[static_cast<std::size_t>(i)].store(1, std::memory_order_relaxed);
            const auto at = static_cast<std::size_t>(i);
            switch (words[at].complete()) {
            case cell_event::wake_owner: ++woken[at]; break;
            case cell_event::free_payload: ++freed[at]; break;
            case cell_event::none: break;
            }
        }
        phase[0].store(rounds + 8);
    });
    std::thread timer([&] {
        for (int i = 0; i < rounds; ++i) {
            keep_pace(1, i);
            if (i % 2 == 0 && words[static_cast<std::size_t>(i)].time_out()) ++woken[static_cast<std::size_t>(i)];
        }
        phase[1].store(rounds + 8);
    });
    int wrong = 0;
    for (int i = 0; i < rounds; ++i) {
        keep_pace(2, i);
        const auto at = static_cast<std::size_t>(i);
        if (i % 3 == 0)  // waits for its end, as an asker does; else gives up at once
            while (words[at].load() == cell_state::pending) std::this_thread::yield();
        if (words[at].load() == cell_state::completed) {
            if (payload[at].load(std::memory_order_relaxed) != 1) ++wrong;
            ++freed[at];
        } else if (words[at].abandon()) {
            ++freed[at];
        }
    }
    phase[2].store(rounds + 8);
    completer.join();
    timer.join();
    int not_once = 0, woken_twice = 0;
    for (std::size_t i = 0; i < rounds; ++i) {
        if (freed[i] != 1) ++not_once;
        if (woken[i] > 1) ++woken_twice;
    }
    REQUIRE(wrong == 0);
    REQUIRE(not_once == 0);
    REQUIRE(woken_twice == 0);
}

TEST_CASE("lane stress: every signal once, in order, the first one says so, and a closed lane refuses", "[stress]") {
    struct signal : system_signal {
        std::uint32_t sender = 0, number = 0;
    };
    constexpr std::uint32_t senders = 3, each = 8'000;
    basic_system_lane<system_signal, test::hesitant_atomics> lane;
    lane.open();
    std::vector<std::unique_ptr<signal[]>> memory;
    for (std::uint32_t s = 0; s < senders; ++s) memory.push_back(std::make_unique<signal[]>(each));
    std::atomic<std::uint32_t> firsts{0}, refused{0}, done{0};
    std::vector<std::thread> threads;
    for (std::uint32_t s = 0; s < senders; ++s)
        threads.emplace_back([&, s] {
            for (std::uint32_t i = 0; i < each; ++i) {
                memory[s][i].sender = s;
                memory[s][i].number = i;
                switch (lane.push(&memory[s][i])) {
                case lane_result::first: ++firsts; break;
                case lane_result::queued: break;
                case lane_result::closed: ++refused; break;
                }
                if (i % 64 == 0) std::this_thread::yield();
            }
            ++done;
        });
    std::uint32_t taken = 0, drains = 0, out_of_order = 0;
    std::vector<std::int64_t> last(senders, -1);
    const auto take = [&](system_signal* oldest) {
        if (oldest != nullptr) ++drains;
        for (; oldest != nullptr; oldest = oldest->next) {
            const auto& s = static_cast<signal&>(*oldest);
            if (static_cast<std::int64_t>(s.number) <= last[s.sender]) ++out_of_order;
            last[s.sender] = s.number;
            ++taken;
        }
    };
    while (done.load() != senders && taken < senders * each * 3 / 4) take(lane.drain());
    take(lane.close());
    for (auto& t : threads) t.join();
    REQUIRE(lane.drain() == nullptr);
    REQUIRE(out_of_order == 0);
    REQUIRE(taken + refused == senders * each);
    REQUIRE(taken >= senders * each * 3 / 4);
    REQUIRE(firsts == drains);
}
