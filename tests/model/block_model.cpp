// A block that is used again, in all interleavings: strangers who hold refs to the process before it send it mail, watch
// it, ask whether it lives and who owns it; its owner asks it to stop. The functions are named as in block, send, mail,
// cold_part, element_signal and refs.
#include "model/block.hpp"
#include "model/checked.hpp"

#include <array>

namespace {

using model::atomics;

using bastion::detail::push_result;
using flags = bastion::detail::basic_signal_flags<atomics>;

struct alignas(64) message {
    model::plain<message*> next = nullptr;
    model::plain<std::uint64_t> generation = 0;
    std::uint64_t meant_for = 0; // the model's own, as the next
    int handled = 0;
    int dead = 0;

    void recycle() {
        next.free();
        generation.free();
    }
    void dead_letter() {
        ++dead;
        recycle();
    }
};

struct cold_part {
    model::plain<int> made = 0;
    model::plain<int> monitors = 0; // touched by the process

    void recycle() {
        made.free();
        monitors.free();
    }
};

// To the inbox, whose word has eight bits for it, all generations are the same: 256 lives lie between two of them.
constexpr std::uint64_t come_round(std::uint64_t generation) { return generation << 8; }

constexpr std::uint64_t first_life = 1;

struct block {
    bastion::detail::basic_inbox<message, atomics> inbox;
    bastion::detail::basic_system_lane<model::signal, atomics> lane;
    flags signals;
    bastion::detail::basic_generation<atomics> generation;
    bastion::detail::basic_owner_word<block, atomics> owner;
    bastion::detail::basic_cold_word<cold_part, atomics> cold;
    model::plain<message*> mail = nullptr; // touched by the holder of the right to run, as the next two
    model::plain<int> link = 0; // of the run queue
    model::plain<int> kind = 0; // written at birth
    model::plain<int> last_words = 0; // of the first process
    model::queue<int> right_to_run;
    std::array<cold_part, 2> pool;
    std::size_t cold_parts = 0; // the model's own, as the next
    int noprocs = 0;
    int downs = 0;

    block() { generation.begin_above(0); }

    // ---- by the last owner
    void make_block() {
        link = 0;
        kind = kind + 1;
        signals.reset();
        lane.open();
        inbox.open(come_round(generation.now()));
    }
    void recycle_block() {
        if (cold_part* part = cold.take(); part != nullptr) part->recycle();
        generation.next();
        owner.clear();
    }
    // Of a free one: the system takes its page, then gives another one. As depot::give_back and some_blocks.
    void give_page_back() {
        const std::uint64_t highest = generation.now();
        model::require(inbox.is_closed() && lane.close() == nullptr, "a free block is closed");
        signals.reset();
        generation.begin_above(~std::uint64_t{0}); // to zero, as all the others
        model::require(generation.now() == 0 && owner.now() == nullptr && cold.own() == nullptr, "all are zeros");
        generation.begin_above(highest);
    }

    // ---- by a stranger
    [[nodiscard]] bool lives(std::uint64_t g) const { return generation.is(g); }
    // As child_ref::alive, of the first process; who is told of its end sees what it did.
    bool alive() {
        if (lives(first_life) && !inbox.is_closed()) return true;
        model::require(last_words == 1, "who sees the end sees what came before it");
        return false;
    }
    void schedule_block() {
        (void)kind.get();
        link = 1;
        right_to_run.push(1);
    }
    [[nodiscard]] bool try_push(message& m, std::uint64_t to) {
        m.generation = to;
        switch (inbox.push(&m, come_round(to))) {
        case push_result::queued:
        case push_result::queued_beside: return true;
        case push_result::claimed: {
            const bool meant = lives(to);
            if (meant) {
                m.next = nullptr;
                model::require(mail == nullptr, "a parked process has no mail");
                mail = &m;
            }
            schedule_block();
            return meant;
        }
        case push_result::refused: break;
        }
        return false;
    }
    void tell(message& m, std::uint64_t to) {
        m.meant_for = to;
        if (!lives(to)) {
            if (to == first_life) model::require(last_words == 1, "who sees a process gone sees what it did");
            m.dead_letter();
        } else if (!try_push(m, to)) {
            m.dead_letter();
        }
    }
    // As push_element_signal.
    void watch(model::signal& s, std::uint64_t to) {
        s.generation = to;
        s.what = static_cast<int>(to);
        if (lives(to) && !inbox.is_closed()) {
            using bastion::detail::lane_result;
            const lane_result pushed = lane.push(&s);
            if (pushed != lane_result::closed) {
                if (signals.raise(flags::lane) || pushed == lane_result::first)
                    if (inbox.unpark() == bastion::detail::unpark_result::claimed) schedule_block();
                return;
            }
        }
        ++noprocs;
        s.recycle();
    }

