// An asymmetric fence in the explorer.
#ifndef BASTION_TESTS_MODEL_FENCE_HPP
#define BASTION_TESTS_MODEL_FENCE_HPP

#include "model/explorer.hpp"

namespace model {

// As strong as the system's: whoever passes it second sees what the first has done before it.
struct fence {
    atomics::atomic<int> order{0};
    void light() { order.fetch_add(0, std::memory_order_acq_rel); }
    void heavy() { order.fetch_add(0, std::memory_order_acq_rel); }
};

} // namespace model

#endif
