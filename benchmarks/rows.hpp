// The rows of the card: each is defined in the file of its name (the handlers' rows beside their coroutine twins'
// names: pingpong_handlers.cpp holds pingpong_handlers, and so on), those about routing in routing.cpp, those about many
// children in supervised.cpp and restart_among.cpp, those of fibers in fibers.cpp.
#ifndef BASTION_BENCHMARKS_ROWS_HPP
#define BASTION_BENCHMARKS_ROWS_HPP

#include "harness.hpp"

namespace bench {

figure pingpong(unsigned threads, std::uint64_t n);
figure pairs(unsigned threads, std::uint64_t n);
figure ring(unsigned threads, std::uint64_t n);
figure counting(unsigned threads, std::uint64_t n);
figure counting_flood(unsigned threads, std::uint64_t n);
figure fanin(unsigned threads, std::uint64_t n);
figure big(unsigned threads, std::uint64_t n);
figure spawn(unsigned threads, std::uint64_t n);
figure spawn_flood(unsigned threads, std::uint64_t n);
figure idle(unsigned threads, std::uint64_t n);
figure burst(unsigned threads, std::uint64_t n);
figure skynet(unsigned threads, std::uint64_t n);
figure ask(unsigned threads, std::uint64_t n);
figure restart_error(unsigned threads, std::uint64_t n);
figure restart_panic(unsigned threads, std::uint64_t n);
figure fork(unsigned threads, std::uint64_t n);
figure hotload(unsigned threads, std::uint64_t n);
figure probes(unsigned threads, std::uint64_t n);
figure timers(unsigned threads, std::uint64_t n);
figure wake(unsigned threads, std::uint64_t n);
figure rest(unsigned threads, std::uint64_t n);
figure flat_restart(unsigned threads, std::uint64_t n);
figure flat_spawn(unsigned threads, std::uint64_t n);
figure flat_monitor(unsigned threads, std::uint64_t n);
figure flat_ask(unsigned threads, std::uint64_t n);
figure flat_timer(unsigned threads, std::uint64_t n);

figure pingpong_handlers(unsigned threads, std::uint64_t n);
figure ring_handlers(unsigned threads, std::uint64_t n);
figure counting_handlers(unsigned threads, std::uint64_t n);
figure ask_handlers(unsigned threads, std::uint64_t n);

figure switch_fiber(unsigned threads, std::uint64_t n);
figure pingpong_fibers(unsigned threads, std::uint64_t n);
figure spawn_fibers(unsigned threads, std::uint64_t n);
figure idle_fibers(unsigned threads, std::uint64_t n);

figure tell_direct(unsigned threads, std::uint64_t n);
figure tell_distributor(unsigned threads, std::uint64_t n);
figure broadcast(unsigned threads, std::uint64_t n);
figure whereis(unsigned threads, std::uint64_t n);

figure children_start(unsigned threads, std::uint64_t n);
figure children_ask(unsigned threads, std::uint64_t n);
figure children_stop(unsigned threads, std::uint64_t n);
figure children_end(unsigned threads, std::uint64_t n);
figure children_drop(unsigned threads, std::uint64_t n);
figure dynamic_ask(unsigned threads, std::uint64_t n);
figure dynamic_stop(unsigned threads, std::uint64_t n);
figure dynamic_end(unsigned threads, std::uint64_t n);
figure restart_among(unsigned threads, std::uint64_t n);
figure restart_among_dynamic(unsigned threads, std::uint64_t n);
figure restart_limited(unsigned threads, std::uint64_t n);

// What the machine charges: prints its own line. `n` hops of a bare prototype, and in proportion the rest.
void machine(std::uint64_t n);

} // namespace bench

#endif
