// Run by the configure step: counts how often temporaries inside a co_await expression are made and destroyed.
// Exit code: bit 0 = some are destroyed twice, bit 1 = the headers expect that of this compiler.

#include <coroutine>
#include <exception>
#include <initializer_list>

#if __has_include(<bastion/base/compiler.hpp>)
#include <bastion/base/compiler.hpp>
#endif

#ifndef BASTION_BROKEN_AWAIT_TEMPORARIES
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#define BASTION_BROKEN_AWAIT_TEMPORARIES 1
#else
#define BASTION_BROKEN_AWAIT_TEMPORARIES 0
#endif
#endif

namespace {

int alive = 0;

struct counted {
    counted() { ++alive; }
    counted(const counted&) { ++alive; }
    counted(counted&&) noexcept { ++alive; }
    ~counted() { --alive; }
};

struct aggregate {
    counted first;
    counted second;
};

struct detached {
    struct promise_type {
        detached get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
};

struct does_not_wait {
    bool await_ready() { return false; }
    bool await_suspend(std::coroutine_handle<>) { return false; }
    int await_resume() { return 0; }
};

struct awaiter_with_members {
    counted member;
    bool await_ready() { return false; }
    bool await_suspend(std::coroutine_handle<>) { return false; }
    int await_resume() { return 0; }
};

template <class T>
does_not_wait use(T&&) {
    return {};
}

detached aggregate_argument() { co_await use(aggregate{counted{}, counted{}}); }
detached lambda_argument() {
    co_await use([held = counted{}] {});
}
detached aggregate_awaiter() { co_await awaiter_with_members{counted{}}; }

bool destroyed_once(detached (*body)()) {
    alive = 0;
    body();
    return alive == 0;
}

} // namespace

int main() {
    bool all_once = true;
    for (auto* body : {&aggregate_argument, &lambda_argument, &aggregate_awaiter})
        all_once = destroyed_once(body) && all_once;
    return (all_once ? 0 : 1) + (BASTION_BROKEN_AWAIT_TEMPORARIES ? 2 : 0);
}
