// A children group: the owner of elements with one body.
#ifndef BASTION_SRC_SUPERVISION_GROUP_HPP
#define BASTION_SRC_SUPERVISION_GROUP_HPP

#include "supervision/owner.hpp"
#include "supervision/resizing.hpp"

#include <memory>
#include <optional>

namespace bastion::detail {

class group final : public owner {
public:
    // `above`: the supervisor it belongs to. A null spec makes the implicit group of temporary elements.
    group(control_block& self, std::string name, runtime_home& home, std::unique_ptr<group_spec> spec);

    // Makes the elements' blocks; before anybody knows the group.
    void make_elements();
    // What the supervisor above says about its children.
    void place(const supervisor_ref& above, const supervisor_spec& defaults, bool ask_first);

    [[nodiscard]] children_ref ref() const { return children_ref(self_.here(), roster_->now(), fate(), changing()); }
    [[nodiscard]] bool is_implicit() const noexcept { return spec_ == nullptr; }
    // Where an element was written to be spawned; may be unknown.
    [[nodiscard]] source_location place_of(const control_block& child) const noexcept {
        return spec_ != nullptr ? spec_->where : source_location::at(child.site_file, child.site_line);
    }
    [[nodiscard]] static bool is_main(const control_block& child) noexcept { return has(child, child_flag::is_main); }
    [[nodiscard]] restart_when when() const noexcept { return when_; }
    [[nodiscard]] const supervisor_ref& above() const noexcept { return above_; }
    [[nodiscard]] bool is_supervisor() const noexcept override { return false; }

protected:
    [[nodiscard]] const bastion::callbacks& callbacks_of(control_block&) const noexcept override;
    [[nodiscard]] bastion::restart_strategy restart_of(control_block&) const noexcept override { return restart_; }
    [[nodiscard]] restart_when when_of(const control_block& child) const noexcept override { return child.policy; }
    [[nodiscard]] bastion::shutdown shutdown_of(control_block&) const noexcept override;
    [[nodiscard]] std::string child_name(control_block& child) const override;
    [[nodiscard]] bool launch(control_block& child, bool again) override;
    [[nodiscard]] bool restarts_by_itself() const noexcept override { return !ask_first_; }
    void restart(control_block& child) override;
    void adopt(control_block& child) override;
    void on_request(owner_request& r) override;
    void on_start() override;
    void on_end() noexcept override;
    void before_close(control_block& child) noexcept override;
    void forget(control_block& child) noexcept override;
    void list_in(directory& names) const override { home_.hooks.group_placed(names, path_, ref()); }
    void on_progress() override;
    void on_empty() override;
    void pass_on(broadcast_source& source) override;
    void describe(snapshot_entry& self) const override;
    void describe_child(control_block& child, snapshot_entry& of_it) const override;

private:
    [[nodiscard]] control_block* make_element(std::uint32_t index);
    // Who is in the roster from now on: all that stay.
    void list_elements();
    void restart_now(control_block& child);
    void on_proceed(const owner_request& r);

    // ---- resizing: resizing.cpp
    void resize();
    void list_again() noexcept;
    void grow(std::int64_t by);
    void shrink(std::int64_t by);
    [[nodiscard]] control_block* heir_of(const control_block& child) noexcept;
    [[nodiscard]] std::shared_ptr<const roster> changing() const {
        return resizing_ != nullptr ? roster_ : std::shared_ptr<const roster>();
    }

    [[nodiscard]] bool waits_for_ready() const noexcept {
        return spec_ != nullptr && spec_->start == start_mode::wait_ready;
    }

    std::unique_ptr<group_spec> spec_;  // null: temporary elements
    supervisor_ref above_;
    bastion::restart_strategy restart_;
    restart_when when_ = restart_when::transient;
    bool ask_first_ = false;            // the supervisor's strategy or intensity has a say
    pooled_vector<address> asked_;      // elements whose restart the supervisor thinks about
    std::optional<pooled_vector<address>> proceeding_; // elements whose restart the supervisor waits for
    std::uint32_t next_index_ = 0;
    const std::shared_ptr<roster> roster_ = std::make_shared<roster>();
    std::unique_ptr<resizing> resizing_; // null: it keeps its elements
};

// The group of an element that runs.
[[nodiscard]] inline const group& group_of(const control_block& element) noexcept {
    // Safety: an element runs only while its group does, and the group's frame is its owner object.
    return static_cast<const group&>(owner::of(*element.owner.now()));
}

} // namespace bastion::detail

#endif
