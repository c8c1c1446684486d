// A doubly linked list through a hook in the element itself: no allocation, O(1) removal of a known element.
//
// Used for tables of children and for monitors. Not thread safe: the owner of the list is its only user.
#ifndef BASTION_BASE_INTRUSIVE_LIST_HPP
#define BASTION_BASE_INTRUSIVE_LIST_HPP

#include <cstddef>

namespace bastion::detail {

template <class T>
struct list_hook {
    T* next = nullptr;
    T* prev = nullptr;
};

template <class T, list_hook<T> T::* Hook>
class intrusive_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] T* front() const noexcept { return first_; }
    [[nodiscard]] T* back() const noexcept { return last_; }
    [[nodiscard]] static T* next(const T* item) noexcept { return (item->*Hook).next; }
    [[nodiscard]] static T* prev(const T* item) noexcept { return (item->*Hook).prev; }

    void push_back(T* item) noexcept {
        (item->*Hook).prev = last_;
        (item->*Hook).next = nullptr;
        (last_ ? (last_->*Hook).next : first_) = item;
        last_ = item;
        ++size_;
    }

    void push_front(T* item) noexcept {
        (item->*Hook).prev = nullptr;
        (item->*Hook).next = first_;
        (first_ ? (first_->*Hook).prev : last_) = item;
        first_ = item;
        ++size_;
    }

    // Invariant: `item` is in this list.
    void erase(T* item) noexcept {
        auto& hook = item->*Hook;
        (hook.prev ? (hook.prev->*Hook).next : first_) = hook.next;
        (hook.next ? (hook.next->*Hook).prev : last_) = hook.prev;
        hook.next = hook.prev = nullptr;
        --size_;
    }

    // Invariant: `item` is in this list, and `by` in none.
    void replace(T* item, T* by) noexcept {
        auto& hook = item->*Hook;
        (by->*Hook) = hook;
        (hook.prev ? (hook.prev->*Hook).next : first_) = by;
        (hook.next ? (hook.next->*Hook).prev : last_) = by;
        hook.next = hook.prev = nullptr;
    }

    [[nodiscard]] T* pop_front() noexcept {
        T* item = first_;
        if (item) erase(item);
        return item;
    }
    [[nodiscard]] T* pop_back() noexcept {
        T* item = last_;
        if (item) erase(item);
        return item;
    }

private:
    T* first_ = nullptr;
    T* last_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace bastion::detail

#endif
