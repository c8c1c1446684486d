// Ten workers double one digit each and write what they have at their place of one file, all at once: the writing blocks
// threads of its own, and no worker of the runtime.
#include <bastion/bastion.hpp>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

struct write_twice {
    using answer_type = char; // what was written
    std::string file;
    std::int64_t place;
    int digit;
};

char write_at(const std::string& file, std::int64_t place, char what) {
    std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(place);
    if (!out.put(what).flush()) bastion::panic("cannot write to " + file);
    return what;
}

bastion::process writer(bastion::context ctx) {
    for (;;) {
        auto msg = co_await ctx.recv();
        if (auto q = msg.asked<write_twice>()) {
            const auto digit = static_cast<char>('0' + 2 * q->digit % 10);
            auto writing =
                bastion::blocking([file = q->file, place = q->place, digit] { return write_at(file, place, digit); });
            const char written = co_await writing;
            q.reply(written);
        } else {
            msg.unhandled();
        }
    }
}

bastion::process distribute(bastion::context ctx, std::string file) {
    auto writers = ctx.spawn(bastion::children().with_redundancy(10).with_exec(writer));
    std::vector<bastion::answer<char>> answers;
    int digit = 0;
    for (bastion::child_ref w : writers) {
        answers.push_back(w.ask(write_twice{file, digit, digit + 1}));
        ++digit;
    }
    std::printf("written: ");
    for (auto& answer : answers) {
        auto written = co_await answer;
        if (!written) bastion::panic(written.error().what());
        std::printf("%c", *written);
    }
    std::printf("\n");
    ctx.runtime().stop();
}

int main(int argc, char** argv) {
    const std::string file = argc > 1 ? argv[1] : "digits.txt";
    if (!std::ofstream(file, std::ios::trunc)) {
        std::fprintf(stderr, "cannot write to %s\n", file.c_str());
        return 1;
    }
    bastion::runtime rt;
    rt.spawn(bastion::children().with_restart(bastion::temporary).with_exec([file](bastion::context ctx) {
        return distribute(ctx, file);
    }));
    return rt.wait();
}
