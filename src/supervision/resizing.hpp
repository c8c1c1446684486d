// What a group with a resizer remembers: what each element has said about its mail, and who is leaving.
//
// Written and read in the group's turn only; how it decides is in resizer.cpp, what it does about it in resizing.cpp.
#ifndef BASTION_SRC_SUPERVISION_RESIZING_HPP
#define BASTION_SRC_SUPERVISION_RESIZING_HPP

#include "supervision/owner.hpp"

#include <bastion/supervision/resizer.hpp>

namespace bastion::detail {

class resizing {
public:
    explicit resizing(const resizer& r) noexcept : settings_(r) {}

    // Invariant: every element of the group from its making until it is forgotten.
    void add(control_block& element) { members_.try_emplace(&element); }
    void remove(control_block& element) noexcept { members_.erase(&element); }

    // An element has failed for good.
    void has_lost_one() noexcept { ++lost_; }
    // How many are to be made in the place of those that were lost.
    [[nodiscard]] std::int64_t missing() const noexcept;
    void forget_lost() noexcept { lost_ = 0; }

    // How many more or fewer elements there should be, by what they have said since they were asked.
    [[nodiscard]] std::int64_t change() noexcept;
    // Asks an element; one that has not answered yet is not asked again.
    void ask(control_block& element) noexcept;

    [[nodiscard]] bool idles(control_block& element) const noexcept { return members_.at(&element).idle; }
    [[nodiscard]] bool leaves(control_block& element) const noexcept { return members_.at(&element).leaving; }
    void let_go(control_block& element) noexcept { members_.at(&element).leaving = true; }
    // How much it has not read, about.
    [[nodiscard]] std::uint64_t unread_of(control_block& element) const noexcept {
        return members_.at(&element).unread + element.inbox.length();
    }
    void has_inherited(control_block& heir) noexcept { ++members_.at(&heir).unread; }

    [[nodiscard]] const resizer& settings() const noexcept { return settings_; }
    owner_timer* next_look = nullptr;

private:
    struct member {
        mail_measure measure;
        std::uint32_t unread = 0; // what it said last, and what it has inherited since
        bool asked = false;
        bool idle = false;
        bool leaving = false;
    };

    const resizer settings_;
    double pressure_ = 0;
    std::int64_t lost_ = 0;
    pooled_map<control_block*, member> members_;
};

} // namespace bastion::detail

#endif
