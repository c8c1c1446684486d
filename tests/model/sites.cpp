// The places of atomic operations, and what can be weakened there.
#include "model/explorer.hpp"

#include <cstring>

namespace model {

const char* name_of(std::memory_order order) noexcept {
    switch (order) {
    case std::memory_order_relaxed: return "relaxed";
    case std::memory_order_consume: return "consume";
    case std::memory_order_acquire: return "acquire";
    case std::memory_order_release: return "release";
    case std::memory_order_acq_rel: return "acq_rel";
    case std::memory_order_seq_cst: return "seq_cst";
    }
    return "?";
}

const char* name_of(operation what) noexcept {
    switch (what) {
    case operation::load: return "load";
    case operation::store: return "store";
    case operation::rmw: return "read-modify-write";
    case operation::cas: return "compare-exchange";
    case operation::cas_failed: return "failed compare";
    }
    return "?";
}

bool site::same_place(const site& other) const noexcept {
    return where.line() == other.where.line() && what == other.what &&
           std::strcmp(where.file_name(), other.where.file_name()) == 0;
}

std::vector<std::memory_order> weaker(const site& s) {
    using enum std::memory_order;
    const bool loads = s.what != operation::store;
    const bool stores = s.what != operation::load && s.what != operation::cas_failed;
    const bool both = s.order == seq_cst || s.order == acq_rel;
    std::vector<std::memory_order> found;
    if (s.order == seq_cst && loads && stores) found.push_back(acq_rel);
    if (both && loads) found.push_back(acquire);
    if (both && stores) found.push_back(release);
    if (s.order != relaxed) found.push_back(relaxed);
    return found;
}

} // namespace model
