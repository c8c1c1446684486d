// A supervisor: the owner of groups and of other supervisors.
#ifndef BASTION_SRC_SUPERVISION_SUPERVISOR_HPP
#define BASTION_SRC_SUPERVISION_SUPERVISOR_HPP

#include "supervision/group.hpp"

#include <bastion/supervision/look.hpp>

#include <string_view>
#include <unordered_set>

namespace bastion::detail {

class supervisor_owner final : public owner {
public:
    supervisor_owner(control_block& self, std::string name, runtime_home& home, std::unique_ptr<supervisor_spec> spec);

    // Makes everything below it; before anybody knows the supervisor.
    void make_children();

    [[nodiscard]] supervisor_ref ref() const { return supervisor_ref(self_.here(), temporaries_address_, fate()); }
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
    void on_start() override;
    void list_in(directory& names) const override { home_.hooks.supervisor_placed(names, path_, ref()); }
    [[nodiscard]] bool restarts_apart(control_block& child) override;
    void pass_on(broadcast_source& source) override;
    void describe(snapshot_entry& self) const override;
    void describe_child(control_block& child, snapshot_entry& of_it) const override;
    [[nodiscard]] bool is_significant(const control_block& child) const noexcept override;
    void significant_end() override;
    void on_idle() override;
    [[nodiscard]] control_block* stops_first() noexcept override { return temporaries_; }
    void forget(control_block& child) noexcept override {
        if (&child == temporaries_) temporaries_ = nullptr;
        else forget_name(of(child).name());
    }

private:
    [[nodiscard]] bool too_often(const std::string& child, const exit_reason& why);
    void mark_scope(control_block& failed, bool apart);
    void settle(control_block& child);
    void answer_look(owner_request& r) noexcept;
    [[nodiscard]] child_info info_of(control_block& child) const;
    [[nodiscard]] child_counts counts() const noexcept;
    // Why a child that is significant cannot be one here; null: it can, or is not.
    [[nodiscard]] const char* wrongly_significant(control_block& child) const noexcept;
    // Only where it stands for this child: a refused one may be named like another.
    void forget_name(const std::string& name) noexcept {
        if (const auto found = names_.find(name); found != names_.end() && found->data() == name.data())
            names_.erase(found);
    }

    std::unique_ptr<supervisor_spec> spec_;
    bool shutdown_due_ = false; // significant children have ended
    control_block* temporaries_ = nullptr;
    address temporaries_address_;
    address proceeding_; // the child whose restart of single elements the plan waits for
    pooled_deque<std::int64_t> recent_; // when the last restarts were, as many as the intensity allows
    // Of the children, in whose owners the text stands.
    std::unordered_set<std::string_view, std::hash<std::string_view>, std::equal_to<>, pool_allocator<std::string_view>>
        names_;
    std::uint32_t unnamed_ = 0;
};

// Makes a group or a supervisor with all below it, not adopted by anybody yet.
[[nodiscard]] group& make_group(runtime_home& home, std::unique_ptr<group_spec> spec);
[[nodiscard]] supervisor_owner& make_supervisor(runtime_home& home, std::unique_ptr<supervisor_spec> spec);

} // namespace bastion::detail

#endif
