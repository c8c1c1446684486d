// `context` and `child_ref`: how a process sees itself, and how others name it.
//
// Declared once, here; each layer defines the members it adds in a header of its own. `bastion/bastion.hpp` includes
// them all.
#ifndef BASTION_PROCESS_CONTEXT_HPP
#define BASTION_PROCESS_CONTEXT_HPP

#include <bastion/base/compiler.hpp>
#include <bastion/base/result.hpp>
#include <bastion/base/source_location.hpp>
#include <bastion/executor/awaitable.hpp>
#include <bastion/process/control_block.hpp>
#include <bastion/process/home.hpp>
#include <bastion/process/process.hpp>

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace bastion {

class child_ref;
class children;
class children_ref;
class message;
class monitor_handle;
class partitions;
class partitions_ref;
class placement;
class pending_send;
class recv_wait;
class runtime;
class scheduled_tell;
class supervisor;
class supervisor_ref;
template <class R>
class answer;
template <class T>
class join_handle;
class broadcast_target;
class distributor;
class topic;
template <class T>
class recv_as_wait;
enum class delivery : std::uint8_t;

namespace detail {
template <class T>
struct sent_as;
template <class Q>
struct ask_result;
template <class M>
class send_wait;
template <class R, class Q>
using answer_for = typename ask_result<Q>::template with<R>;
} // namespace detail

// The running process' view of itself. 8 bytes, copied freely, valid inside this incarnation only.
class context {
public:
    explicit context(detail::control_block& block) noexcept : block_(&block) {}

    // ---- process/
    [[nodiscard]] child_ref self() const noexcept;
    // 0 for the first start, then one more at every restart.
    [[nodiscard]] int incarnation() const noexcept { return static_cast<int>(block_->incarnation); }
    // Ends the process with reason `error` once the body returns: `co_return ctx.fail("why");`. One of handlers: when the handler does,
    // or the constructor of its state.
    BASTION_API void fail(std::string_view why) const;
    BASTION_API void fail(const error& why) const;
    // The same with any reason, after OTP's exit/1: the supervisor, monitors and links are told so.
    BASTION_API void exit(exit_reason why) const;
    // Declines to start, after OTP's ignore: `co_return ctx.ignore();` before it counts as started. That is no fault, and it does not
    // come back whatever its restart policy; those behind it start. Throws usage_error when it has started.
    BASTION_API void ignore() const;
    // Suspends for at least `d`; late by at most one budget of work. Detachable.
    [[nodiscard]] sleep_wait sleep_for(std::chrono::nanoseconds d) const noexcept { return sleep_wait(d); }
    // To the end of the line: lets others run.
    [[nodiscard]] yield_wait yield() const noexcept { return yield_wait(); }
    // Ends a process of handlers when this handler returns: normally, or as `stopped` if it was asked to stop. A
    // coroutine ends by `co_return`: there it throws usage_error.
    BASTION_API void stop() const;
    // From now on a stop request comes as a told `bastion::stop_request`; the process ends itself.
    BASTION_API void trap_stop() const;
    // Whether this process was asked to stop, or killed; also if it has trapped the request.
    [[nodiscard]] BASTION_API bool stop_requested() const noexcept;
    // Asked to stop when this process is stopped or killed; for long computations and foreign waits. Callbacks
    // registered with it run where the stop is ordered, not in this process: they must not use its context, nor throw.
    [[nodiscard]] BASTION_API std::stop_token stop_token() const;

    // ---- mailbox/
    [[nodiscard]] recv_wait recv() const;
    template <class T>
    [[nodiscard]] recv_as_wait<T> recv() const;
    [[nodiscard]] std::optional<message> try_recv() const;
    // Sends later; the handle cancels. Dropped when the target is gone.
    template <class M>
    scheduled_tell tell_after(std::chrono::nanoseconds delay, const child_ref& to, M&& m) const;
    template <class M>
    scheduled_tell tell_every(std::chrono::nanoseconds period, const child_ref& to, M m) const;

    // ---- supervision/
    [[nodiscard]] children_ref parent() const;
    [[nodiscard]] supervisor_ref supervisor() const;
    template <class F>
    child_ref spawn(F&& body, source_location where = source_location::current()) const;
    template <class F>
    child_ref spawn(F&& body, const placement& at, source_location where = source_location::current()) const;
    children_ref spawn(children&& group) const;
    supervisor_ref spawn(bastion::supervisor&& tree) const;
    partitions_ref spawn(partitions&& all) const;
    // Runs a task as a process of its own; the handle is awaited for its value, or for why it has none.
    template <class T>
    join_handle<T> spawn(task<T>&& t, source_location where = source_location::current()) const;
    template <class T>
    join_handle<T> spawn(task<T>&& t, const placement& at, source_location where = source_location::current()) const;
    // As spawn, with this process as the parent: when it ends or is restarted, for whatever reason, the child (a process, a
    // task, a group, a supervisor) is asked to stop. The end of the child is no concern of its parent's: monitor it.
    template <class What>
    auto spawn_child(What&& what, source_location where = source_location::current()) const;
    // Of a process or a task: what a builder describes has its placement from there.
    template <class What>
    auto spawn_child(What&& what, const placement& at, source_location where = source_location::current()) const;
    // With with_start(wait_ready): this incarnation has started.
    BASTION_API void ready() const;
    // The same, and something for whoever started the child by name: child_info::extra. What the first call of an incarnation gives.
    template <class T>
    void ready(T&& extra) const;
    // The object given to with_data; another type is a panic.
    template <class T>
    [[nodiscard]] T& data() const;
    // Watches the incarnation alive now; its end comes as a told `bastion::down`. Ends with the handle.
    [[nodiscard]] monitor_handle monitor(const child_ref& target) const;
    [[nodiscard]] monitor_handle monitor(const children_ref& target) const;
    [[nodiscard]] monitor_handle monitor(const supervisor_ref& target) const;

    // Ends the watching, and takes back a `down` that has come already, or is on its way: none is told any more. True: there
    // was one. Waits until the watched one has taken note, which one that waits to be restarted does when it starts.
    [[nodiscard]] task<bool> demonitor(monitor_handle watch) const;
    // As spawn of a process function; linked or watched before it runs.
    template <class F>
    child_ref spawn_link(F&& body, source_location where = source_location::current()) const;
    template <class F>
    child_ref spawn_link(F&& body, const placement& at, source_location where = source_location::current()) const;
    template <class F>
    std::pair<child_ref, monitor_handle> spawn_monitor(
        F&& body, source_location where = source_location::current()) const;
    template <class F>
    std::pair<child_ref, monitor_handle> spawn_monitor(
        F&& body, const placement& at, source_location where = source_location::current()) const;
    // Links this incarnation with the other one: when one ends abnormally, so does the other, with the same reason. At most
    // one link between two, whoever makes it. With one that has ended: the reason is `noproc`. Who traps exits reads it behind the other's
    // last words, ahead of what its next incarnation tells, and of the `down` of the same end.
    BASTION_API void link(const child_ref& with) const;
    BASTION_API void link(const children_ref& with) const;
    BASTION_API void link(const bastion::supervisor_ref& with) const;
    // From now on no exit of that link takes effect here, or there.
    BASTION_API void unlink(const child_ref& with) const;
    BASTION_API void unlink(const children_ref& with) const;
    BASTION_API void unlink(const bastion::supervisor_ref& with) const;
    // Exits that links bring, and that others order, come as a told `bastion::exited` instead of ending this incarnation; also
    // those of normal ends. An ordered `killed` ends it all the same.
    BASTION_API void trap_exit(bool on = true) const;

    // ---- routing/
    // The named set of processes, made when nobody has asked for it before.
    [[nodiscard]] bastion::distributor distributor(std::string_view name) const;
    [[nodiscard]] bastion::topic topic(std::string_view name) const;
    // Gives the message to the dispatchers; returns how many mailboxes took it.
    template <class M>
    std::size_t broadcast_message(const broadcast_target& target, M&& m) const;
    // Calls the handlers of the dispatchers, with this process and notification::attention.
    BASTION_API void notify(const broadcast_target& target) const;
    // Registers this process, until it ends or is restarted: errc::name_taken, errc::invalid.
    BASTION_API result<void> register_name(std::string_view name) const;
    // False: nobody had it.
    BASTION_API bool unregister_name(std::string_view name) const;
    // Who is registered by that name, or an element by its path: "/pool/workers/0". Nobody: a ref that is not alive.
    [[nodiscard]] BASTION_API child_ref whereis(std::string_view name) const;
    // Watches whoever is found by that name now, also a group or a supervisor by its path ("/pool/workers"); nobody: the reason
    // is `noproc`.
    [[nodiscard]] BASTION_API monitor_handle monitor(std::string_view name) const;

    // ---- runtime/
    [[nodiscard]] bastion::runtime& runtime() const;
    // The worker that runs this process now, from 0, and the NUMA node that this is on, by its number in bastion-topology's table. After
    // the next wait it may be another; the node of a process that is bound (placement.hpp) is always the same.
    [[nodiscard]] std::size_t worker() const noexcept { return detail::this_thread().current_worker->seat(); }
    [[nodiscard]] int node() const noexcept { return detail::this_thread().current_worker->node().number; }

    [[nodiscard]] detail::control_block& block() const noexcept { return *block_; }

private:
    detail::control_block* block_;
};

// Names an element for ever. 16 bytes, trivially copyable, owns nothing; a stale one is safe and says so. Any thread.
class child_ref {
public:
    child_ref() noexcept = default; // names nobody
    explicit child_ref(detail::address a) noexcept : address_(a) {}

    // ---- mailbox/
    // Sends a copy or the moved value; never blocks, never throws for a dead target. Text travels as std::string.
    template <class M>
    delivery tell(M&& m) const;
    template <class T, class... Args>
    delivery tell(Args&&... args) const;
    // Told, and acknowledged when the receiver is done with it: it was taken by its type and its message destroyed. An error
    // says why not: unhandled, dropped (never looked at), the target died with it, noproc, mailbox full, time-out.
    template <class M>
    [[nodiscard]] auto tell_acknowledged(M&& m) const;
    template <class T, class... Args>
    [[nodiscard]] answer<void> tell_acknowledged(Args&&... args) const;
    // Suspends until there is room, whatever a bounded mailbox would do with a tell; an unbounded one always has room.
    template <class M>
    [[nodiscard]] auto send(M&& m) const;
    // Asks; the question knows its answer's type (`answer_type`), else the answer is a message.
    template <class Q>
    [[nodiscard]] auto ask(Q&& q) const;
    template <class Q, class... Args>
    [[nodiscard]] auto ask(Args&&... args) const;
    // Asks a question that does not say its answer's type.
    template <class R, class Q>
    [[nodiscard]] auto request(Q&& q) const;

    // ---- supervision/
    // Asks the element to stop; it does not come back. Idempotent, any thread.
    BASTION_API void stop() const;
    BASTION_API void kill() const;
    // The exit signal of OTP's exit/2: ends the incarnation with that reason, unless that is `normal` or it traps exits; then
    // its supervisor decides whether it comes back. `killed` cannot be trapped. A process that sends itself `normal` ends.
    // Who traps exits reads it where it was sent: behind what the same sender has told before, ahead of what it tells later. Who is ended
    // by it reads nothing that lies behind it; one that comes to its end with it unread ends for that reason, unless it has one of its own.
    // To an element that has ended and is to come back it does nothing. Any thread.
    BASTION_API void exit(const exit_reason& why) const;
    // When the element counts as started; an error says why it never did.
    [[nodiscard]] answer<void> started() const;

    // Whether the element exists now (it may end at any time). No exit notice: its names may be taken, and its memberships
    // stand, for an instant longer. A monitor's notice comes after they are gone.
    [[nodiscard]] bool alive() const noexcept {
        return address_.block != nullptr && address_.block->lives(address_.generation) &&
               !address_.block->inbox.is_closed();
    }
    [[nodiscard]] detail::address where() const noexcept { return address_; }
    friend bool operator==(const child_ref&, const child_ref&) = default;

private:
    detail::address address_;
};
static_assert(sizeof(child_ref) == 16);

inline child_ref context::self() const noexcept { return child_ref(block_->here()); }

// Told to a process that traps exits: one that it is linked to has ended, or ordered it to end.
class exited {
public:
    using bastion_notice = void; // see detail::notice
    exited(child_ref who, exit_reason reason) noexcept : who_(who), reason_(std::move(reason)) {}
    [[nodiscard]] child_ref who() const noexcept { return who_; }
    [[nodiscard]] const exit_reason& reason() const noexcept { return reason_; }

private:
    child_ref who_;
    exit_reason reason_;
};

// Told to a process that traps stops.
struct stop_request {
    using bastion_notice = void; // see detail::notice
    bool operator==(const stop_request&) const = default;
};

namespace detail {

// A body made from a callable with state.
template <class F>
class coroutine_body final : public process_body {
public:
    template <class G>
    explicit coroutine_body(G&& f) : function_(std::forward<G>(f)) {}
    void start(control_block& block) override {
        install_frame(block, std::invoke(static_cast<const F&>(function_), context(block)));
    }

private:
    F function_;
};

// Throws usage_error unless `block` runs on this thread.
BASTION_API void check_running(const control_block& block, const char* what);
inline void require_running(const control_block& block, const char* what) {
    if (running_block() != &block) [[unlikely]]
        check_running(block, what);
}

} // namespace detail
} // namespace bastion

template <>
struct std::hash<bastion::child_ref> {
    std::size_t operator()(const bastion::child_ref& r) const noexcept {
        const auto a = r.where();
        return std::hash<const void*>()(a.block) ^ (static_cast<std::size_t>(a.generation) * 0x9e3779b97f4a7c15u);
    }
};

#endif
