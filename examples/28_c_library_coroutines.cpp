// 27_c_library as a coroutine: what the library calls cannot await. So all lines are received before it is called, and what it finds is kept until
// it has returned: each record is asked for only then, and a caller that must see one before the next line comes is out of luck.
#include "records.hpp"

#include <utility>
#include <vector>

struct reading {
    std::vector<std::string> lines;
    std::size_t at = 0;
    std::vector<std::pair<std::string, long>> found;
};

extern "C" {
const char* line_at_hand(void* user) {
    auto& mine = *static_cast<reading*>(user);
    return mine.at == mine.lines.size() ? nullptr : mine.lines[mine.at++].c_str();
}
int note(void* user, const char* key, long value) {
    static_cast<reading*>(user)->found.emplace_back(key, value);
    return 0;
}
}

bastion::process read(bastion::context ctx, bastion::child_ref kept_by, bastion::child_ref main) {
    for (int i = 0; i < 2; ++i) {
        reading mine;
        for (bool more = true; more;) {
            auto m = co_await ctx.recv();
            if (auto* l = m.told<line>()) mine.lines.push_back(l->text);
            more = i == 0 && m.told<end_of_lines>() == nullptr;
        }
        const int records = read_records(&line_at_hand, &note, &mine);
        for (const auto& [key, value] : mine.found) {
            const auto sum = co_await kept_by.ask(record{value});
            if (sum) std::printf("%s: %ld in all\n", key.c_str(), *sum);
        }
        main.tell(records);
    }
}

BASTION_MAIN(bastion::context ctx) {
    const auto kept_by = ctx.spawn(keeper);
    const auto main = ctx.self();
    const auto reader = ctx.spawn([kept_by, main](bastion::context own) { return read(own, kept_by, main); });
    send_lines(reader);
    for (int i = 0; i < 2; ++i) {
        const int records = co_await ctx.recv<int>();
        std::printf("%d records\n", records);
    }
}
