// expect: a body is called as const with a bastion::context
#include <bastion/bastion.hpp>

bastion::process body();

void wrong() {
    auto c = bastion::children().with_exec(body);
    (void)c;
}
