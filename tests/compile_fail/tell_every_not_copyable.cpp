// expect: tell_every sends copies: the message must be copyable
#include <bastion/bastion.hpp>

#include <chrono>

void wrong(bastion::context ctx) {
    (void)ctx.tell_every(std::chrono::seconds(1), ctx.self(), std::make_unique<int>(1));
}
