// Every documented spelling constructs and destroys equally often: g++ 12 destroys some temporaries of co_await twice.
#include "support/catch.hpp"
#include "support/world.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace bastion;
using namespace std::chrono_literals;

namespace {

// Knows whether it is alive, and counts; a member that makes its class non-trivial.
class probe {
public:
    probe() { born(); }
    explicit probe(int n) : number(n) { born(); }
    probe(const probe& o) : number(o.number) { born(); }
    probe(probe&& o) noexcept : number(o.number) { born(); }
    probe& operator=(const probe&) = default;
    ~probe() {
        if (self_ != this) ++wrong;  // destroyed twice, or moved as bytes
        self_ = nullptr;
        --alive;
    }
    int number = 0;
    static inline std::atomic<int> alive{0}, wrong{0}, made{0};

private:
    void born() {
        self_ = this;
        ++alive;
        ++made;
    }
    probe* volatile self_ = nullptr;
};

struct told {
    probe p;
    std::string text;
};
struct asks {
    using answer_type = probe;
    probe p;
    std::string text;
};
struct plain {
    using answer_type = probe;
    int n;
};
struct untyped {
    probe p;
};

struct server {
    probe p;
    void add(told t) { p.number += t.p.number; }
    void look(const untyped&) {}
    [[nodiscard]] probe get(asks) const { return p; }
    void later(question<plain> q) { q.reply(p); }
};

process answers(context ctx) {
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<asks>()) q.reply(probe(1));
        else if (auto n = m.asked<plain>()) n.reply(probe(n->n));
        else if (auto u = m.asked<untyped>()) u.reply(std::move(u->p));
    }
}
task<probe> gives(probe p) { co_return p; }
task<result<probe>> may_fail(bool fails, probe p) {
    if (fails) co_return fail("no");
    co_return p;
}

struct spelling {
    std::string_view name;
    std::function<process(context, child_ref)> body;
};

