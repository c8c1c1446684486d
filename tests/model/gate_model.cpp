// The end of a runtime in all interleavings: plain threads that enter through its gate, spawns on their way to an owner.
#include "model/block.hpp"
#include "model/checked.hpp"

#include <bastion/process/gate.hpp>

#include <array>

namespace {

using model::atomics;

using gate = bastion::detail::basic_gate<2, atomics>;

// Two strangers visit twice, in stripes of their own; the destructor frees what they look at.
void strangers_against_the_end(model::run& r) {
    auto& entrance = r.make<gate>();
    auto& inside = r.make<std::array<model::plain<int>, 2>>();
    entrance.open();
    for (std::size_t stripe : {0u, 1u})
        r.thread([&, stripe] {
            for (int visit = 0; visit < 2; ++visit) {
                if (!entrance.enter(stripe)) return;
                inside[stripe] = inside[stripe] + 1;
                entrance.leave(stripe);
            }
        });
    r.thread([&] {
        entrance.close_and_wait();
        for (auto& thing : inside) thing.free();
    });
}

// Two strangers share a stripe; the next runtime opens the same gate once the first has closed it.
void a_gate_used_again(model::run& r) {
    auto& entrance = r.make<gate>();
    auto& which = r.make<model::plain<int>>(1);
    entrance.open();
    for (int i = 0; i < 2; ++i)
        r.thread([&] {
            if (!entrance.enter(0)) return;
            model::require(which == 1 || which == 2, "one of the two runtimes");
            entrance.leave(0);
        });
    r.thread([&] {
        entrance.close_and_wait();
        which = 0;
        which = 2;
        entrance.open();
    });
}

// A runtime that is stopped: its root, an owner that turns away what comes too late, and who destroys it. The functions
// are named as in runtime, owner and spawn.
struct ending_runtime {
    gate entrance;
    model::block root;
    model::plain<int> workers = 1; // freed with the runtime, used by all who are inside
    atomics::atomic<std::uint32_t> ended{0};
    std::array<model::signal, 2> spawned;
    model::signal stop_request;
    int adopted = 0; // the model's own, as the next
    int turned_away = 0;

    void turn_away(model::signal& child) {
        ++turned_away;
        child.recycle();
    }
    // By a plain thread.
    void spawn(std::size_t i, std::size_t stripe) {
        if (!entrance.enter(stripe)) {
            ++turned_away;
            return;
        }
        (void)workers.get();
        if (!root.send_to_owner(spawned[i])) turn_away(spawned[i]);
        entrance.leave(stripe);
    }
    // By a worker: until the root has ended for good.
    void run_owner() {
        for (;;) {
            model::signal* s = root.lane.drain();
            if (s == nullptr) {
                root.park_elsewhere();
                continue;
            }
            bool stops = false;
            while (s != nullptr) {
                model::signal* const next = s->next;
                if (s == &stop_request) {
                    stops = true;
                } else if (stops) {
                    turn_away(*s);
                } else {
                    ++adopted;
                    s->recycle();
                }
                s = next;
            }
            if (stops) break;
        }
        for (model::signal* s = root.lane.close(); s != nullptr;) {
            model::signal* const next = s->next;
            turn_away(*s);
            s = next;
        }
        (void)root.inbox.close();
        (void)workers.get();
        ended.store(1, std::memory_order_release);
        model::kernel::wake_one(ended);
    }
    void destroy() {
        (void)root.send_to_owner(stop_request);
        while (ended.load(std::memory_order_acquire) == 0) model::kernel::wait_until(ended, 0, -1);
        entrance.close_and_wait();
        workers.free();
    }
};

void spawns_against_the_end(model::run& r) {
    auto& rt = r.make<ending_runtime>();
    rt.root.inbox.open(1);
    rt.root.lane.open();
    rt.entrance.open();
    r.thread([&] { rt.run_owner(); });
    r.thread([&] {
        rt.spawn(0, 0);
        rt.spawn(1, 0);
    });
    r.thread([&] { rt.destroy(); });
    r.at_end([&] {
        model::require(rt.adopted + rt.turned_away == 2, "every spawn is adopted or turned away");
        for (const auto& s : rt.spawned) model::require(s.freed <= 1, "once");
    });
}

} // namespace

TEST_CASE("model: plain threads against the end of a runtime") { model::check(strangers_against_the_end); }
TEST_CASE("model: plain threads against a gate that is used again") { model::check(a_gate_used_again); }
TEST_CASE("model: spawns against the end of a runtime") {
    model::check(spawns_against_the_end, {.stale_reads = 2}, 2, 1);
}
