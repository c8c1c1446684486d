#include "executor/block_store.hpp"

#include <utility>

namespace bastion::detail {

void block_store::put(free_list blocks) noexcept {
    while (blocks.first != nullptr) {
        const memory_home home = home_of(blocks.first);
        const free_list its = anybody_has_a_home() ? blocks.take_out(home, kind_.unused) : std::exchange(blocks, {});
        of(home).put(its.first, its.length);
    }
}

} // namespace bastion::detail
