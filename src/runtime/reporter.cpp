#include "runtime/reporter.hpp"

#include <bastion/executor/parker.hpp>
#include <bastion/executor/reserve.hpp>

#include <cstdio>
#include <new>
#include <string>

namespace bastion::detail {

reporter::~reporter() {
    const std::lock_guard lock(mutex_);
    print_suppressed();
}

void reporter::line(const std::string& text) noexcept {
    // One write: lines of several threads do not mix.
    std::fwrite(text.data(), 1, text.size(), stderr);
}

bool reporter::report(const fault_report& r) noexcept {
    const std::lock_guard lock(mutex_);
    if (hook_ && !in_hook_) {
        in_hook_ = true;
        const may_fail users;
        try {
            hook_(log_record{r.path, r.reason, r.next, r.in_hand, r.lost, r.restarts});
            in_hook_ = false;
            return false;
        } catch (const std::bad_alloc&) { // the next report may find memory again
            in_hook_ = false;
        } catch (...) {
            in_hook_ = false;
            hook_ = nullptr;
            line("bastion: the log hook threw an exception; from now on reports go to standard error\n");
        }
    } else if (quiet_) {
        return false;
    }
    return print(r);
}

void reporter::sum_up() noexcept {
    const std::lock_guard lock(mutex_);
    print_suppressed();
}

// Without memory for a line of its own it is said in pieces.
bool reporter::print(const fault_report& r) noexcept {
    try {
        return print_line(r);
    } catch (const std::bad_alloc&) {
        const std::string_view text = r.reason.text();
        std::fprintf(stderr, "bastion: %.*s: %.*s: %.*s; %.*s\n", static_cast<int>(r.path.size()), r.path.data(),
            static_cast<int>(to_string(r.reason.kind()).size()), to_string(r.reason.kind()).data(),
            static_cast<int>(text.size()), text.data(), static_cast<int>(r.next.size()), r.next.data());
        return false;
    }
}

bool reporter::print_line(const fault_report& r) {
    const std::int64_t second = monotonic_ns() / 1'000'000'000;
    if (second != second_) {
        print_suppressed();
        second_ = second;
        shown_ = 0;
    }
    if (++shown_ > lines_per_second) return ++suppressed_ == 1;
    std::string text = "bastion: ";
    text.append(r.path);
    text += ": " + r.reason.what();
    if (r.reason.where().known()) text += " (" + r.reason.where().to_string() + ")";
    if (!r.reason.type().empty()) text.append(" [").append(r.reason.type()).append("]");
    if (!r.in_hand.empty()) text.append(", handling ").append(r.in_hand);
    if (r.lost > 0) text += ", " + std::to_string(r.lost) + (r.lost == 1 ? " message lost" : " messages lost");
    text.append("; ").append(r.next);
    text += '\n';
    line(text);
    return false;
}

void reporter::print_suppressed() noexcept {
    if (suppressed_ == 0) return;
    std::fprintf(stderr, "bastion: %llu more reports within a second were not shown\n",
        static_cast<unsigned long long>(suppressed_));
    suppressed_ = 0;
}

} // namespace bastion::detail
