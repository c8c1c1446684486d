// `spawn(task)`: runs a task as a process of its own; the `join_handle` gives what comes of it.
//
//     auto sum = ctx.spawn(add_up(numbers));   // runs now, beside us
//     auto r = co_await sum;                   // result<T>: the value, or errc::target_died and why
//
// A task that panics (throws) ends its process; who joins is told with its exit reason, and the log gets its line. The
// process is a temporary element of the supervisor: never started again. Dropping the handle detaches: the task goes on.
// With a placement (`spawn(task, placement::node(1))`) it runs there; its frame lies where the task was made.
// Built on questions: the process holds the right to answer one that was never sent, so an answer always comes.
// Cost: a process, and a cell.
#ifndef BASTION_SUPERVISION_JOIN_HPP
#define BASTION_SUPERVISION_JOIN_HPP

#include <bastion/executor/when.hpp>
#include <bastion/mailbox/answer.hpp>
#include <bastion/supervision/spawn.hpp>

#include <type_traits>
#include <utility>

namespace bastion {
namespace detail {

// What the process of a joined task answers at its end.
template <class T>
struct join_question {
    using answer_type = value_or_monostate<T>;
};

template <class T>
class joined_body final : public process_body {
public:
    joined_body(task<T>&& t, question<join_question<T>>&& q, completion_cell* joined) noexcept
        : task_(std::move(t)), question_(std::move(q)), end_(joined) {}
    joined_body(const joined_body&) = delete;
    joined_body& operator=(const joined_body&) = delete;
    ~joined_body() override { question_.fail(errc::noproc); } // it never began: there was nobody left to run it

    void start(control_block& block) override {
        install_frame(block, work(context(block), std::move(task_), std::move(question_), end_));
    }
    void be_lost() noexcept override { end_.give_up(); }

private:
    struct settled {
        open_end& end;
        ~settled() { end.settle(); }
    };
    // `end` is of the body, which lives as long as its process.
    static process work(context, task<T> t, question<join_question<T>> q, open_end& end) {
        question<join_question<T>> to_answer(std::move(q)); // a local: unwound by what the task throws
        const settled before_that{end};
        if constexpr (std::is_void_v<T>) {
            co_await t;
            end.settle();
            to_answer.reply(std::monostate());
        } else {
            T value = co_await t;
            end.settle();
            to_answer.reply(std::move(value));
        }
    }

    task<T> task_;
    question<join_question<T>> question_;
    open_end end_;
};

} // namespace detail

// Awaited once, by the process that spawned the task; or `rt.run(std::move(handle))`, by the plain thread that did.
template <class T>
class [[nodiscard]] join_handle : public awaitable<join_handle<T>> {
public:
    // A task<result<U>> gives result<U>.
    using value_type = result<typename detail::plain_result<T>::type>;
    static constexpr bool mail = false;

    join_handle(child_ref who, detail::pending_answer p) noexcept : who_(who), answer_(std::move(p)) {}
    join_handle(join_handle&&) noexcept = default;
    join_handle& operator=(join_handle&&) noexcept = default;

    // The process that runs the task. Asking it to stop, or killing it, ends the task: whoever joins gets
    // errc::target_died, with `stopped` or `killed`. Any thread.
    [[nodiscard]] child_ref ref() const noexcept { return who_; }
    void stop() const { who_.stop(); }
    void kill() const { who_.kill(); }

    void start() { answer_.start(); }
    [[nodiscard]] bool poll() const noexcept { return answer_.poll(); }
    [[nodiscard]] value_type take() {
        auto r = answer_.take();
        if (!r) return fail(detail::error_of_endless(std::move(r).error()));
        if constexpr (std::is_void_v<T>) return value_type();
        else return value_type(*std::move(r));
    }
    [[nodiscard]] detail::pending_answer& pending() noexcept { return answer_.pending(); }

private:
    child_ref who_;
    answer<detail::value_or_monostate<T>> answer_;
};

namespace detail {

template <class T>
[[nodiscard]] join_handle<T> spawn_joined(
    const birthplace& at_whose, task<T>&& t, const placement& at, source_location where) {
    static_assert(!std::is_reference_v<T>, "bastion: spawn: a task that returns a reference: return a value");
    envelope* const e = make_envelope<join_question<T>>(envelope_kind::asked);
    pending_answer answer = expect_answer(e);
    completion_cell* const joined = e->cell;
    question<join_question<T>> q(e);
    answer.set_timeout(pending_answer::forever);
    auto body = shared<process_body>(new joined_body<T>(std::move(t), std::move(q), joined));
    const child_ref who = spawn_body(at_whose, std::move(body), where, false, nullptr, at);
    return join_handle<T>(who, std::move(answer));
}

} // namespace detail

template <class T>
join_handle<T> supervisor_ref::spawn(task<T>&& t, source_location where) const {
    return spawn(std::move(t), placement::any(), where);
}
template <class T>
join_handle<T> supervisor_ref::spawn(task<T>&& t, const placement& at, source_location where) const {
    return detail::spawn_joined(temporaries(), std::move(t), at, where);
}
template <class T>
join_handle<T> context::spawn(task<T>&& t, source_location where) const {
    return spawn(std::move(t), placement::any(), where);
}
template <class T>
join_handle<T> context::spawn(task<T>&& t, const placement& at, source_location where) const {
    detail::require_running(*block_, "ctx.spawn");
    return detail::spawn_joined(detail::supervisor_above(*block_).temporaries(), std::move(t), at, where);
}

} // namespace bastion

#endif
