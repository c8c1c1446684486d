// expect: the answer does not fit the question's answer_type
#include <bastion/bastion.hpp>

#include <string>

struct age {
    using answer_type = int;
};

void wrong() {
    auto c = bastion::children().with_handlers(bastion::on_question([](age) { return std::string("old"); }));
    (void)c;
}
