#include "transitions/transitions.hpp"

#include <utility>

namespace {

transitions::table made{};

} // namespace

void bastion::detail::transition_made(life from, life to) noexcept {
    ++made[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

transitions::table transitions::take() { return std::exchange(made, table{}); }
