// Message types: how a value becomes an envelope, and what identifies its type.
//
// A type's identity is the address of its meta object: no registration, no base class. Types that cross shared
// libraries need default visibility; a mismatch is a dead letter, never a cast.
#ifndef BASTION_MAILBOX_META_HPP
#define BASTION_MAILBOX_META_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/owner_count.hpp>
#include <bastion/base/type_name.hpp>
#include <bastion/executor/blocks.hpp>
#include <bastion/process/envelope.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace bastion {

// Specialise with false for a type whose const access is not safe from several threads: it cannot be broadcast.
template <class T>
inline constexpr bool is_broadcastable = true;

namespace detail {

// What a value travels as: its decayed type; text literals and views as std::string.
template <class T>
struct sent_as {
    using type = std::decay_t<T>;
};
template <class T>
    requires(std::is_same_v<std::decay_t<T>, const char*> || std::is_same_v<std::decay_t<T>, char*> ||
             std::is_same_v<std::decay_t<T>, std::string_view>)
struct sent_as<T> {
    using type = std::string;
};
template <class T>
using sent_as_t = typename sent_as<T>::type;

// A braced temporary that this compiler would destroy twice inside a co_await expression (docs/pitfalls.md). `M` with its
// value category.
template <class M>
inline constexpr bool is_hazardous_temporary =
    BASTION_BROKEN_AWAIT_TEMPORARIES != 0 && !std::is_lvalue_reference_v<M> && std::is_aggregate_v<sent_as_t<M>> &&
    !std::is_trivially_destructible_v<sent_as_t<M>>;

template <class T>
consteval bool check_message() {
    static_assert(std::is_move_constructible_v<T> && std::is_destructible_v<T>,
        "bastion: a message must be movable: it is moved into its envelope and out of it");
    static_assert(alignof(T) <= 16,
        "bastion: a message must not be over-aligned (more than 16 bytes): send a std::unique_ptr to it");
    static_assert(!std::is_pointer_v<T> || !std::is_same_v<std::remove_cv_t<std::remove_pointer_t<T>>, char>,
        "bastion: text travels as std::string: ask for std::string");
    return true;
}
template <class T>
consteval bool check_received() {
    static_assert(!std::is_same_v<T, const char*> && !std::is_same_v<T, char*> && !std::is_same_v<T, std::string_view>,
        "bastion: text travels as std::string: use told<std::string>(), asked<std::string>() and the like");
    static_assert(std::is_same_v<T, std::remove_cvref_t<T>>, "bastion: name the message type without const or &");
    return true;
}

// A broadcast value: one for all receivers, const for each.
template <class T>
struct shared_value {
    template <class... Args>
    explicit shared_value(Args&&... args) : value(std::forward<Args>(args)...) {}
    owner_count owners{1};
    T value;

    static void drop(shared_value* box) noexcept {
        if (box->owners.drop()) pool_delete(box);
    }
};

template <class T>
inline constexpr std::uint32_t payload_offset = alignof(T) > 8 ? 48 : offsetof(envelope, payload);
template <class T>
inline constexpr std::uint32_t envelope_bytes =
    static_cast<std::uint32_t>((payload_offset<T> + sizeof(T) + cache_line - 1) / cache_line * cache_line);

// Safety: the meta object says that a T lies there (or, in a broadcast, the pointer to a shared one).
template <class T>
[[nodiscard]] T* payload_of(envelope& e) noexcept {
    return std::launder(static_cast<T*>(e.payload_at(payload_offset<T>)));
}
template <class T>
[[nodiscard]] shared_value<T>*& shared_payload_of(envelope& e) noexcept {
    return *std::launder(static_cast<shared_value<T>**>(e.payload_at(offsetof(envelope, payload))));
}

template <class T>
void destroy_payload(envelope& e) noexcept {
    if (e.kind() == envelope_kind::broadcast) shared_value<T>::drop(shared_payload_of<T>(e));
    else payload_of<T>(e)->~T();
}

// A message that no bound of a mailbox counts or drops: its type says so.
template <class T>
concept notice = requires { typename T::bastion_notice; };

template <class T>
consteval std::uint8_t quick_class_of() {
    if constexpr (!std::is_trivially_destructible_v<T> || envelope_bytes<T> > pool_max_bytes)
        return message_meta::no_quick_end;
    else return static_cast<std::uint8_t>(pool_class_of(envelope_bytes<T>));
}

template <class T>
inline constexpr message_meta meta_object{
    type_name<T>(), &destroy_payload<T>, envelope_bytes<T>, payload_offset<T>, quick_class_of<T>(), notice<T>};

template <class T, class... Args>
void construct_payload(void* where, Args&&... args) {
    if constexpr (std::is_constructible_v<T, Args&&...>) ::new (where) T(std::forward<Args>(args)...);
    else ::new (where) T{std::forward<Args>(args)...};
}

// An envelope with a T inside; sender, cell and generation are the caller's to set.
template <class T, class... Args>
[[nodiscard]] envelope* make_envelope_in(pool_cache& pool, envelope_kind kind, Args&&... args) {
    static_assert(check_message<T>());
    // Safety: pool blocks are 64-byte aligned; the header has no constructor to run.
    auto* e = static_cast<envelope*>(pool.allocate(envelope_bytes<T>));
    if constexpr (std::is_nothrow_constructible_v<T, Args&&...>) {
        construct_payload<T>(e->payload_at(payload_offset<T>), std::forward<Args>(args)...);
    } else {
        try {
            construct_payload<T>(e->payload_at(payload_offset<T>), std::forward<Args>(args)...);
        } catch (...) {
            pool_free(e, envelope_bytes<T>);
            throw;
        }
    }
    e->set_meta(meta_object<T>, kind);
    return e;
}
template <class T, class... Args>
[[nodiscard]] envelope* make_envelope(envelope_kind kind, Args&&... args) {
    return make_envelope_in<T>(this_thread().blocks(), kind, std::forward<Args>(args)...);
}

template <class T>
[[nodiscard]] envelope* make_broadcast(shared_value<T>* box) {
    auto* e = static_cast<envelope*>(pool_allocate(broadcast_bytes));
    ::new (e->payload_at(offsetof(envelope, payload))) shared_value<T>*(box);
    box->owners.add(); // the caller is one
    e->set_meta(meta_object<T>, envelope_kind::broadcast);
    return e;
}

} // namespace detail
} // namespace bastion

#endif
