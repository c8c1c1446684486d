#include <bastion/base/clock.hpp>

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <vector>

namespace bastion {

clock::~clock() = default;

namespace {

class steady final : public clock {
public:
    std::int64_t now_ns() noexcept override {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }
    bool runs() const noexcept override { return true; }
};

} // namespace

std::shared_ptr<clock> steady_clock_source() {
    static const auto source = std::make_shared<steady>();
    return source;
}

struct manual_clock::impl {
    std::atomic<std::int64_t> now{0};
    // Invariant: held over a whole advance, so that no user goes away between being found and being asked.
    std::mutex mutex;
    std::vector<detail::clock_user*> users;
    std::mutex users_mutex; // for those who look at the users without `mutex`

    // Before `mutex` is waited for: who holds it may wait for the very process that called.
    void check_caller() {
        const std::lock_guard lock(users_mutex);
        for (const auto* user : users) user->check_caller();
    }
    void rest() {
        for (auto* user : users) user->wait_until_at_rest();
    }
    void set(std::int64_t instant) {
        now.store(instant);
        for (auto* user : users) user->time_moved();
    }
    std::int64_t earliest() {
        auto due = std::numeric_limits<std::int64_t>::max();
        for (auto* user : users)
            if (const auto next = user->next_due()) due = std::min(due, *next);
        return due;
    }
};

manual_clock::manual_clock() : impl_(std::make_unique<impl>()) {}
manual_clock::~manual_clock() = default;

std::int64_t manual_clock::now_ns() noexcept { return impl_->now.load(); }

void manual_clock::advance(std::chrono::nanoseconds d) {
    impl_->check_caller();
    const std::lock_guard lock(impl_->mutex);
    const std::int64_t target = impl_->now.load() + std::max<std::int64_t>(0, d.count());
    impl_->rest();
    while (true) {
        const auto due = impl_->earliest();
        if (due > target) break;
        impl_->set(std::max(due, impl_->now.load()));
        impl_->rest();
    }
    impl_->set(target);
    impl_->rest();
}

void manual_clock::settle() {
    impl_->check_caller();
    const std::lock_guard lock(impl_->mutex);
    impl_->rest();
}

void manual_clock::attach(detail::clock_user& user) {
    const std::scoped_lock lock(impl_->mutex, impl_->users_mutex);
    impl_->users.push_back(&user);
}

void manual_clock::detach(detail::clock_user& user) {
    const std::scoped_lock lock(impl_->mutex, impl_->users_mutex);
    std::erase(impl_->users, &user);
}

} // namespace bastion
