#include <bastion/bastion.hpp>

#include <cstdio>

namespace {

volatile int zero = 0;

// Divides by zero in its first life.
bastion::process divider(bastion::context ctx) {
    if (ctx.incarnation() == 0) std::printf("%d\n", 1 / zero);
    std::puts("divided by zero, and started again");
    ctx.runtime().stop();
    co_return;
}

} // namespace

int main() {
    const auto settings = bastion::config().with_hardware_faults(true);
    try {
        bastion::runtime rt(settings);
        (void)rt.spawn(bastion::children().with_name("divider").with_exec(divider));
        return rt.wait();
    } catch (const bastion::bad_config& e) { std::puts(e.what()); }
#if BASTION_CAN_THROW_FAULTS
    return 1;
#else
    return 0;
#endif
}
