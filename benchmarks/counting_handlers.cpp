// Row 3, the consumer with handlers for a body. The producer is a coroutine: it is the one that yields.

#include "counting.hpp"
#include "rows.hpp"

namespace bench {
namespace {

class counter {
public:
    void on_number(const number& m) {
        ++counted_;
        sum_ += m.value;
    }
    [[nodiscard]] number on_total(const total& q) {
        check(counted_ == q.count, "counting_handlers: the count");
        return {sum_};
    }

private:
    std::uint64_t counted_ = 0;
    std::uint64_t sum_ = 0;
};

bastion::task<figure> measure(bastion::context ctx, std::uint64_t n) {
    const stopwatch clock;
    const auto me = ctx.self();
    const auto consumers = ctx.spawn(bastion::children().with_handlers<counter>(
        bastion::on_tell(&counter::on_number), bastion::on_question(&counter::on_total)));
    const auto consumer = consumers[0];
    ctx.spawn([me, consumer, n](bastion::context self) -> bastion::process {
        co_await produce(self, consumer, n, 100);
        me.tell(number{n});
    });
    auto m = co_await ctx.recv();
    check(value_of(m) == n, "counting_handlers: the producer's end");
    const double ns = clock.ns();
    co_return figure{.ops = n, .ns = ns};
}

} // namespace

figure counting_handlers(unsigned threads, std::uint64_t n) { return run_in_runtime(threads, n, measure); }

} // namespace bench
