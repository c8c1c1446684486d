// Links: two processes of which neither outlives the other, and the exit signals by which they end one another.
//
// Part of the cold part. The table is touched by the holder of the right to run only; the other side learns by signals in
// its lane. Public: ctx.link and the like (supervision/monitor.hpp).
//
// Protocol (after OTP's, with numbers in the place of its acknowledged unlinkings):
//  1. A link is a record on both sides, which says by which number each side has made it; both may, at once. Who has a record
//     makes none.
//  2. `link` carries the number of its maker. It becomes a record, or one more number of the one that is there.
//  3. `unlink` takes the record away at once, so no exit of that link comes through any more; it carries the numbers that
//     its sender knew. The other side takes these off, and the record when none is left. So a link that was made before
//     the other's `unlink` arrived stays on both sides. An exit that has been trapped by then is mail, or, if its mark is still to come,
//     is forgotten: who unlinks and reads its mail up to there has seen the last of that link.
//  4. At the end of an incarnation each record becomes the exit signal to its other side, with its numbers. Who has none of
//     them drops it; a number that is left belongs to the next incarnation.
//  5. An exit signal, of a link or by order, takes effect from the lane, ahead of all mail; but who traps exits reads it as a message,
//     behind what the same sender has told before and ahead of what it, or its next incarnation, tells later. So its sender pushes two
//     things, in this order: the signal, with a number, and a mark with that number among the mail; also to one that does not trap, which
//     only itself knows. (Owners refuse it, as all mail; an ordered `killed`, which nobody traps, has none.) Who takes mail from the inbox
//     and finds a mark looks at the lane before it puts the mail into its list: the signal has been there since before the mark. If it was
//     trapped, the mark becomes the message; else it goes: no mark is ever in a list of mail. What came for an incarnation that has ended
//     is nobody's: it is dropped before the next one begins. What it has trapped is mail, which waits as other mail does. The mark of a
//     link comes from the reserve when there is no memory, as the notice of a monitor does; who orders an exit is told std::bad_alloc.
//  6. Nobody of an incarnation that a signal ends takes mail behind it. Who drains the inbox while there are signals looks at the lane
//     before it puts the mail into the list, mark or not. If an order to end is known then, whatever was drained, and all that still is,
//     is kept back (cold_part::kept_back) until the incarnation has ended: whoever asks, as often as it likes, finds none. So is what is
//     handed over to one that cannot end yet. What lay in the list before may be taken; the next incarnation gets all of it, in its order.
#ifndef BASTION_PROCESS_LINKS_HPP
#define BASTION_PROCESS_LINKS_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/intrusive_list.hpp>
#include <bastion/executor/reserve.hpp>
#include <bastion/process/control_block.hpp>

#include <cstdint>
#include <unordered_map>

namespace bastion::detail {

// A record, or a signal about one: each becomes the other. From the pool, owned by the table or the lane that holds it.
struct link_signal : system_signal {
    list_hook<link_signal> hook;
    std::uint64_t target_generation = 0;
    address peer; // of a record: whom it is linked to; of a signal: who sent it
    std::uint64_t made_here = 0; // the number of the link that this side has made; 0: none
    std::uint64_t made_there = 0; // of the other side
    exit_reason reason; // of an exit
    bool ordered = false; // of an exit: somebody's order, not a link's
    std::uint64_t mark = 0; // of an ordered exit: the number of its mark; 0: it has none
};

using link_list = intrusive_list<link_signal, &link_signal::hook>;

void free_all(link_list& list) noexcept;

class link_table {
public:
    link_table() = default;
    link_table(const link_table&) = delete;
    link_table& operator=(const link_table&) = delete;
    ~link_table(); // frees what is left

    [[nodiscard]] link_signal* find(const address& peer) const noexcept;
    // Takes it; there is none with that peer. Throws std::bad_alloc, and has not taken it then.
    void insert(link_signal* record);
    // The caller's from now on.
    void remove(link_signal* record) noexcept;
    // In the order they were made.
    [[nodiscard]] link_signal* front() const noexcept { return in_order_.front(); }
    [[nodiscard]] static link_signal* next(const link_signal* record) noexcept { return link_list::next(record); }
    [[nodiscard]] std::size_t size() const noexcept { return in_order_.size(); }

private:
    struct hash {
        [[nodiscard]] std::size_t operator()(const address& a) const noexcept {
            return std::hash<const void*>()(a.block) ^ (static_cast<std::size_t>(a.generation) * 0x9e3779b97f4a7c15u);
        }
    };
    link_list in_order_;
    std::unordered_map<address, link_signal*, hash, std::equal_to<>,
        pool_allocator<std::pair<const address, link_signal*>>>
        by_peer_;
};

// All of these by the holder of the right to run `block`.

// Links it with the peer; nothing, if they are linked. A peer that has ended: the exit signal `noproc` comes.
// Throws std::bad_alloc, and has not linked then.
BASTION_API void make_link(control_block& block, const address& peer);
// Takes the link away; nothing, if there is none.
BASTION_API void take_link(control_block& block, const address& peer) noexcept;
// Links it with a child that nobody knows yet. Throws std::bad_alloc, and has not linked then.
BASTION_API void link_unborn(control_block& block, control_block& child);
// A signal to a process that does not look at its lane any more, which ended for `why`. Frees it.
void refuse_link_signal(control_block& block, link_signal* signal, const exit_reason& why) noexcept;
// Handles a link, an unlink or an exit; frees it.
void handle_link_signal(control_block& block, link_signal* signal) noexcept;
// What the exit of a link does to an element: ends it, or becomes a message, or nothing.
BASTION_API void obey_exit(control_block& block, const address& from, const exit_reason& why) noexcept;
// The incarnation has ended: tells the other sides, and forgets them.
void tell_links(control_block& block, const exit_reason& why) noexcept;

// Any thread. False: nobody lives there.
BASTION_API bool send_exit(const address& to, const address& from, const exit_reason& why);
// Gives a process that traps exits the message; of mailbox/, as the next two.
BASTION_API void deliver_exited(control_block& block, const address& from, const exit_reason& why) noexcept;
// The message, as a mark. Throws std::bad_alloc.
[[nodiscard]] BASTION_API envelope* make_exit_mark(const address& from, const exit_reason& why, std::uint64_t number);
// Whether the mark's signal was trapped: then it is a message now. Holder of the right to run, which has looked at the lane.
[[nodiscard]] bool make_trapped(control_block& block, envelope& mark) noexcept;
// Puts it among the mail; frees it when nobody lives there. Inside the runtime's gate.
BASTION_API void push_mark(const address& to, envelope* mark) noexcept;

} // namespace bastion::detail

#endif
