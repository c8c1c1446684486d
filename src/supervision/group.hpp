// A children group: the owner of elements with one body.
#ifndef BASTION_SRC_SUPERVISION_GROUP_HPP
#define BASTION_SRC_SUPERVISION_GROUP_HPP

#include "supervision/owner.hpp"
#include "supervision/resizing.hpp"

#include <memory>
#include <mutex>
#include <optional>

namespace bastion::detail {

class group final : public owner {
public:
    // `above`: the supervisor it belongs to. A null spec makes the implicit group of temporary elements.
    group(control_block& self, std::string name, runtime_home& home, std::unique_ptr<group_spec> spec);

    // Makes the elements' blocks; before anybody knows the group.
    void make_elements();
    // What the supervisor above says about its children.
    void settle_below(const supervisor_ref& above, const given_from_above& given);

    [[nodiscard]] children_ref ref() const { return children_ref(self_.here(), roster_->now(), fate(), roster_); }
    [[nodiscard]] bool is_implicit() const noexcept { return spec_ == nullptr; }
    // Of the implicit group: its supervisor's, whose crowd is this one's.
    void share(std::shared_ptr<owner_fate> fate) noexcept { above_it_ = std::move(fate); }
    // Where an element was written to be spawned; may be unknown.
    [[nodiscard]] source_location place_of(const control_block& child) const noexcept {
        return spec_ != nullptr ? spec_->where : source_location::at(child.site_file, child.site_line);
    }
    // Also for reports, while its owner writes other flags: relaxed, this one never changes.
    [[nodiscard]] static bool is_main(const control_block& child) noexcept {
        const std::atomic_ref flags(const_cast<std::uint8_t&>(child.owner_flags));
        return (flags.load(std::memory_order_relaxed) & child_flag::is_main) != 0;
    }
    [[nodiscard]] restart_when when() const noexcept { return when_; }
    [[nodiscard]] const supervisor_ref& above() const noexcept { return above_; }
    [[nodiscard]] bool is_supervisor() const noexcept override { return false; }
    [[nodiscard]] bastion::shutdown element_shutdown() const noexcept;
    // What its first element said when it was ready. Any thread.
    [[nodiscard]] user_data extra() const {
        const std::lock_guard lock(extra_lock_);
        return extra_;
    }

protected:
    [[nodiscard]] const bastion::callbacks& callbacks_of(control_block&) const noexcept override;
    [[nodiscard]] bastion::restart_strategy restart_of(control_block&) const noexcept override { return restart_; }
    [[nodiscard]] restart_when when_of(const control_block& child) const noexcept override { return child.policy; }
    [[nodiscard]] bastion::shutdown shutdown_of(control_block&) const noexcept override { return element_shutdown(); }
    [[nodiscard]] std::string child_name(control_block& child) const override;
    [[nodiscard]] bool launch(control_block& child, bool again) override;
    [[nodiscard]] bool restarts_by_itself() const noexcept override { return !ask_first_; }
    void restart(control_block& child) override;
    void adopt(control_block& child) override;
    [[nodiscard]] bool starts_unawaited(control_block& child) override;
    void on_request(owner_request& r) override;
    [[nodiscard]] std::optional<exit_reason> on_start() override;
    void on_end() noexcept override;
    void before_close(control_block& child) noexcept override;
    void forget(control_block& child) noexcept override;
    // ---- of the implicit group
    void admit() noexcept override;
    void admit_no_more() noexcept override;
    void list_all() noexcept override;
    void list(control_block& child) noexcept override;
    [[nodiscard]] bool lists(const address& child) noexcept override;
    [[nodiscard]] control_block* successor_of(control_block& child) override;
    void succeed(control_block& child, control_block& by) noexcept override;
    void list_in(directory& names) const override { home_.hooks.group_placed(names, path_, ref()); }
    // ---- elements made from a template: dynamic.cpp
    void on_question(request_ptr r) override;
    [[nodiscard]] bool stops_together() const noexcept override { return is_dynamic(); }
    [[nodiscard]] bool leaves(const control_block&) const noexcept override { return is_dynamic() && !restarting_; }
    [[nodiscard]] bool is_significant(const control_block&) const noexcept override {
        return is_dynamic() && spec_->significant;
    }
    void significant_end() override;
    void answer_started_child(control_block& child, completion_cell* cell, bool declined) override;
    void on_progress() override;
    void note_start(control_block& child) override;
    void on_empty() override;
    void pass_on(broadcast_source& source) override;
    void describe(snapshot_entry& self) const override;
    void describe_child(control_block& child, snapshot_entry& of_it) const override;

private:
    [[nodiscard]] control_block* make_element(std::uint32_t index, const shared<process_body>& body);
    // Without a with_data object of its own until it is launched, if it has one made for it `later`.
    [[nodiscard]] control_block* make_element(
        std::uint32_t index, const shared<process_body>& body, const placed& at, bool later = false);
    [[nodiscard]] bool is_dynamic() const noexcept { return spec_ != nullptr && spec_->dynamic; }
    void start_from_template(owner_request& r);
    void answer_look(owner_request& r);
    [[nodiscard]] child_info info_of(control_block& child) const;
    // What has ended, or was never there.
    void make_missing_elements();
    // Who is in the roster from now on: all that stay.
    void list_elements();
    void list_elements(std::shared_ptr<std::vector<child_ref>> all) noexcept;
    void restart_now(control_block& child);
    [[nodiscard]] bool describe_element(control_block& child);
    void on_proceed(const owner_request& r);

    // ---- resizing: resizing.cpp
    void resize();
    void list_again() noexcept;
    void grow(std::int64_t by);
    void shrink(std::int64_t by);
    [[nodiscard]] control_block* heir_of(const control_block& child) noexcept;

    [[nodiscard]] bool waits_for_ready() const noexcept {
        return spec_ != nullptr && spec_->start == start_mode::wait_ready;
    }

    std::unique_ptr<group_spec> spec_;  // null: temporary elements
    std::shared_ptr<owner_fate> above_it_; // of the implicit group; else null
    supervisor_ref above_;
    bastion::restart_strategy restart_;
    restart_when when_ = restart_when::transient;
    bool ask_first_ = false;            // the supervisor's strategy or intensity has a say
    std::uint32_t max_children_ = 0;    // of a template
    bastion::auto_shutdown shuts_down_ = bastion::auto_shutdown::never; // its supervisor's
    bool stays_ = false;                // without elements it stands still: its supervisor keeps specs
    bool remakes_ = false;              // at its next start it has all its elements again
    pooled_vector<address> asked_;      // elements whose restart the supervisor thinks about
    std::optional<pooled_vector<address>> proceeding_; // elements whose restart the supervisor waits for
    void take_flags(const given_from_above& given);
    void settle_in(const given_from_above& given);
    void describe_anew(group_spec& as, const given_from_above& given);

    std::uint32_t next_index_ = 0;
    const std::shared_ptr<roster> roster_ = std::make_shared<roster>();
    mutable spin_lock extra_lock_;
    user_data extra_; // guarded by the lock
    std::unique_ptr<resizing> resizing_; // null: it keeps its elements
};

// The group of an element that runs.
[[nodiscard]] inline const group& group_of(const control_block& element) noexcept {
    // Safety: an element runs only while its group does, and the group's frame is its owner object.
    return static_cast<const group&>(owner::of(*element.owner.now()));
}

} // namespace bastion::detail

#endif
