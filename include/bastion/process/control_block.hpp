// The control block: everything a process is, apart from its frame and its mail.
//
// It *is* the element: it stays while incarnations come and go, so an address stays good across restarts. Blocks live
// in type-stable memory for ever; a block used again has a higher generation, which every sender compares.
// The pages of free blocks may be given back: all zeros is a block that is closed, in which nobody lives and which nobody
// owns (block.cpp). So every member of a free one is right as zeros for whoever may look, and what is not is set at birth.
// Layout: line 0 what the running worker writes, line 1 what senders write, the rest is touched at start and end.
#ifndef BASTION_PROCESS_CONTROL_BLOCK_HPP
#define BASTION_PROCESS_CONTROL_BLOCK_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/intrusive_list.hpp>
#include <bastion/executor/pool.hpp>
#include <bastion/executor/runnable.hpp>
#include <bastion/executor/worker.hpp>
#include <bastion/process/block_words.hpp>
#include <bastion/process/crowd.hpp>
#include <bastion/process/envelope.hpp>
#include <bastion/process/exit_reason.hpp>
#include <bastion/process/inbox.hpp>
#include <bastion/process/life_cycle.hpp>
#include <bastion/process/system_lane.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>

namespace bastion::detail {

class bounded_mailbox;
class process_body;
struct cold_part;
struct monitor_record;
struct placed;
struct runtime_home;

enum class signal_kind : std::uint8_t {
    adopt, // to an owner: this block is yours now; the node is the block's own
    exited, // to an owner: an incarnation has ended; the node is the block's own
    started, // to an owner: the element counts as started; the node is the block's own second one
    request, // to an owner: a supervision request, from the pool
    timer, // to an owner: a delay is over
    monitor, // to an element: a monitor wants to watch it, from the pool
    demonitor, // to an element: forget a monitor
    link, // to anybody: I am linked to you; from the pool, as the next two
    unlink, // to anybody: no longer
    exit, // to anybody: I have ended, or end yourself
    measure, // to an element: how much mail have you not read; the node is the asker's
    debug, // to an element: an order of bastion::sys
};

enum class process_kind : std::uint8_t { coroutine, handlers, system };
enum class restart_when : std::uint8_t { permanent, transient, temporary };
// Whether an element comes back after an end for that reason, if its strategy has tries left.
[[nodiscard]] inline bool comes_back_after(restart_when when, const exit_reason& why) noexcept {
    return when == restart_when::permanent || (when == restart_when::transient && why.is_abnormal());
}

// A signal that a block embeds: adoption, start and death never allocate.
struct block_signal : system_signal {
    control_block* block = nullptr;
};

struct alignas(cache_line) control_block : strand {
    // ---- line 0, after the strand: the running worker's -------------------------------------------------------
    life_cycle life_state;
    process_kind kind = process_kind::coroutine;
    restart_when policy = restart_when::temporary;
    bool body_ended = false; // the body came to its final suspend, or a handler said so
    bool started_sent = false; // the owner knows that this incarnation started
    bool wait_ready = false; // started only at ctx.ready()
    bool starts_quietly = false; // its owner need not know when it has started
    bool repoll = false; // a drain swallowed a wake-up
    envelope* mail = nullptr; // drained and unread, oldest first

    // ---- line 1: what senders read and write -------------------------------------------------------------------
    alignas(cache_line) basic_inbox<envelope> inbox;
    basic_generation<> generation;
    system_lane lane;
    signal_flags signals;
    std::uint32_t incarnation = 0;
    relaxed_ptr<runtime_home> home;
    std::atomic<bounded_mailbox*> bounded_box{nullptr}; // null: unbounded; objects are type-stable

    // ---- line 2: waiting and the body --------------------------------------------------------------------------
    alignas(cache_line) wait_slot own_slot;
    envelope* mail_last = nullptr; // of `mail`, unless that is empty
    std::uint32_t taken = 0; // counts what was unlinked from `mail`
    std::uint32_t restarts = 0; // how often the element was started again
    void* frame = nullptr; // the coroutine's address, or the handlers' state
    process_body* body = nullptr; // how to make a frame; null: `entry` says it

    // ---- line 3: kinship and the end ---------------------------------------------------------------------------
    alignas(cache_line) basic_owner_word<control_block> owner;
    list_hook<control_block> sibling; // in the owner's table
    basic_cold_word<cold_part> cold;
    exit_reason reason; // of the incarnation that ended
    envelope* orphans = nullptr; // questions destroyed by unwinding: answered with the exit reason
    // ---- line 4
    block_signal exit_node; // adopt, then exited
    block_signal start_node; // started
    void (*entry)() = nullptr; // a process function without state, cast back by its maker
    std::uint32_t index = 0; // within its group
    std::uint8_t owner_state = 0; // the owner's, as what follows: see supervision/
    std::uint8_t owner_flags = 0;
    bool from_below = false; // a temporary element that was spawned from below its supervisor
    std::uint32_t tries = 0; // restarts in a row
    std::int32_t site_line = 0; // with site_file
    std::int64_t since_ns = 0; // when this incarnation was started
    void* owner_timer = nullptr; // the deadline or back-off that runs for it
    std::uint16_t lost_in_hand = 0; // messages destroyed by unwinding
    std::uint32_t elsewhere = 0; // functions that it awaits, scopes in which it has forked: its own
    const message_meta* hand = nullptr; // the type of the message handled last
    const char* site_file = ""; // where a temporary element was spawned
    union {
        basic_crowd_place<control_block> place = {}; // of one that lives
        pool_block free_link; // of a free one, in its list; nobody else looks at it
    };

    // relaxed: set before the block is known to anybody, and its memory stays what it is.
    [[nodiscard]] bounded_mailbox* bounded() const noexcept { return bounded_box.load(std::memory_order_relaxed); }
    [[nodiscard]] address here() noexcept { return {this, generation.now()}; }
    [[nodiscard]] bool lives(std::uint64_t g) const noexcept { return generation.is(g); }
};

static_assert(sizeof(void*) != 8 || sizeof(control_block) <= 6 * cache_line); // and its first members fit line 0

using crowd = basic_crowd<control_block>;

[[nodiscard]] inline control_block& block_of(runnable& r) noexcept {
    return static_cast<control_block&>(r); // Safety: every runnable in this library is a control block's
}

// The block that runs on this thread; null on plain threads and inside forked tasks.
[[nodiscard]] inline control_block* running_block() noexcept {
    return static_cast<control_block*>(this_thread().current.get()); // Safety: strands are control blocks
}

// A new block with a fresh generation, open for mail, in state `starting`. Throws std::bad_alloc.
// At home where `at` says, and in memory from there.
[[nodiscard]] BASTION_API control_block* make_block(runtime_home& home, const placed& at);
[[nodiscard]] BASTION_API control_block* make_block(runtime_home& home);
// The last owner gives it back; its inbox and lane are closed.
BASTION_API void recycle_block(control_block* block) noexcept;
// The same of one whose generation has grown already.
void recycle_block_of_gone(control_block* block) noexcept;
// Blocks in use, exact when nobody makes or recycles any.
[[nodiscard]] BASTION_API std::uint64_t live_blocks() noexcept;
struct block_memory {
    std::uint64_t reserved_bytes; // taken from the arena
    std::uint64_t given_back_bytes; // of these, in slabs that hold no block
};
[[nodiscard]] BASTION_API block_memory memory_of_blocks() noexcept;

} // namespace bastion::detail

#endif
