// A C library as there are many: it reads records, "key = value" a line, asks its caller for each line by one callback, and hands him each record by
// another. It returns when there are no more lines, or when a callback says stop; it knows nothing of processes.
#ifndef BASTION_EXAMPLES_RECORDS_HPP
#define BASTION_EXAMPLES_RECORDS_HPP

#include <bastion/bastion.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern "C" {
using next_line = const char* (*)(void* user); // null: there are no more
using on_record = int (*)(void* user, const char* key, long value); // not 0: stop

// How many records there were; -1: a line is none.
inline int read_records(next_line line_of, on_record found, void* user) {
    int records = 0;
    while (const char* const line = line_of(user)) {
        char key[32];
        long value = 0;
        if (std::sscanf(line, "%31[a-z] = %ld", key, &value) != 2) return -1;
        ++records;
        if (found(user, key, value) != 0) break;
    }
    return records;
}
}

// ---- what both of its users speak

struct line {
    std::string text;
};
struct end_of_lines {};
struct record { // to who keeps them; answered with their sum so far
    using answer_type = long;
    long value;
};

inline bastion::process keeper(bastion::context ctx) {
    long sum = 0;
    for (;;) {
        auto m = co_await ctx.recv();
        if (auto q = m.asked<record>()) q.reply(sum += q->value);
    }
}

inline void send_lines(bastion::child_ref reader) {
    for (const char* text : {"apples = 3", "pears = 4", "plums = 35"}) reader.tell(line{text});
    reader.tell(end_of_lines());
    reader.tell(line{"nonsense"});
}

#endif
