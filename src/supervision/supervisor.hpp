// A supervisor: the owner of groups and of other supervisors.
#ifndef BASTION_SRC_SUPERVISION_SUPERVISOR_HPP
#define BASTION_SRC_SUPERVISION_SUPERVISOR_HPP

#include "supervision/group.hpp"
#include "supervision/order_lines.hpp"

#include <bastion/supervision/manage.hpp>
#include <bastion/supervision/partitions.hpp>

#include <optional>
#include <string_view>

namespace bastion::detail {

class supervisor_owner final : public owner {
public:
    supervisor_owner(control_block& self, std::string name, runtime_home& home, std::unique_ptr<supervisor_spec> spec);

    // Makes everything below it; before anybody knows the supervisor.
    void make_children();

    [[nodiscard]] supervisor_ref ref() const { return supervisor_ref(self_.here(), temporaries_address_, fate()); }
    [[nodiscard]] const partitions_ref::list& partitions() const noexcept { return partitions_; }
    [[nodiscard]] bool is_supervisor() const noexcept override { return true; }

protected:
    [[nodiscard]] const bastion::callbacks& callbacks_of(control_block& child) const noexcept override {
        return of(child).own_callbacks;
    }
    [[nodiscard]] bastion::restart_strategy restart_of(control_block& child) const noexcept override;
    [[nodiscard]] restart_when when_of(const control_block& child) const noexcept override;
    [[nodiscard]] bastion::shutdown shutdown_of(control_block& child) const noexcept override;
    [[nodiscard]] std::string child_name(control_block& child) const override { return of(child).name(); }
    [[nodiscard]] bool launch(control_block& child, bool again) override;
    [[nodiscard]] bool restarts_by_itself() const noexcept override { return !spec_->bounded; }
    void restart(control_block& child) override;
    void adopt(control_block& child) override;
    void on_request(owner_request& r) override;
    [[nodiscard]] std::optional<exit_reason> on_start() override;
    void on_end() noexcept override;
    void on_progress() override { carry_out_orders(); }
    void on_change(const control_block& child) override;
    [[nodiscard]] bool has_work() const noexcept override;
    void list_in(directory& names) const override { home_.hooks.supervisor_placed(names, path_, ref()); }
    [[nodiscard]] bool restarts_apart(control_block& child) override;
    void pass_on(broadcast_source& source) override;
    void describe(snapshot_entry& self) const override;
    void describe_child(control_block& child, snapshot_entry& of_it) const override;
    [[nodiscard]] bool is_significant(const control_block& child) const noexcept override;
    void significant_end() override;
    void on_idle() override;
    [[nodiscard]] control_block* stops_first() noexcept override { return temporaries_; }
    void forget(control_block& child) noexcept override;
    void on_question(request_ptr r) override;
    // ---- specs that outlive their children: kept.cpp
    [[nodiscard]] bool comes_back(const control_block& child) const noexcept override;
    [[nodiscard]] bool keeps(const control_block& child) const noexcept override { return keeps(child, false); }
    [[nodiscard]] bool keeps(const control_block& child, bool runs) const noexcept;
    [[nodiscard]] bool plan_revives(const control_block& child) const noexcept override;
    [[nodiscard]] bool leaves(const control_block& child) const noexcept override;
    [[nodiscard]] bool hides(const control_block& child) const noexcept override;
    [[nodiscard]] bool tries_again(const control_block& child) const noexcept override;
    [[nodiscard]] bool stops_together() const noexcept override { return makes_supervisors(); }
    [[nodiscard]] bool starts_in_order() const noexcept override { return !restarts_alone(); }
    void note_start(control_block& child) override {
        notes& n = of(child).noted;
        n.known = true;
        if (n.holds_up)
            behind_due_ = true; // if its plan did not start them: the strategy or the order may have changed
        n.by_hand = n.holds_up = n.behind = false;
    }
    void emptied(control_block& child) override;
    void answer_started_child(control_block& child, completion_cell* cell, bool declined) override;

private:
    [[nodiscard]] bool too_often(const std::string& child, const exit_reason& why);
    void mark_scope(control_block& failed, bool apart);
    [[nodiscard]] bool significant_left() noexcept;
    void settle(control_block& child);
    void give_defaults(control_block& child);
    void give_name(control_block& child);
    void answer_look(owner_request& r) noexcept;
    [[nodiscard]] control_block* child_that_has(const address& whom) const noexcept;
    [[nodiscard]] child_info info_of(control_block& child) const;
    [[nodiscard]] child_status status_of(control_block& child) const noexcept;
    [[nodiscard]] child_counts counts() const noexcept;
    // Why a child that is significant cannot be one here; null: it can, or is not.
    [[nodiscard]] const char* wrongly_significant(control_block& child) const noexcept;
    // Why a new child cannot be one here. Null: it is one, to be started.
    struct refusal {
        errc code;
        std::string why;
    };
    [[nodiscard]] std::optional<refusal> take_in(control_block& child);
    // False: it was sent away, and who asked for it told why.
    [[nodiscard]] bool take_in_or_answer(control_block& child, completion_cell* cell);
    [[nodiscard]] control_block* named(std::string_view id) const noexcept {
        const auto found = names_.find(id);
        return found != names_.end() ? found->second : nullptr;
    }
    // Only where it stands for this child: a refused one may be named like another.
    void forget_name(const control_block& child) noexcept;
    [[nodiscard]] bool was_not_started(const control_block& child, bool runs) const noexcept;
    [[nodiscard]] bool lives_on(const control_block& child) const noexcept {
        return !noted_of(child).late && !is_root_;
    }
    [[nodiscard]] static const notes& noted_of(const control_block& child) noexcept {
        return static_cast<const owner*>(child.frame)->noted;
    }
    // Of a child that fails no sibling knows.
    [[nodiscard]] bool restarts_alone() const noexcept {
        return spec_->strategy == bastion::strategy::one_for_one || is_simple();
    }
    [[nodiscard]] bool is_simple() const noexcept { return spec_->strategy == bastion::strategy::simple_one_for_one; }
    // Its children are supervisors that a template describes, and no group's elements.
    [[nodiscard]] bool makes_supervisors() const noexcept { return spec_->dynamic.get() != nullptr; }
    void pass_to_template(request_ptr r);
    void start_from_template(owner_request& r);
    void hide(control_block& child) noexcept;
    void drop_spec(control_block& child, completion_cell* cell);
    // ---- orders.cpp
    [[nodiscard]] bool takes_orders() const noexcept;
    void carry_out_orders();
    void plan_is_over();
    // The name of the child that an order is about.
    [[nodiscard]] static std::string_view subject_of(const owner_request& r) noexcept {
        return r.order == child_order::start ? std::string_view(of(*r.child.block).name()) : r.name;
    }
    // False: it must wait; then it is still the caller's.
    [[nodiscard]] bool carry_out(request_ptr& r);
    void start_ordered(owner_request& r);
    void restart_ordered(control_block& child, owner_request& r);
    void terminate_ordered(control_block& child, owner_request& r);
    void empty_left_behind();
    void remove_ordered(control_block& child, owner_request& r);
    // ---- reconfigure.cpp
    void reconfigure(owner_request& r);
    // Why it cannot; empty: it can.
    [[nodiscard]] std::string why_not_as_child(const supervisor_spec& as) const;
    [[nodiscard]] std::string why_not(const supervisor_spec& as) const;
    void take_flags(supervisor_spec& as);
    void describe_child(control_block& child, child_spec& as, const shared<change_answer>& whole);
    void send_given(control_block& group, std::unique_ptr<group_spec> as, const shared<change_answer>& whole);
    void carry_out_changes();
    [[nodiscard]] given_from_above given_to_groups() const noexcept {
        return given_from_above(*spec_, !restarts_alone() || spec_->bounded);
    }

