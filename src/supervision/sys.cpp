#include "process/element_signal.hpp"
#include "supervision/owner.hpp"

#include <bastion/executor/executor.hpp>
#include <bastion/executor/reserve.hpp>
#include <bastion/mailbox/send.hpp>
#include <bastion/supervision/membership.hpp>
#include <bastion/supervision/sys.hpp>

#include <algorithm>
#include <atomic>
#include <string>

namespace bastion::detail {
namespace {

[[nodiscard]] error explained(errc code, std::string_view text) noexcept {
    try {
        return error(code, std::string(text));
    } catch (const std::bad_alloc&) { return error(code); }
}

// An order that is answered, by what `carry_out` makes of it.
class answered_order : public debug_order {
public:
    bool carry_out(control_block& target) noexcept final {
        const must_not_fail certain;
        try {
            if (target.kind == process_kind::system)
                throw explained(errc::invalid, "it is a group or a supervisor, and no process");
            if (must_wait(target)) {
                (void)debug_of(target);
                return false;
            }
            complete_with(cell, done(target));
        } catch (const error& why) { answer_error(cell, why); } catch (...) {
            const exit_reason why = reason_of_current_exception();
            answer_error(cell, explained(errc::failed, why.what()));
        }
        return true;
    }
    void refuse() noexcept final { answer_error(cell, errc::noproc); }