    // ---- by the owner
    void request_stop_token() {
        if (const cold_part* part = cold.if_any()) model::require(part->made == 1, "made before it is known");
    }

    // ---- by the process
    cold_part& cold_of() {
        cold_part* part = cold.own();
        if (part == nullptr) {
            part = &pool[cold_parts++];
            part->made = 1;
            cold.set(part);
        }
        return *part;
    }
    void handle(message* m) {
        model::require(m->meant_for == generation.now(), "mail for the process before is not handled");
        ++m->handled;
        m->recycle();
    }
    void read_mail() {
        if (message* handed = mail; handed != nullptr) {
            mail = nullptr;
            handle(handed);
        }
        for (message* m = inbox.drain().newest; m != nullptr;) {
            message* const older = m->next;
            if (m->generation == generation.now()) handle(m);
            else m->dead_letter();
            m = older;
        }
    }
    void park_on_mail() {
        link = 0;
        if (inbox.park_on_mail()) (void)right_to_run.pop();
    }
    void handle_element_signals(model::signal* oldest) {
        while (oldest != nullptr) {
            model::signal* const s = oldest;
            oldest = s->next;
            if (s->generation != generation.now() || inbox.is_closed()) {
                ++noprocs;
            } else {
                model::require(s->what == static_cast<int>(generation.now()), "nobody watches by an old ref");
                cold_part& part = cold_of();
                part.monitors = part.monitors + 1;
            }
            s->recycle();
        }
    }
    void obey_signals() {
        if ((signals.now() & flags::lane) == 0) return;
        signals.clear(flags::lane);
        handle_element_signals(lane.drain());
    }
    void close_block() {
        handle_element_signals(lane.close());
        for (message* m = inbox.close(); m != nullptr;) {
            message* const older = m->next;
            m->dead_letter();
            m = older;
        }
        if (const cold_part* part = cold.if_any()) downs += part->monitors;
    }
};

// One tells the first process twice, one tells it once and the second one, which parks until it is told.
void mail_for_an_old_ref(model::run& r) {
    auto& b = r.make<block>();
    auto& told = r.make<std::array<message, 4>>();
    auto& known = r.make<model::queue<std::uint64_t>>();
    b.make_block();
    r.thread([&] {
        b.read_mail();
        b.last_words = 1;
        b.close_block();
        b.recycle_block();
        b.make_block();
        known.push(b.generation.now());
        while (told[3].handled == 0) {
            b.park_on_mail();
            b.read_mail();
        }
        b.close_block();
    });
    r.thread([&] {
        b.tell(told[0], first_life);
        b.tell(told[1], first_life);
    });
    r.thread([&] {
        b.tell(told[2], first_life);
        b.tell(told[3], known.pop());
    });
    r.at_end([&] {
        for (const auto& m : told) model::require(m.handled + m.dead == 1, "each message has one fate");
    });
}

// Two look twice each whether the process lives that has ended, and whether it has an owner; the owner's block and the
// child's are used again, the one for an owner of the other.
void owner_of_an_old_ref(model::run& r) {
    auto& child = r.make<block>();
    auto& above = r.make<std::array<block, 2>>();
    child.owner.set(&above[0]);
    child.make_block();
    for (int i = 0; i < 2; ++i)
        r.thread([&] {
            for (int look = 0; look < 2; ++look) {
                const auto seen = bastion::detail::owner_by_ref(child, first_life);
                const bool first = seen.block == &above[0] && seen.generation == first_life;
                model::require(seen.block == nullptr || first, "an owner is never one of a later process");
                if (seen.block == nullptr)
                    model::require(!child.lives(first_life), "who sees no owner sees a dead ref");
            }
            (void)child.alive();
        });
    r.thread([&] {
        child.last_words = 1;
        child.close_block();
        child.recycle_block();
        above[0].generation.next();
        child.make_block();
        child.owner.set(&above[1]);
        child.close_block();
        child.recycle_block();
        child.make_block();
        child.owner.set(&above[0]);
    });
}

// A process makes its cold part, is asked to stop and watched through old refs; then the same for the next one in its block.
void cold_part_of_a_block_used_again(model::run& r) {
    auto& b = r.make<block>();
    auto& above = r.make<block>();
    auto& made = r.make<std::array<model::signal, 2>>();
    auto& ended = r.make<model::queue<int>>();
    b.owner.set(&above);
    b.make_block();
    r.thread([&] {
        for (int life = 0; life < 2; ++life) {
            if (life != 0) (void)b.right_to_run.pop();
            model::require(b.owner.now() == &above, "its owner");
            (void)b.cold_of();
            b.obey_signals();
            b.close_block();
            ended.push(1);
        }
    });
    r.thread([&] {
        for (int life = 0; life < 2; ++life) {
            b.request_stop_token();
            (void)ended.pop();
            b.request_stop_token();
            b.recycle_block();
            if (life != 0) continue;
            b.owner.set(&above);
            b.make_block();
            b.schedule_block();
        }
    });
    r.thread([&] {
        for (auto& m : made) b.watch(m, first_life);
    });
    r.at_end([&] {
        model::require(b.downs + b.noprocs == 2, "one notice for each monitor");
        for (const auto& m : made) model::require(m.freed == 1, "every record is freed once");
    });
}

// Strangers tell the first process, watch it and ask who owns it, while its block's page is given back and another process lives there.
void page_of_an_old_ref(model::run& r) {
    auto& b = r.make<block>();
    auto& above = r.make<block>();
    auto& told = r.make<message>();
    auto& watched = r.make<model::signal>();
    b.owner.set(&above);
    b.make_block();
    r.thread([&] {
        b.read_mail();
        b.obey_signals();
        b.last_words = 1;
        b.close_block();
        b.recycle_block();
        b.give_page_back();
        b.owner.set(&above);
        b.make_block();
        b.read_mail();
        b.obey_signals();
        b.close_block();
    });
    r.thread([&] {
        b.tell(told, first_life);
        (void)b.alive();
    });
    r.thread([&] {
        b.watch(watched, first_life);
        const auto seen = bastion::detail::owner_by_ref(b, first_life);
        model::require(seen.block != nullptr || !b.lives(first_life), "who sees no owner sees a dead ref");
    });
    r.at_end([&] {
        model::require(told.handled + told.dead == 1, "the message has one fate");
        model::require(b.downs + b.noprocs == 1 && watched.freed == 1, "one notice for the monitor");
    });
}

} // namespace

TEST_CASE("model: an old ref: mail for the process before") {
    model::check(mail_for_an_old_ref, {.stale_reads = 2}, 2);
}
TEST_CASE("model: an old ref: who owns it") { model::check(owner_of_an_old_ref, {.stale_reads = 2}, 2); }
TEST_CASE("model: an old ref: the cold part and monitors") {
    model::check(cold_part_of_a_block_used_again, {.stale_reads = 2}, 2);
}
TEST_CASE("model: an old ref: the block's page is given back") {
    model::check(page_of_an_old_ref, {.stale_reads = 2}, 2);
}
