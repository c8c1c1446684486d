// What the counting rows share: the question for the sum, and the producer.
#ifndef BASTION_BENCHMARKS_COUNTING_HPP
#define BASTION_BENCHMARKS_COUNTING_HPP

#include "harness.hpp"

namespace bench {

// Asked after the last message: how many came (the count must be this), and what is their sum.
struct total {
    using answer_type = number;
    std::uint64_t count;
};

// Sends 1 to n to `consumer`, asks for the total and checks it. Yields after every `batch` messages; 0: never.
bastion::task<void> produce(bastion::context ctx, bastion::child_ref consumer, std::uint64_t n, std::uint64_t batch);

} // namespace bench

#endif
