// What the supervision tests share: a runtime on a clock that the test owns, a journal, and an element that does as told.
#ifndef BASTION_TESTS_SUPERVISION_TREE_HPP
#define BASTION_TESTS_SUPERVISION_TREE_HPP

#include "support/catch.hpp"

#include <bastion/bastion.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tree {

using namespace std::chrono_literals;
using lines = std::vector<std::string>;

class journal {
public:
    void add(std::string line) {
        const std::lock_guard lock(mutex_);
        lines_.push_back(std::move(line));
    }
    // What was written since the last look.
    [[nodiscard]] lines take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(lines_, {});
    }

private:
    std::mutex mutex_;
    lines lines_;
};

struct die {
    std::string why;
};
struct give_up { // an error return
    std::string why;
};
struct finish {};
struct nap { // sleeps, deaf for a stop
    std::chrono::nanoseconds time;
};
struct trap {};
struct are_you_there {
    using answer_type = int; // the incarnation
};

// Writes "end <name>" when the incarnation's frame goes.
class end_mark {
public:
    end_mark(journal& to, std::string name) : to_(to), name_(std::move(name)) {}
    end_mark(const end_mark&) = delete;
    end_mark& operator=(const end_mark&) = delete;
    ~end_mark() { to_.add("end " + name_); }

private:
    journal& to_;
    std::string name_;
};

// "start <name><index>", "<name><index>: text", "end <name><index>".
inline auto element(journal& j, std::string name, bool says_ready = false) {
    return [&j, name, says_ready](bastion::context ctx) -> bastion::process {
        const std::string me = name + std::to_string(ctx.block().index);
        j.add("start " + me);
        const end_mark mark(j, me);
        if (says_ready) ctx.ready();
        for (;;) {
            auto m = co_await ctx.recv();
            if (auto* d = m.told<die>()) bastion::panic(d->why);
            if (auto* g = m.told<give_up>()) co_return ctx.fail(g->why);
            if (m.told<finish>() != nullptr) co_return;
            if (auto* n = m.told<nap>()) {
                j.add(me + " naps");
                co_await ctx.sleep_for(n->time);
                j.add(me + " woke");
            } else if (m.told<trap>() != nullptr) {
                ctx.trap_stop();
            } else if (m.told<bastion::stop_request>() != nullptr) {
                j.add(me + " asked to stop");
            } else if (auto* s = m.told<std::string>()) {
                j.add(me + ": " + *s);
            } else if (auto* b = m.broadcast<std::string>()) {
                j.add(me + " heard " + *b);
            } else if (auto q = m.asked<are_you_there>()) {
                q.reply(ctx.incarnation());
            }
        }
    };
}

// A group of one such element; both have that name.
inline bastion::children named(journal& j, const std::string& name) {
    return bastion::children().with_name(name).with_exec(element(j, name));
}

// Tells a journal what callbacks say: "<moment> <path> <reason> <restarts>".
inline bastion::callbacks told_to(journal& j) {
    auto write = [&j](std::string what) {
        return [&j, what](const bastion::event& e) {
            j.add(what + " " + std::string(e.path()) + " " + e.reason().what() + " " + std::to_string(e.restarts()));
        };
    };
    return bastion::callbacks()
        .before_start(write("before_start"))
        .after_start(write("after_start"))
        .before_restart(write("before_restart"))
        .after_restart(write("after_restart"))
        .after_stop(write("after_stop"));
}

class world {
public:
    explicit world(std::size_t workers = 1, bastion::config c = bastion::config())
        : clock(std::make_shared<bastion::manual_clock>()),
          rt(std::move(c).with_workers(workers).with_clock(clock).with_signals(false).with_log(
              [this](const bastion::log_record& r) {
                  log.add(std::string(r.path) + ": " + r.reason.what() + "; " + std::string(r.next));
              })) {}

    // Until nothing can happen before time moves.
    void settle() { clock->settle(); }
    void advance(std::chrono::nanoseconds d) { clock->advance(d); }

    journal log;
    journal events;
    std::shared_ptr<bastion::manual_clock> clock;
    bastion::runtime rt;
};

// Always back, at once.
inline bastion::restart_strategy at_once() { return bastion::restart_strategy::always().immediate(); }

} // namespace tree

#endif