    completion_cell* cell = nullptr;

protected:
    // The answer, when it is carried out. Throws what is answered instead.
    [[nodiscard]] virtual envelope* done(control_block& target) = 0;
    [[nodiscard]] virtual bool must_wait(const control_block&) const noexcept { return false; }
};

[[nodiscard]] pending_answer send_order(address to, std::unique_ptr<answered_order> order) {
    completion_cell* const cell = completion_cell::make(running_block());
    order->cell = cell;
    order->target_generation = to.generation;
    bool sent = false;
    inside(to, [&](runtime_home&) {
        control_block& b = *to.block;
        debug_order* const signal = order.release(); // the lane's once pushed, perhaps carried out already
        sent = b.ops == &owner_ops ? push_signal(b, *signal, signal_kind::debug)
                                   : push_element_signal(b, *signal, signal_kind::debug);
        if (!sent) order.reset(static_cast<answered_order*>(signal));
    });
    if (!sent) order->refuse();
    return pending_answer(cell, to, std::chrono::nanoseconds(-1));
}

[[nodiscard]] std::int64_t now_here() noexcept { return this_thread().current_worker->owner().time().now_ns(); }

class hold_order final : public answered_order {
public:
    explicit hold_order(bool on) noexcept : on_(on) {}

private:
    envelope* done(control_block& target) override {
        envelope* const answer = make_answer<done_mark>();
        hold_back(target, on_);
        return answer;
    }
    const bool on_;
};

class count_order final : public answered_order {
public:
    explicit count_order(bool on) noexcept : on_(on) {}

private:
    envelope* done(control_block& target) override {
        envelope* const answer = make_answer<done_mark>();
        debug_part& part = debug_of(target);
        part.counts = on_;
        part.counts_since_ns = now_here();
        std::fill(std::begin(part.taken), std::end(part.taken), 0);
        settle_watch(target);
        return answer;
    }
    const bool on_;
};

class counts_order final : public answered_order {
    envelope* done(control_block& target) override {
        const cold_part* const cold = cold_if_any(target);
        if (cold == nullptr || cold->debug == nullptr || !cold->debug->counts)
            throw explained(errc::invalid, "its statistics are off: sys::statistics(ref, true)");
        const debug_part& part = *cold->debug;
        const auto of = [&part](step_taken s) { return part.taken[static_cast<std::size_t>(s)]; };
        return make_answer<sys::process_statistics>(
            sys::process_statistics{std::chrono::nanoseconds(now_here() - part.counts_since_ns),
                of(step_taken::received), of(step_taken::sent), of(step_taken::answered)});
    }
};

[[nodiscard]] error has_another_state(std::string_view has, std::string_view wanted) noexcept {
    try {
        return error(errc::wrong_type, has.empty()
                                           ? "it has no state that others can see"
                                           : "its state is a " + std::string(has) + ", not a " + std::string(wanted));
    } catch (const std::bad_alloc&) { return error(errc::wrong_type); }
}

class visit_order final : public answered_order {
public:
    visit_order(const type_wanted& type, std::unique_ptr<state_visit> v) noexcept : type_(type), visit_(std::move(v)) {}

private:
    envelope* done(control_block& target) override {
        const bool has_handlers = target.kind == process_kind::handlers;
        if (has_handlers && target.body->state_type() == type_.tag) return visit(target.frame);
        const cold_part* const cold = cold_if_any(target);
        const bool has_data = cold != nullptr && cold->data.object != nullptr;
        if (has_data && cold->data.type == type_.tag) return visit(cold->data.object.get());
        throw has_another_state(has_handlers ? target.body->state_type_name()
                                : has_data   ? cold->data.type_name
                                             : std::string_view(),
            type_.name);
    }
    // Of handlers nothing runs elsewhere: they await nothing.
    bool must_wait(const control_block& target) const noexcept override {
        if (target.elsewhere != 0) return true;
        const cold_part* const cold = cold_if_any(target);
        return cold != nullptr && cold->debug != nullptr && cold->debug->waiting != nullptr; // those before it go first
    }
    envelope* visit(void* state) {
        const may_fail users;
        return visit_->visit(state);
    }
    const type_wanted type_;
    const std::unique_ptr<state_visit> visit_;
};

class change_order final : public answered_order {
public:
    change_order(const type_wanted& type, std::unique_ptr<code_change> change) noexcept
        : type_(type), change_(std::move(change)) {}

private:
    envelope* done(control_block& target) override {
        if (target.kind != process_kind::handlers)
            throw explained(errc::wrong_type, "it is a coroutine, which cannot go on as something else: `reconfigure` "
                                              "says what it is at its next start");
        process_body* const old = target.body;
        if (old->state_type() != type_.tag) throw has_another_state(old->state_type_name(), type_.name);
        envelope* const answer = make_answer<done_mark>();
        try {
            const may_fail users;
            void* const state = change_->convert(target.frame);
            if (void* const before = std::exchange(target.frame, state); before != state) old->destroy_state(before);
        } catch (...) {
            destroy(answer);
            throw;
        }
        change_->body->add_owner();
        target.body = change_->body.get();
        old->drop_owner();
        return answer;
    }
    const type_wanted type_;
    const std::unique_ptr<code_change> change_;
};

// The incarnation of the reader that a trace is for: the next one has not asked.
class reading final : public membership {
public:
    void leave(const child_ref&, std::uint64_t) noexcept override { over_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool over() const noexcept { return over_.load(std::memory_order_relaxed); }

private:
    std::atomic<bool> over_{false}; // relaxed: it orders nothing, and the next step of who is traced sees it
};

class reader_watch {
public:
    reader_watch() noexcept = default;
    explicit reader_watch(const address& reader)
        : reader_(reader), number_(new_record_number()), reading_(new reading) {
        if (!leave_at_end(reader_, *reading_, number_, false)) reading_->leave(child_ref(reader_), number_);
    }
    reader_watch(reader_watch&&) noexcept = default;
    reader_watch& operator=(reader_watch&&) = delete;
    ~reader_watch() {
        if (reading_ && !reading_->over()) forget_record(reader_, number_);
    }
    [[nodiscard]] bool over() const noexcept { return reading_->over(); }
    [[nodiscard]] const address& reader() const noexcept { return reader_; }
    [[nodiscard]] bool is_owner() const noexcept {
        bool is = false;
        inside(reader_, [&](runtime_home&) { is = reader_.block->ops == &owner_ops; });
        return is;
    }

private:
    address reader_;
    std::uint64_t number_ = 0;
    shared<reading> reading_; // null: nobody reads
};

// Tells a reader by mail, so many times.
class mail_sink final : public trace_sink {
public:
    mail_sink(address of, reader_watch reader, std::uint64_t limit) noexcept
        : of_(of), reader_(std::move(reader)), limit_(limit) {}

