// Intrusive shared ownership for cold objects: reports, specifications, closures.
//
// `shared<T>` is one pointer; copying it is one atomic increment. Never used per message.
#ifndef BASTION_BASE_REF_COUNTED_HPP
#define BASTION_BASE_REF_COUNTED_HPP

#include <bastion/base/owner_count.hpp>

#include <type_traits>
#include <utility>

namespace bastion::detail {

// Base of what `shared` counts. A new object has no owner yet: the first `shared` makes it one.
class ref_counted {
public:
    ref_counted() noexcept = default;
    ref_counted(const ref_counted&) = delete;
    ref_counted& operator=(const ref_counted&) = delete;

    void add_owner() const noexcept { owners_.add(); }
    void drop_owner() const noexcept {
        if (owners_.drop()) delete this;
    }
    [[nodiscard]] bool unique() const noexcept { return owners_.unique(); }

protected:
    virtual ~ref_counted() = default;

private:
    mutable owner_count owners_{0};
};

template <class T>
class shared {
public:
    shared() noexcept = default;
    explicit shared(T* object) noexcept : object_(object) {
        if (object_) object_->add_owner();
    }
    shared(const shared& other) noexcept : shared(other.object_) {}
    shared(shared&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    template <class U>
        requires std::is_convertible_v<U*, T*>
    shared(const shared<U>& other) noexcept : shared(other.get()) {}
    shared& operator=(shared other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~shared() {
        if (object_) object_->drop_owner();
    }

    [[nodiscard]] T* get() const noexcept { return object_; }
    [[nodiscard]] T& operator*() const noexcept { return *object_; }
    [[nodiscard]] T* operator->() const noexcept { return object_; }
    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
    void reset() noexcept { shared().swap(*this); }
    void swap(shared& other) noexcept { std::swap(object_, other.object_); }

    friend bool operator==(const shared& a, const shared& b) noexcept { return a.object_ == b.object_; }

private:
    T* object_ = nullptr;
};

template <class T, class... Args>
[[nodiscard]] shared<T> make_shared_object(Args&&... args) {
    return shared<T>(new T(std::forward<Args>(args)...));
}

} // namespace bastion::detail

#endif
