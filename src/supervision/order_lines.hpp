// Orders that wait for children: a line for each name, in the order they came.
#ifndef BASTION_SRC_SUPERVISION_ORDER_LINES_HPP
#define BASTION_SRC_SUPERVISION_ORDER_LINES_HPP

#include "supervision/owner.hpp"

#include <functional>
#include <string_view>
#include <utility>

namespace bastion::detail {

// The first of a line waits for the child of that name, the others wait for the first: so an event costs what it makes
// possible, however many wait. Lines are told apart by the hash of the name: where two share one, an order waits longer
// than it needs to. One owner's; every step O(1), but for take_all.
class order_lines {
public:
    [[nodiscard]] static std::size_t line_of(std::string_view name) noexcept {
        return std::hash<std::string_view>()(name);
    }

    [[nodiscard]] bool has(std::size_t line) const noexcept { return lines_.count(line) != 0; }
    void add(std::size_t line, request_ptr order) { lines_[line].orders.push_back(std::move(order)); }
    // One that was taken and must wait on.
    void put_back(std::size_t line, request_ptr order) { lines_[line].orders.push_front(std::move(order)); }

    // The first of that line may be possible now, if there is one.
    void look_at(std::size_t line) {
        if (lines_.empty()) return;
        const auto found = lines_.find(line);
        if (found != lines_.end()) make_due(*found);
    }
    // The first of that line waits for the end of the plan, whatever else happens to its child.
    void look_after_plan(std::size_t line) { after_plan_.push_back(line); }
    void plan_is_over() {
        for (; !after_plan_.empty(); after_plan_.pop_front()) look_at(after_plan_.front());
    }

    [[nodiscard]] bool any_due() const noexcept { return !due_.empty(); }
    // The first of the line that has been due for longest. That line is due no more.
    [[nodiscard]] std::pair<std::size_t, request_ptr> take_due() {
        const auto found = lines_.find(due_.front());
        due_.pop_front();
        found->second.due = false;
        std::pair<std::size_t, request_ptr> taken(found->first, std::move(found->second.orders.front()));
        found->second.orders.pop_front();
        if (found->second.orders.empty()) lines_.erase(found);
        return taken;
    }

    template <class F>
    void take_all(F&& give) {
        due_.clear();
        after_plan_.clear();
        for (auto& each : lines_)
            for (request_ptr& r : each.second.orders) give(std::move(r));
        lines_.clear();
    }

private:
    struct waiting {
        pooled_list<request_ptr> orders; // never empty
        bool due = false;
    };
    pooled_map<std::size_t, waiting> lines_;
    pooled_list<std::size_t> due_;
    pooled_list<std::size_t> after_plan_; // a line may be in it more than once, and need not exist any more

    void make_due(std::pair<const std::size_t, waiting>& each) {
        if (!std::exchange(each.second.due, true)) due_.push_back(each.first);
    }
};

} // namespace bastion::detail

#endif
