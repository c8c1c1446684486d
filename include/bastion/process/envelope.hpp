// The envelope: what carries a message, a question or an answer. 40 bytes of header, small payloads in the same line.
//
// Made by the sender from its pool, linked through inboxes, freed by whoever ends its life. This layer knows a
// message's type only as the address of its meta object.
#ifndef BASTION_PROCESS_ENVELOPE_HPP
#define BASTION_PROCESS_ENVELOPE_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/executor/cell.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/executor/this_thread.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bastion {

// Why a message did not reach a handler.
enum class drop_reason : std::uint8_t { noproc, stale, unread, full, unhandled, limit, stopped };

} // namespace bastion

namespace bastion::detail {

struct control_block;
struct envelope;

// Names a process for ever: a block in type-stable memory and the generation that lives there. Owns nothing.
struct address {
    control_block* block = nullptr;
    std::uint64_t generation = 0;

    friend bool operator==(const address&, const address&) = default;
};

// One object per message type and program: its address is the type's identity.
struct alignas(16) message_meta {
    std::string_view name;
    void (*destroy_payload)(envelope&) noexcept;
    std::uint32_t block_bytes;     // of an envelope with this payload
    std::uint32_t payload_offset;
    // The class of its blocks, when nothing has to be destroyed; `no_quick_end` otherwise.
    std::uint8_t quick_class;
    // The end of another process, or a request to stop: no bound of a mailbox counts or drops it.
    bool is_notice = false;

    static constexpr std::uint8_t no_quick_end = 0xff;
};

enum class envelope_kind : std::uintptr_t { told, asked, broadcast, answer };

struct alignas(cache_line) envelope {
    static constexpr std::uintptr_t kind_bits = 3;
    static constexpr std::uintptr_t prefix_bit = 4;  // a prefix with trace context lies before the header
    static constexpr std::uintptr_t acknowledged_bit = 8; // asked: told to its receiver, whose being done is the answer
    static constexpr std::uintptr_t mark_bit = 8; // told: see is_mark
    static constexpr std::uintptr_t tag_bits = 15;
    static constexpr std::uint64_t was_told = ~std::uint64_t{0};

    envelope* next;
    std::uintptr_t meta_word;
    std::uint64_t generation; // of the receiver it was sent to; in an answer: the size of its block; `was_told`
    union {
        address sender; // told, broadcast, answer
        completion_cell* cell; // asked: the right to answer; null once it was used
    };
    std::byte payload[cache_line - 40];

    [[nodiscard]] const message_meta& meta() const noexcept {
        // Safety: set_meta stored the address of a meta object, which is 16-byte aligned.
        return *reinterpret_cast<const message_meta*>(meta_word & ~tag_bits);
    }
    [[nodiscard]] envelope_kind kind() const noexcept { return static_cast<envelope_kind>(meta_word & kind_bits); }
    [[nodiscard]] bool is(const message_meta& m, envelope_kind k) const noexcept {
        return meta_word == (reinterpret_cast<std::uintptr_t>(&m) | static_cast<std::uintptr_t>(k));
    }
    // Whether an M was told, and is to be acknowledged.
    [[nodiscard]] bool is_to_acknowledge(const message_meta& m) const noexcept {
        return meta_word == (reinterpret_cast<std::uintptr_t>(&m) | static_cast<std::uintptr_t>(envelope_kind::asked) |
                                acknowledged_bit);
    }
    // Whether its receiver was told what is to be acknowledged.
    [[nodiscard]] bool is_acknowledged() const noexcept {
        return (meta_word & acknowledged_bit) != 0 && generation == was_told;
    }
    // The place of an exit signal in the mail (links.hpp): no message yet, and perhaps never one. Its generation is nobody's.
    [[nodiscard]] bool is_mark() const noexcept {
        return (meta_word & (kind_bits | mark_bit)) == (static_cast<std::uintptr_t>(envelope_kind::told) | mark_bit);
    }
    void become_mark() noexcept { meta_word |= mark_bit; }
    void become_message(std::uint64_t to) noexcept {
        meta_word &= ~mark_bit;
        generation = to;
    }
    void set_meta(const message_meta& m, envelope_kind k) noexcept {
        meta_word = reinterpret_cast<std::uintptr_t>(&m) | static_cast<std::uintptr_t>(k);
    }
    [[nodiscard]] void* payload_at(std::size_t offset) noexcept { return reinterpret_cast<std::byte*>(this) + offset; }
};
static_assert(sizeof(envelope) == cache_line);
static_assert(offsetof(envelope, payload) == 40, "header of 40 bytes");

// How big a broadcast's envelope is: the payload is a pointer to the shared value.
inline constexpr std::uint32_t broadcast_bytes = sizeof(envelope);

[[nodiscard]] inline std::size_t bytes_of(const envelope& e) noexcept {
    if (e.kind() == envelope_kind::answer) return static_cast<std::size_t>(e.generation);
    return e.kind() == envelope_kind::broadcast ? broadcast_bytes : e.meta().block_bytes;
}

// Destroys payload and block. A question must have lost its cell before.
BASTION_INLINE void destroy(envelope* e, const thread_state& thread) noexcept {
    const message_meta& meta = e->meta();
    if (e->kind() == envelope_kind::told && meta.quick_class != message_meta::no_quick_end) [[likely]]
        return thread.blocks().free_of_class(e, meta.quick_class);
    const std::size_t bytes = bytes_of(*e);
    if (e->kind() == envelope_kind::broadcast || meta.quick_class == message_meta::no_quick_end)
        meta.destroy_payload(*e);
    thread.blocks().free(e, bytes);
}
inline void destroy(envelope* e) noexcept { destroy(e, this_thread()); }

} // namespace bastion::detail

#endif
