// word_count FILE... [--fail-every N]: counts words and prints what `tr -cs A-Za-z '\n' | LC_ALL=C sort | uniq -c` prints,
// although a worker panics at every N-th question.
//
// A process per file asks chunk by chunk; main numbers the questions and hands them to eight supervised workers. Nothing
// is lost or counted twice: an answer holds all that its question counted, and who is told of a panic asks again.
#include "words.hpp"

#include <bastion/bastion.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

struct count_words {
    using answer_type = chunk_counts;
    chunk text;
};
struct numbered { // the right to answer goes along: the worker answers the process that asked
    unsigned long number;
    bastion::question<count_words> question;
};
struct count_restarts {
    using answer_type = int;
};
struct file_counts {
    std::unordered_map<std::string, unsigned long> words;
    unsigned long failures = 0;
};

bastion::process worker(bastion::context ctx, unsigned long fail_every) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto* job = msg.told<numbered>()) {
            if (job->number % fail_every == 0) bastion::panic("every N-th question fails");
            job->question.reply(count(*job->question->text));
        } else if (auto q = msg.asked<count_restarts>()) {
            q.reply(ctx.incarnation());
        } else {
            msg.unhandled();
        }
    }
}

bastion::task<void> ask_for_chunks(bastion::child_ref dispatcher, std::ifstream& file, file_counts& sum) {
    while (const chunk text = next_chunk(file)) {
        auto answer = co_await dispatcher.ask<count_words>(text);
        while (!answer && answer.error() == bastion::errc::target_died) {
            ++sum.failures;
            answer = co_await dispatcher.ask<count_words>(text);
        }
        if (!answer) bastion::panic(answer.error().what());
        for (const auto& [word, n] : *answer) sum.words[std::string(word)] += n;
    }
}

bastion::process count_file(bastion::context ctx, bastion::child_ref dispatcher, std::string path) {
    std::ifstream file(path, std::ios::binary);
    file_counts sum;
    auto ask = [&] { return ask_for_chunks(dispatcher, file, sum); };
    (void)co_await bastion::when_all(ask(), ask(), ask(), ask()); // so that one file keeps several workers busy
    if (!file.eof()) co_return ctx.fail("cannot read " + path);
    dispatcher.tell(std::move(sum));
}

BASTION_MAIN(bastion::context ctx, bastion::args args) {
    unsigned long fail_every = ~0ul; // never
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < args.size(); ++i) {
        if (args[i] != "--fail-every" || i + 1 == args.size()) paths.push_back(args[i]);
        else fail_every = std::strtoul(args[++i].c_str(), nullptr, 10);
    }
    if (paths.empty() || fail_every < 2) {
        std::fputs("usage: word_count FILE... [--fail-every N], with N > 1\n", stderr);
        ctx.runtime().stop(2);
        co_return;
    }

    auto sup = ctx.spawn(bastion::supervisor());
    auto workers = sup.spawn(bastion::children()
            .with_name("workers")
            .with_redundancy(8)
            .with_restart_scope(bastion::restart_scope::element)
            .with_restart_strategy(bastion::restart_strategy::always().immediate())
            .with_exec([fail_every](bastion::context c) { return worker(c, fail_every); }));

    std::vector<bastion::monitor_handle> readers;
    std::size_t ended = 0, counted = 0;
    unsigned long questions = 0, failures = 0, restarts = 0;
    std::map<std::string, unsigned long> words;
    while (ended < paths.size()) {
        while (readers.size() < std::min(paths.size(), ended + 64)) { // so many files are open at once
            const auto& path = paths[readers.size()];
            auto body = [self = ctx.self(), path](bastion::context c) { return count_file(c, self, path); };
            readers.push_back(ctx.monitor(ctx.spawn(body)));
        }
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<count_words>()) {
            const auto turn = ++questions % workers.size();
            workers[turn].tell(numbered{questions, std::move(q)});
        } else if (auto* file = msg.told<file_counts>()) {
            for (const auto& [word, n] : file->words) words[word] += n;
            failures += file->failures;
            ++counted;
        } else if (msg.told<bastion::down>() != nullptr) {
            ++ended; // comes behind its counts, if it could read its file
        }
    }
    for (bastion::child_ref w : workers) {
        auto incarnation = co_await w.ask<count_restarts>();
        restarts += static_cast<unsigned long>(incarnation.value_or(0));
    }

    for (const auto& [word, n] : words) std::printf("%7lu %s\n", n, word.c_str());
    std::fprintf(stderr, "%lu questions, %lu failures survived, %lu restarts\n", questions, failures, restarts);
    if (counted < paths.size()) ctx.runtime().stop(1);
}
