// The inbox word in all interleavings: senders that queue or hand over, a receiver that drains and parks, wake-ups,
// the end of a process and the next one in the same block.
#include "model/checked.hpp"

#include <bastion/process/inbox.hpp>

#include <array>
#include <vector>

namespace {

struct alignas(64) node {
    model::plain<node*> next = nullptr;
    model::plain<int> value = 0;
};
using inbox = bastion::detail::basic_inbox<node, model::atomics>;
using bastion::detail::push_result;
using bastion::detail::unpark_result;

// A process as the run loop sees it: the inbox, its own list of mail, and the right to run, handed on through a queue.
struct process {
    inbox word;
    model::plain<node*> mail = nullptr;
    model::queue<int> right_to_run;
    std::vector<int> got;

    void send(node& n, int value, std::uint64_t generation = 1) {
        n.value = value;
        switch (word.push(&n, generation)) {
        case push_result::claimed:
            n.next = nullptr;
            model::require(mail == nullptr, "a parked process has no mail");
            mail = &n;
            right_to_run.push(1);
            break;
        case push_result::queued:
        case push_result::queued_beside: break;
        case push_result::refused: model::fail("an open inbox refused");
        }
    }
    void wake() {
        if (word.unpark() == unpark_result::claimed) right_to_run.push(1);
    }
    void take(node* newest) {
        std::vector<int> batch;
        for (node* n = newest; n != nullptr;) {
            node* older = n->next;
            batch.insert(batch.begin(), n->value);
            n->value.free(); // the block goes back to the pool
            n->next.free();
            n = older;
        }
        got.insert(got.end(), batch.begin(), batch.end());
    }
    void read_all() {
        node* handed = mail;
        mail = nullptr;
        take(handed);
        take(word.drain().newest);
    }
};

// One sender of two messages, one of one.
void mail_against_park(model::run& r) {
    auto& p = r.make<process>();
    auto& nodes = r.make<std::array<node, 3>>();
    p.word.open(1);
    r.thread([&] {
        p.send(nodes[0], 1);
        p.send(nodes[1], 2);
    });
    r.thread([&] { p.send(nodes[2], 3); });
    r.thread([&] {
        for (;;) {
            p.read_all();
            if (p.got.size() == 3) break;
            if (p.word.park_on_mail()) (void)p.right_to_run.pop();
        }
    });
    r.at_end([&] {
        std::vector<int> first;
        for (int v : p.got)
            if (v != 3) first.push_back(v);
        model::require(first == std::vector<int>{1, 2}, "each sender's messages come in order");
    });
}

// A wake-up, and mail, against a process that parks in something else than a receive and looks at a flag.
void wake_against_park(model::run& r) {
    auto& p = r.make<process>();
    auto& n = r.make<node>();
    auto& flag = r.make<model::atomics::atomic<int>>(0);
    auto& result = r.make<model::plain<int>>(0);
    p.word.open(1);
    r.thread([&] { p.send(n, 1); });
    r.thread([&] {
        result = 7;
        flag.store(1, std::memory_order_relaxed); // ordered by the wake-up alone
        p.wake();
    });
    r.thread([&] {
        while (flag.load(std::memory_order_relaxed) == 0)
            if (p.word.park_elsewhere()) (void)p.right_to_run.pop();
    });
    r.at_end([&] {
        model::require(result == 7, "written before the wake-up");
        p.read_all();
        model::require(p.got == std::vector<int>{1}, "mail to a process that waits for something else stays");
    });
}

// Its owner looks into a parked process, while mail and a wake-up come: neither is missed, and nobody else has the right
// to run meanwhile (process/parked.hpp).
void look_against_mail(model::run& r) {
    auto& p = r.make<process>();
    auto& n = r.make<node>();
    auto& flag = r.make<model::atomics::atomic<int>>(0);
    auto& turns = r.make<model::plain<int>>(0); // what the process writes, and the owner reads
    p.word.open(1);
    r.thread([&] {
        p.send(n, 1);
        flag.store(1, std::memory_order_relaxed); // ordered by the wake-up alone
        p.wake();
    });
    r.thread([&] {
        if (p.word.unpark() != unpark_result::claimed) return;
        model::require(turns > 0, "who is parked has run");
        model::require(p.mail == nullptr, "and has no mail");
        if (!p.word.park_on_mail()) p.right_to_run.push(1);
    });
    r.thread([&] {
        for (;;) {
            turns = turns + 1;
            p.read_all();
            if (p.got.size() == 1 && flag.load(std::memory_order_relaxed) == 1) break;
            if (p.word.park_on_mail()) (void)p.right_to_run.pop();
        }
    });
}

// A process ends and another one lives in its block: mail for the first is either taken at its end or refused.
void end_against_mail(model::run& r) {
    auto& p = r.make<process>();
    auto& nodes = r.make<std::array<node, 3>>();
    struct counts {
        int refused = 0;
        int closed = 0;
    };
    auto& c = r.make<counts>();
    auto& last_words = r.make<model::plain<int>>(0);
    p.word.open(1);
    for (std::size_t i : {0u, 1u})
        r.thread([&, i] {
            nodes[i].value = static_cast<int>(i);
            switch (p.word.push(&nodes[i], 1)) {
            case push_result::refused: ++c.refused; break;
            case push_result::queued:
            case push_result::queued_beside: break;
            case push_result::claimed: model::fail("the process was never parked");
            }
            if (p.word.is_closed()) model::require(last_words == 1, "who sees the end sees what came before it");
        });
    r.thread([&] {
        last_words = 1;
        p.take(p.word.close());
        c.closed = static_cast<int>(p.got.size());
        model::require(p.word.is_closed(), "closed");
        p.word.open(2);
        nodes[2].value = 9;
        model::require(p.word.push(&nodes[2], 2) == push_result::queued, "mail for the second process");
        p.take(p.word.drain().newest);
    });
    r.at_end([&] {
        model::require(p.got.size() == static_cast<std::size_t>(c.closed) + 1 && p.got.back() == 9,
            "the second process gets its own mail only");
        model::require(c.refused + c.closed == 2, "nothing is lost");
    });
}

// The owner of a process that it gives up takes its mail while that runs, and drains: whatever was taken in is taken out once.
struct caught {
    inbox word;
    std::array<int, 2> taken = {}; // the model's own, as the next
    std::array<bool, 2> accepted = {};

