// Chains: nodes linked by a member `next`, as lock-free stacks return them.
#ifndef BASTION_BASE_CHAIN_HPP
#define BASTION_BASE_CHAIN_HPP

namespace bastion::detail {

// The same nodes from the other end: what was pushed first comes first.
template <class Node>
[[nodiscard]] Node* reversed(Node* newest) noexcept {
    Node* oldest = nullptr;
    while (newest != nullptr) {
        Node* older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

} // namespace bastion::detail

#endif