    std::unique_ptr<supervisor_spec> spec_;
    std::atomic<bool> gives_up_; // as its spec says, for the one above: it orders nothing
    partitions_ref::list partitions_; // null: its children are none. They keep their blocks as long as it has its own
    bool shutdown_due_ = false; // significant children have ended
    control_block* last_significant_ = nullptr; // one that was left; null: look from the front
    control_block* temporaries_ = nullptr;
    address temporaries_address_;
    address proceeding_; // the child whose restart of single elements the plan waits for
    pooled_deque<std::int64_t> recent_; // when the restarts in the window were; a lower intensity keeps them, too
    pooled_map<std::string_view, control_block*> names_; // the text stands in the child's owner
    pooled_deque<request_ptr> orders_; // in the order they came, none of them looked at yet
    order_lines lines_; // that wait for a child
    pooled_deque<request_ptr> for_idle_; // changes, which wait for the end of a plan, or of its stop
    std::uint32_t unnamed_ = 0;
};

// What a supervisor that has none says to who asks for its partitions.
[[nodiscard]] error no_partitions() noexcept;

// Makes a group or a supervisor with all below it, not adopted by anybody yet.
[[nodiscard]] group& make_group(runtime_home& home, std::unique_ptr<group_spec> spec);
[[nodiscard]] supervisor_owner& make_supervisor(runtime_home& home, std::unique_ptr<supervisor_spec> spec);
// Has the partitions in it made, for the runtime of the supervisor it is meant for, and checks it: throws bad_spec.
void describe_whole(supervisor_spec& spec, address at);

} // namespace bastion::detail

#endif
