// Ordinary code as a process: a recursive-descent parser that waits for more input wherever it happens to be. Its text comes in messages, torn
// anywhere; it calls itself as deep as the expression is nested, and where it looks at the next character the process waits, not the thread.
// 26_calculator_coroutines does the same without a stack of its own.
#include "calculator.hpp"

class parser {
public:
    explicit parser(const bastion::fiber_context& ctx) : ctx_(ctx) { text_.clear(); }

    // The value of the next expression, or what is wrong with it, for who has sent it.
    void answer_one() {
        try {
            const double result = sum();
            expect("';'", ';');
            client_.tell(value{result});
        } catch (const std::runtime_error& e) {
            while (take() != ';') {}
            client_.tell(mistake{e.what()});
        }
    }

private:
    double sum() {
        double left = product();
        for (;;) {
            const char c = peek();
            if (c != '+' && c != '-') return left;
            take();
            const double right = product();
            left = c == '+' ? left + right : left - right;
        }
    }
    double product() {
        double left = factor();
        for (;;) {
            const char c = peek();
            if (c != '*' && c != '/') return left;
            take();
            const double right = factor();
            left = c == '*' ? left * right : left / right;
        }
    }
    double factor() {
        if (peek() == '-') {
            take();
            return -factor();
        }
        if (peek() != '(') return number();
        take();
        const double inner = sum();
        expect("')'", ')');
        return inner;
    }
    double number() {
        if (!is_digit(peek())) throw unexpected("a number", peek());
        double n = 0;
        while (is_digit(peek())) n = 10 * n + (take() - '0');
        return n;
    }

    void expect(const char* what, char c) {
        if (peek() != c) throw unexpected(what, peek());
        take();
    }
    char take() {
        const char c = peek();
        ++at_;
        return c;
    }
    // The next character that is no blank.
    char peek() {
        for (;; ++at_) {
            while (at_ == text_.size()) receive();
            if (text_[at_] != ' ') return text_[at_];
        }
    }
    void receive() {
        auto more = ctx_.recv<input>();
        text_ = std::move(more.text);
        client_ = more.from;
        at_ = 0;
    }

    bastion::fiber_context ctx_;
    bastion::child_ref client_;
    std::string& text_ = ctx_.data<std::string>(); // not on the stack: if that overflows nothing on it is destroyed
    std::size_t at_ = 0;
};

void calculator(bastion::fiber_context ctx) {
    parser p(ctx);
    for (;;) p.answer_one();
}

BASTION_MAIN(bastion::context ctx) {
    auto servers = ctx.spawn(bastion::children()
            .with_name("calculators")
            .with_restart_strategy(bastion::restart_strategy().immediate())
            .with_data(std::string())
            .with_fiber(calculator, 256 << 10)); // bytes of stack
    co_await use_calculator(ctx, servers[0]);
}
