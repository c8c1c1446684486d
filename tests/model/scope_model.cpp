// The join of a scope in all interleavings: forked tasks that others run against who waits for them.
#include "model/block.hpp"
#include "model/checked.hpp"

#include <bastion/executor/join_count.hpp>

#include <array>

namespace {

using model::atomics;

// A scope as far as threads meet in it; the functions are named as in scope_base.
struct scope {
    bastion::detail::basic_join_count<atomics> stolen;
    model::plain<int> parent = 0;
    model::plain<int> exception = 0;
    std::array<model::plain<int>, 5> results; // of the children; the last one's, which runs in place, is not counted
    int ended = 0;

    void keep_exception(int e) {
        if (stolen.first_to_fail()) exception = e;
    }
    void run(std::size_t child) {
        results[child] = 1;
        keep_exception(static_cast<int>(child) + 1);
    }
    // By the joiner, or by who goes on for it: looks at everything; then the scope is gone.
    void end(std::size_t children) {
        model::require(parent == 1, "who goes on finds the joiner's frame");
        for (std::size_t i = 0; i < children; ++i) model::require(results[i] == 1, "the join comes after all children");
        model::require(exception != 0, "an exception is kept");
        parent.free();
        exception.free();
        for (auto& result : results) result.free();
        ++ended;
    }
};

// A forked task that joins: one child runs in place, two thieves bring two each, and whoever is the last goes on.
void the_last_goes_on(model::run& r) {
    auto& s = r.make<scope>();
    r.thread([&] {
        s.run(4);
        s.parent = 1;
        if (s.stolen.expect(4)) s.end(5);
    });
    for (std::size_t thief : {0u, 1u})
        r.thread([&, thief] {
            for (std::size_t child : {2 * thief, 2 * thief + 1}) {
                s.run(child);
                if (s.stolen.complete()) s.end(5);
            }
        });
    r.at_end([&] { model::require(s.ended == 1, "the joiner goes on once"); });
}

// A process joins two scopes, one after the other: it parks, and the last child wakes it.
void a_process_joins(model::run& r) {
    auto& s = r.make<std::array<scope, 2>>();
    auto& joiner = r.make<model::block>();
    joiner.inbox.open(1);
    r.thread([&] {
        for (scope& now : s) {
            now.parent = 1;
            now.stolen.expect(2);
            while (!now.stolen.all_done()) joiner.park_elsewhere();
            now.end(2);
        }
    });
    for (std::size_t child : {0u, 1u})
        r.thread([&, child] {
            for (scope& now : s) {
                now.run(child);
                if (now.stolen.complete()) joiner.unpark();
            }
        });
    r.at_end([&] { model::require(s[0].ended == 1 && s[1].ended == 1, "each is joined"); });
}

// A scope that is left by an exception: its end waits on the spot.
void a_scope_is_left(model::run& r) {
    auto& s = r.make<scope>();
    r.thread([&] {
        s.parent = 1;
        s.stolen.expect_and_hold(4);
        while (!s.stolen.only_held()) model::pause();
        s.stolen.let_go();
        model::require(s.stolen.all_done(), "the handles' destructors need not wait");
        s.end(4);
    });
    for (std::size_t thief : {0u, 1u})
        r.thread([&, thief] {
            for (std::size_t child : {2 * thief, 2 * thief + 1}) {
                s.run(child);
                if (s.stolen.complete()) model::fail("nobody is the last");
            }
        });
    r.at_end([&] { model::require(s.ended == 1, "it ends"); });
}

} // namespace

TEST_CASE("model: forked tasks against a task that joins") { model::check(the_last_goes_on); }
TEST_CASE("model: forked tasks against a process that joins") { model::check(a_process_joins); }
TEST_CASE("model: forked tasks against a scope that is left") { model::check(a_scope_is_left); }
