// expect: match takes on_tell(f), on_question(f), on_broadcast(f), otherwise(f)
#include <bastion/bastion.hpp>

void wrong(bastion::message& m) {
    m.match([](int) {});
}
