// expect: a template is a coroutine bastion::process f(bastion::context, arguments...)
#include <bastion/bastion.hpp>

int main() {
    bastion::runtime rt;
    (void)rt.spawn(bastion::supervisor()
            .with_strategy(bastion::strategy::simple_one_for_one)
            .with_children(bastion::children().with_template([](bastion::context, int) { return 1; })));
}
