// A pipeline of three stages that know each other's dispatchers, not each other: phrases are read, their words are
// counted by three workers in turn, and the counts are added up.
#include <bastion/bastion.hpp>

#include <cstdio>
#include <map>
#include <string>

using bastion::broadcast_target;

struct phrase {
    std::string text;
};
struct counts {
    std::map<char, int> words;
};

bastion::process read_phrases(bastion::context ctx) {
    for (const char* text : {"A B C", "A C C", "B C C"})
        ctx.broadcast_message(broadcast_target::group("counting"), phrase{text});
    co_return;
}

bastion::process count(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        auto* p = msg.broadcast<phrase>();
        if (p == nullptr) {
            msg.unhandled();
            continue;
        }
        counts found;
        for (const char c : p->text)
            if (c != ' ') ++found.words[c];
        ctx.broadcast_message(broadcast_target::group("adding"), std::move(found));
    }
}

bastion::process add(bastion::context ctx) {
    counts sum;
    for (int phrases = 0; phrases < 3;) {
        auto msg = co_await ctx.recv();
        auto* c = msg.broadcast<counts>();
        if (c == nullptr) {
            msg.unhandled();
            continue;
        }
        for (const auto& [word, times] : c->words) sum.words[word] += times;
        ++phrases;
    }
    for (const auto& [word, times] : sum.words) std::printf("%c=%d\n", word, times);
    ctx.runtime().stop();
}

BASTION_MAIN(bastion::runtime& rt) {
    rt.spawn(bastion::children().with_dispatcher("adding").with_exec(add));
    rt.spawn(bastion::children().with_redundancy(3).with_dispatcher("counting").with_exec(count));
    rt.spawn(bastion::children().with_exec(read_phrases));
}
