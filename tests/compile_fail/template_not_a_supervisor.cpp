// expect: a template of supervisors is a function bastion::supervisor f(arguments...)
#include <bastion/bastion.hpp>

int main() {
    bastion::runtime rt;
    (void)rt.spawn(
        bastion::supervisor().with_strategy(bastion::strategy::simple_one_for_one).with_supervisor_template([](int) {
            return bastion::children();
        }));
}