    bool tell(const control_block&, step_taken step, std::string_view type, const address& peer) noexcept override {
        if (reader_.over()) return false;
        ++told_;
        send(make_envelope<sys::traced>(envelope_kind::told,
            sys::traced{child_ref(of_), static_cast<sys::step>(step), type, child_ref(peer), told_}));
        if (told_ < limit_) return true;
        over(sys::trace_ended::cause::limit);
        return false;
    }
    void ended(const exit_reason& why) noexcept override { over(sys::trace_ended::cause::ended, why); }
    void over(sys::trace_ended::cause cause, const exit_reason& why = exit_reason()) noexcept {
        if (reader_.over()) return;
        send(make_envelope<sys::trace_ended>(envelope_kind::told, sys::trace_ended{child_ref(of_), cause, told_, why}));
    }

private:
    void send(envelope* e) const noexcept {
        e->sender = of_;
        (void)push_envelope(reader_.reader(), e, this_thread());
    }
    const address of_;
    const reader_watch reader_;
    const std::uint64_t limit_;
    std::uint64_t told_ = 0;
};

class trace_order final : public answered_order {
public:
    // Without a reader: the trace that there is ends.
    trace_order() noexcept = default;
    trace_order(reader_watch reader, std::uint64_t limit) noexcept : reader_(std::move(reader)), limit_(limit) {}

private:
    envelope* done(control_block& target) override {
        const bool starts = reader_.has_value();
        if (starts && reader_->reader().block == nullptr)
            throw explained(errc::invalid, "a trace has a reader, and this ref names nobody");
        if (starts && reader_->is_owner())
            throw explained(
                errc::invalid, "a trace has a reader, and this one is a group or a supervisor, which read nothing");
        if (starts && reader_->reader() == target.here())
            throw explained(
                errc::invalid, "a process cannot trace itself: each step that it is told of would be another");
        if (starts && limit_ == 0) throw explained(errc::invalid, "a trace has a limit, of at least 1 step");
        std::unique_ptr<mail_sink> made;
        if (starts) made = std::make_unique<mail_sink>(target.here(), *std::move(reader_), limit_);
        envelope* const answer = make_answer<done_mark>();
        debug_part& part = debug_of(target);
        if (part.sink != nullptr)
            static_cast<mail_sink&>(*part.sink)
                .over(starts ? sys::trace_ended::cause::replaced : sys::trace_ended::cause::stopped);
        part.sink = std::move(made);
        settle_watch(target);
        return answer;
    }
    std::optional<reader_watch> reader_;
    const std::uint64_t limit_ = 0;
};

} // namespace

pending_answer order_hold(address to, bool on) { return send_order(to, std::make_unique<hold_order>(on)); }
pending_answer order_count(address to, bool on) { return send_order(to, std::make_unique<count_order>(on)); }
pending_answer order_counts(address to) { return send_order(to, std::make_unique<counts_order>()); }
pending_answer order_visit(address to, const type_wanted& type, std::unique_ptr<state_visit> v) {
    return send_order(to, std::make_unique<visit_order>(type, std::move(v)));
}
pending_answer order_change(address to, const type_wanted& type, std::unique_ptr<code_change> change) {
    return send_order(to, std::make_unique<change_order>(type, std::move(change)));
}
pending_answer order_trace(address to, const child_ref& reader, std::uint64_t limit) {
    reader_watch watch = reader.where().block != nullptr ? reader_watch(reader.where()) : reader_watch();
    return send_order(to, std::make_unique<trace_order>(std::move(watch), limit));
}
pending_answer order_no_trace(address to) { return send_order(to, std::make_unique<trace_order>()); }

} // namespace bastion::detail
