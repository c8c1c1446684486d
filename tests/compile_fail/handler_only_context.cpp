// expect: a handler is f(message) or f(context, message)
#include <bastion/bastion.hpp>

void wrong() {
    auto c = bastion::children().with_handlers(bastion::on_tell([](bastion::context) {}));
    (void)c;
}
