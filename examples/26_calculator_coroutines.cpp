// 25_calculator as a coroutine: each function between the process and the place where it waits is a task, and each call awaits one.
#include "calculator.hpp"

class parser {
public:
    explicit parser(const bastion::context& ctx) : ctx_(ctx) {}

    // The value of the next expression, or what is wrong with it, for who has sent it.
    bastion::task<void> answer_one() {
        std::string wrong;
        try {
            const double result = co_await sum();
            co_await expect("';'", ';');
            client_.tell(value{result});
            co_return;
        } catch (const std::runtime_error& e) {
            if (dynamic_cast<const bastion::limit_error*>(&e) != nullptr) throw;
            wrong = e.what(); // nothing can be awaited here
        }
        char c = 0;
        while (c != ';') c = co_await take();
        client_.tell(mistake{wrong});
    }

private:
    bastion::task<double> sum() {
        double left = co_await product();
        for (;;) {
            const char c = co_await peek();
            if (c != '+' && c != '-') co_return left;
            co_await take();
            const double right = co_await product();
            left = c == '+' ? left + right : left - right;
        }
    }
    bastion::task<double> product() {
        double left = co_await factor();
        for (;;) {
            const char c = co_await peek();
            if (c != '*' && c != '/') co_return left;
            co_await take();
            const double right = co_await factor();
            left = c == '*' ? left * right : left / right;
        }
    }
    bastion::task<double> factor() {
        const char c = co_await peek();
        if (c == '-') {
            co_await take();
            const double negated = co_await factor();
            co_return -negated;
        }
        if (c != '(') co_return co_await number();
        co_await take();
        const double inner = co_await sum();
        co_await expect("')'", ')');
        co_return inner;
    }
    bastion::task<double> number() {
        char c = co_await peek();
        if (!is_digit(c)) throw unexpected("a number", c);
        double n = 0;
        while (is_digit(c)) {
            n = 10 * n + (c - '0');
            co_await take();
            c = co_await peek();
        }
        co_return n;
    }

    bastion::task<void> expect(const char* what, char wanted) {
        const char c = co_await peek();
        if (c != wanted) throw unexpected(what, c);
        co_await take();
    }
    bastion::task<char> take() {
        const char c = co_await peek();
        ++at_;
        co_return c;
    }
    // The next character that is no blank.
    bastion::task<char> peek() {
        for (;; ++at_) {
            while (at_ == text_.size()) {
                auto more = co_await ctx_.recv<input>();
                text_ = std::move(more.text);
                client_ = more.from;
                at_ = 0;
            }
            if (text_[at_] != ' ') co_return text_[at_];
        }
    }

    bastion::context ctx_;
    bastion::child_ref client_;
    std::string text_;
    std::size_t at_ = 0;
};

bastion::process calculator(bastion::context ctx) {
    parser p(ctx);
    for (;;) co_await p.answer_one();
}

BASTION_MAIN(bastion::context ctx) {
    auto servers = ctx.spawn(bastion::children()
            .with_name("calculators")
            .with_restart_strategy(bastion::restart_strategy().immediate())
            .with_exec(calculator));
    co_await use_calculator(ctx, servers[0]);
}
