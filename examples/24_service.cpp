// A service: supervised, scaled, observed. A group of renderers grows under pressure; a bad page fails its renderer alone,
// and who asked for it is told; what was counted survives; who watches hears of faults and of lost messages.
#include <bastion/bastion.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

struct render {
    using answer_type = std::size_t; // bytes
    std::string page;
};
struct rendered {
    std::size_t bytes;
};
struct how_many {
    using answer_type = int;
};
struct hint {}; // that no renderer knows
struct fault { // told to who watches
    std::string why;
    std::string in_hand;
};

std::size_t draw(const std::string& page) {
    std::this_thread::sleep_for(20ms);
    return 100 * page.size();
}

bastion::process renderer(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<render>()) {
            if (q->page.empty()) bastion::panic("an empty page");
            const std::size_t bytes = co_await bastion::blocking([&] { return draw(q->page); });
            ctx.whereis("ledger").tell(rendered{bytes});
            q.reply(bytes);
        } else {
            msg.unhandled();
        }
    }
}

struct book {
    int pages = 0;
};

bastion::process ledger(bastion::context ctx) {
    auto& entries = ctx.data<book>(); // outlives the incarnation
    for (;;) {
        auto msg = co_await ctx.recv();
        if (msg.told<rendered>() != nullptr) ++entries.pages;
        else if (auto q = msg.asked<how_many>()) q.reply(entries.pages);
        else bastion::panic("the ledger was told nonsense");
    }
}

bastion::supervisor service(bastion::child_ref watcher) {
    const auto tell_watcher = [watcher](const bastion::event& e) {
        watcher.tell(fault{e.reason().what(), std::string(e.in_hand())});
    };
    return bastion::supervisor()
        .with_name("service")
        .with_intensity(10, 1s)
        .with_children(bastion::children().with_name("ledgers").with_data(book()).with_exec(ledger))
        .with_children(bastion::children()
                .with_name("renderers")
                .with_distributor("render")
                .with_restart_scope(bastion::restart_scope::element)
                .with_resizer(bastion::resizer().with_lower_bound(2).with_upper_bound(8).with_interval(5ms))
                .with_callbacks(bastion::callbacks().before_restart(tell_watcher))
                .with_exec(renderer));
}

BASTION_MAIN(bastion::context ctx) {
    auto tree = ctx.spawn(service(ctx.self()));
    auto started = co_await tree.started();
    if (!started) co_return ctx.fail(started.error());
    const auto counts = ctx.whereis("/service/ledgers/0");
    (void)ctx.runtime().register_name("ledger", counts);
    ctx.runtime().subscribe_dead_letters(ctx.self());

    std::vector<bastion::answer<std::size_t>> pages;
    for (int i = 0; i < 50; ++i) pages.push_back(ctx.distributor("render").ask_one(render{i % 20 == 10 ? "" : "page"}));
    const auto renderers = ctx.runtime().find_children("/service/renderers");
    while (renderers.current().size() == 2) co_await ctx.sleep_for(1ms);
    std::printf("the renderers are more than two\n");

    int good = 0, bad = 0;
    for (auto& page : pages) {
        auto bytes = co_await page;
        ++(bytes ? good : bad);
    }
    std::printf("%d pages, %d refused\n", good, bad);
    for (int i = 0; i < bad; ++i) {
        auto f = co_await ctx.recv<fault>();
        std::printf("a renderer starts again: %s\n", f.why.c_str());
    }

    counts.tell(hint());
    auto pages_written = co_await counts.ask(how_many());
    if (pages_written) std::printf("the ledger has failed, and still has %d pages\n", *pages_written);
    (void)ctx.distributor("render").tell_one(hint());
    auto lost = co_await ctx.recv<bastion::dead_letter>();
    std::printf("nobody knows a %s\n", lost.type.c_str());
}