    void take(node* newest) {
        for (node* n = newest; n != nullptr;) {
            node* older = n->next;
            ++taken[static_cast<std::size_t>(n->value)];
            n->value.free();
            n->next.free();
            n = older;
        }
    }
};

void mail_of_one_given_up(model::run& r) {
    auto& p = r.make<caught>();
    auto& nodes = r.make<std::array<node, 2>>();
    p.word.open(1);
    r.thread([&] {
        for (std::size_t i = 0; i < 2; ++i) {
            nodes[i].value = static_cast<int>(i);
            p.accepted[i] = p.word.push(&nodes[i], 1) == push_result::queued;
        }
    });
    r.thread([&] { p.take(p.word.drain().newest); });
    r.thread([&] { p.take(p.word.hand_over(2)); });
    r.at_end([&] {
        p.take(p.word.close());
        for (std::size_t i = 0; i < 2; ++i)
            model::require(p.taken[i] == (p.accepted[i] ? 1 : 0), "what was accepted is taken once");
    });
}

} // namespace

TEST_CASE("model: mail against a receiver that parks") { model::check(mail_against_park); }
TEST_CASE("model: wake-ups against a process that parks") { model::check(wake_against_park); }
TEST_CASE("model: a look at a parked process against what wakes it") { model::check(look_against_mail); }
TEST_CASE("model: the end of a process against mail for it") { model::check(end_against_mail); }
TEST_CASE("model: mail of a process that is given up") { model::check(mail_of_one_given_up); }
