// A C library that calls back (records.hpp), used by a process: on a stack of its own the callbacks wait for messages and ask others, with the
// library's function below them. 28_c_library_coroutines is what remains possible without.
#include "records.hpp"

#include <exception>

// What the library gives back to each callback.
struct reading {
    bastion::fiber_context ctx;
    bastion::child_ref keeper;
    std::string current;
    std::exception_ptr thrown; // no exception may pass through C: it is thrown again behind the library

    template <class F>
    auto guarded(F f, decltype(f()) otherwise) {
        try {
            return f();
        } catch (...) { thrown = std::current_exception(); }
        return otherwise;
    }
};

extern "C" {
const char* wait_for_line(void* user) {
    auto& mine = *static_cast<reading*>(user);
    return mine.guarded(
        [&]() -> const char* {
            auto m = mine.ctx.recv(); // the process waits here
            if (auto* l = m.told<line>()) mine.current = l->text;
            return m.told<end_of_lines>() != nullptr ? nullptr : mine.current.c_str();
        },
        nullptr);
}
int keep(void* user, const char* key, long value) {
    auto& mine = *static_cast<reading*>(user);
    return mine.guarded(
        [&] {
            const auto sum = mine.ctx.ask(mine.keeper, record{value}); // and here
            if (sum) std::printf("%s: %ld in all\n", key, *sum);
            return sum ? 0 : 1;
        },
        1);
}
}

BASTION_MAIN(bastion::context ctx) {
    const auto kept_by = ctx.spawn(keeper);
    const auto main = ctx.self();
    const auto reader = ctx.spawn([kept_by, main](bastion::fiber_context own) {
        for (int i = 0; i < 2; ++i) {
            reading mine{own, kept_by, {}, nullptr};
            const int records = read_records(&wait_for_line, &keep, &mine);
            if (mine.thrown) std::rethrow_exception(mine.thrown); // also the end of this process
            main.tell(records);
        }
    });
    send_lines(reader);
    for (int i = 0; i < 2; ++i) {
        const int records = co_await ctx.recv<int>();
        std::printf("%d records\n", records);
    }
}
