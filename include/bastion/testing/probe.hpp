// `probe`: a process of a simulation that stands for a test: the program talks to it, the test asks what it was told.
#ifndef BASTION_TESTING_PROBE_HPP
#define BASTION_TESTING_PROBE_HPP

#include <bastion/mailbox/receive.hpp>
#include <bastion/testing/simulation.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <utility>

namespace bastion::testing {

class probe {
public:
    explicit probe(simulation& sim) : sim_(sim) {
        ref_ = sim.spawn([box = box_](context ctx) -> process {
            for (;;) {
                message m = co_await ctx.recv();
                box->push_back(std::move(m));
            }
        });
    }
    probe(const probe&) = delete;
    probe& operator=(const probe&) = delete;
    ~probe() { ref_.kill(); }

    // Give it to the program.
    [[nodiscard]] const child_ref& ref() const noexcept { return ref_; }

    // The oldest message that no expectation has taken must be a told M, and come in time. Throws `failure`.
    template <class M>
    M expect_message(std::chrono::nanoseconds within = std::chrono::minutes(1)) {
        message m = next(type_name<M>(), within);
        if (M* const value = m.told<M>()) return std::move(*value);
        throw wrong(type_name<M>(), m);
    }
    // The same for a question; the caller answers it.
    template <class Q>
    [[nodiscard]] question<Q> expect_question(std::chrono::nanoseconds within = std::chrono::minutes(1)) {
        message m = next(type_name<Q>(), within);
        question<Q> q = m.asked<Q>();
        if (q) return q;
        throw wrong(type_name<Q>(), m);
    }
    // Nothing comes in the next `d`.
    void expect_silence(std::chrono::nanoseconds d) {
        if (!sim_.run_until([this] { return !box_->empty(); }, d)) return;
        throw failure("the probe was to hear nothing, and got a " + std::string(box_->front().type()));
    }

private:
    message next(std::string_view expected, std::chrono::nanoseconds within) {
        if (!sim_.run_until([this] { return !box_->empty(); }, within))
            throw failure("the probe was to get a " + std::string(expected) + ", and got nothing in time");
        message m = std::move(box_->front());
        box_->pop_front();
        return m;
    }
    static failure wrong(std::string_view expected, const message& m) {
        return failure("the probe was to get a " + std::string(expected) + ", and got a " + std::string(m.type()));
    }

    simulation& sim_;
    std::shared_ptr<std::deque<message>> box_ = std::make_shared<std::deque<message>>();
    child_ref ref_;
};

} // namespace bastion::testing

#endif