const spelling spellings[] = {
                               // lint-allow: the bodies are lambdas
    {"tell",
        [](context, child_ref to) -> process {
            to.tell(told{probe(1), "text"});
            co_return;
        }},
    {"tell<T>(args)",
        [](context, child_ref to) -> process {
            to.tell<told>(probe(1), "text");
            co_return;
        }},
    {"tell an lvalue and a moved one",
        [](context, child_ref to) -> process {
            told t{probe(1), "text"};
            to.tell(t);
            to.tell(std::move(t));
            co_return;
        }},
    {"ask<Q>(args)",
        [](context, child_ref to) -> process {
            auto r = co_await to.ask<asks>(probe(1), "text");
            (void)r;
        }},
    {"ask of a trivial question",
        [](context, child_ref to) -> process {
            auto r = co_await to.ask(plain{1});
            (void)r;
        }},
    {"ask of an lvalue",
        [](context, child_ref to) -> process {
            const asks q{probe(1), "text"};
            auto r = co_await to.ask(q);
            (void)r;
        }},
    {"a braced question's answer named",
        [](context, child_ref to) -> process {
            auto a = to.ask(asks{probe(1), "text"});
            auto r = co_await a;
            (void)r;
        }},
    {"a named answer within",
        [](context, child_ref to) -> process {
            auto a = to.ask(asks{probe(1), "text"}).within(1s);
            auto r = co_await a;
            (void)r;
        }},
    {"a range of answers",
        [](context, child_ref to) -> process {
            std::vector<answer<probe>> all;
            for (int i = 0; i < 3; ++i) all.push_back(to.ask(plain{i}));
            for (auto& a : all) {
                auto r = co_await a;
                (void)r;
            }
        }},
    {"request",
        [](context, child_ref to) -> process {
            auto r = co_await to.request<probe>(probe(1));
            (void)r;
        }},
    {"request of a named question",
        [](context, child_ref to) -> process {
            untyped u{probe(3)};
            auto r = co_await to.request<probe>(u);
            (void)r;
        }},
    {"ask<Q>.within, if with a declaration",
        [](context, child_ref to) -> process {
            if (auto r = co_await to.ask<asks>(probe(1), "text").within(1s)) r->number = 2;
        }},
    {"value_or",
        [](context, child_ref to) -> process {
            const probe p = (co_await to.ask(plain{2})).value_or(probe(7));
            (void)p;
        }},
    {"recv and told",
        [](context ctx, child_ref) -> process {
            ctx.self().tell(told{probe(1), "text"});
            auto m = co_await ctx.recv();
            if (auto* t = m.told<told>()) t->p.number = 2;
        }},
    {"recv<T>",
        [](context ctx, child_ref) -> process {
            ctx.self().tell(told{probe(1), "text"});
            auto t = co_await ctx.recv<told>();
            (void)t;
        }},
    {"recv<T>.within, while with a declaration",
        [](context ctx, child_ref) -> process {
            for (int i = 0; i < 3; ++i) ctx.self().tell(told{probe(i), "text"});
            while (auto t = co_await ctx.recv<told>().within(1ms)) t->p.number = 0;
        }},
    {"match with capturing arms",
        [](context ctx, child_ref) -> process {
            ctx.self().tell(told{probe(1), "text"});
            auto m = co_await ctx.recv();
            const probe captured(1);
            m.match(on_tell([captured](told t) { (void)t; }), otherwise([captured](message&) {}));
        }},
    {"when_all",
        [](context ctx, child_ref to) -> process {
            ctx.self().tell(told{probe(1), "text"});
            auto [t, r, v] = co_await when_all(ctx.recv<told>(), to.ask(plain{1}), gives(probe(5)));
            (void)t, (void)r, (void)v;
        }},
    {"when_any",
        [](context ctx, child_ref to) -> process {
            auto first = co_await when_any(to.ask<asks>(probe(1), "text"), gives(probe(5)), ctx.recv<told>());
            (void)first;
        }},
    {"task",
        [](context, child_ref) -> process {
            auto p = co_await gives(probe(1));
            (void)p;
        }},
    {"task.within and when_any.within",
        [](context ctx, child_ref to) -> process {
            auto p = co_await gives(probe(1)).within(1h);
            auto r = co_await may_fail(true, probe(1)).within(1h);
            auto late = co_await when_any(ctx.recv<told>(), ctx.sleep_for(1h)).within(1ms);
            auto first = co_await when_any(gives(probe(2)), to.ask(plain{1})).within(1h);
            (void)p, (void)r, (void)late, (void)first;
        }},
    {"task of a result",
        [](context, child_ref) -> process {
            auto good = co_await may_fail(false, probe(1));
            auto bad = co_await may_fail(true, probe(1));
            (void)good, (void)bad;
        }},
    {"fork and join",
        [](context, child_ref) -> process {
            scope s;
            auto a = s.fork(gives(probe(1)));
            auto b = co_await gives(probe(2));
            co_await s.join();
            b.number += (*a).number;
        }},
    {"spawn with a capturing lambda",
        [](context ctx, child_ref) -> process {
            const told t{probe(1), "text"};
            auto c = ctx.spawn([t](context) -> process { co_return; });
            auto r = co_await c.request<int>(1);
            (void)r;
        }},
    {"blocking with captures by reference",
        [](context, child_ref) -> process {
            probe here(1);
            auto p = co_await blocking([&here] { return probe(here.number + 1); });
            auto r = co_await blocking([&here] { return here; }).within(1h);
            (void)p, (void)r;
        }},
    {"blocking, the waiting named",
        [](context, child_ref) -> process {
            const probe captured(1);
            auto b = blocking([captured] { return captured; });
            auto p = co_await b;
            auto d = blocking_detached([captured] { return captured; });
            auto q = co_await d;
            (void)p, (void)q;
        }},
    {"blocking, the function named",
        [](context ctx, child_ref) -> process {
            const probe captured(1);
            auto f = [captured] { return captured; };
            auto p = co_await blocking(f);
            auto r = co_await blocking(std::ref(f)).within(1h);
            auto first = co_await when_any(blocking(f), ctx.sleep_for(1h));
            (void)p, (void)r, (void)first;
        }},
    {"blocking that throws a value",
        [](context, child_ref) -> process {
            try {
                co_await blocking([] { throw probe(3); });
            } catch (const probe& p) { (void)p; }
        }},
    {"join",
        [](context ctx, child_ref) -> process {
            auto h = ctx.spawn(gives(probe(1)));
            auto p = co_await h;
            auto r = co_await ctx.spawn(may_fail(false, probe(1)));
            auto bounded = co_await ctx.spawn(gives(probe(2))).within(1h);
            (void)p, (void)r, (void)bounded;
        }},
    {"with_exec with a capturing lambda",
        [](context ctx, child_ref) -> process {
            const told t{probe(1), "text"};
            auto g = ctx.spawn(children().with_redundancy(2).with_exec([t](context) -> process { co_return; }));
            auto r = co_await g[0].started();
            (void)r;
        }},
    {"handlers",
        [](context ctx, child_ref) -> process {
            const probe captured(1);
            auto g = ctx.spawn(children().with_handlers<server>(on_tell(&server::add), on_question(&server::get),
                on_question(&server::later), on_broadcast([captured](const untyped&) {}), on_tell([captured](int) {})));
            g[0].tell(told{probe(1), "text"});
            g.broadcast(untyped{probe(1)});
            g[0].tell(1);
            auto a = co_await g[0].ask<asks>(probe(1), "text");
            auto b = co_await g[0].ask(plain{1});
            (void)a, (void)b;
        }},
    {"send",
        [](context ctx, child_ref) -> process {
            auto g = ctx.spawn(children().with_mailbox(mailbox::bounded(1, overflow::wait)).with_exec(answers));
            for (int i = 0; i < 3; ++i) {
                auto r = co_await g[0].send(probe(i));
                (void)r;
            }
        }},
    {"tell_after and tell_every",
        [](context ctx, child_ref to) -> process {
            ctx.tell_after(1ms, to, told{probe(1), "text"});
            auto t = ctx.tell_every(1ms, to, told{probe(1), "text"});
            co_await ctx.sleep_for(3ms);
            t.cancel();
        }},
    {"with_data",
        [](context ctx, child_ref) -> process {
            auto g = ctx.spawn(children().with_data(told{probe(1), "text"}).with_exec([](context c) -> process {
                c.data<told>().p.number = 2;
                co_return;
            }));
            auto r = co_await g[0].started();
            (void)r;
        }},
    {"a panic with everything in hand",
        [](context ctx, child_ref to) -> process {
            ctx.self().tell(told{probe(1), "text"});
            auto m = co_await ctx.recv();
            auto a = to.ask(asks{probe(1), "text"});
            const probe p;
            panic("on purpose");
        }},
};

} // namespace

TEST_CASE("every documented spelling constructs and destroys equally often") {
    for (const spelling& s : spellings) {
        INFO(s.name);
        probe::made = 0;
        {
            test::world w;
            auto to = w.spawn(answers);
            auto p = w.spawn([&](context ctx) { return s.body(ctx, to); });
            w.advance(100ms);
            REQUIRE_FALSE(p.alive());
        }
        REQUIRE(probe::made > 0);
        REQUIRE(probe::wrong == 0);
        REQUIRE(probe::alive == 0);
    }
}
