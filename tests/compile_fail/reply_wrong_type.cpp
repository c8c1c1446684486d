// expect: the answer does not fit the question's answer_type
#include <bastion/bastion.hpp>

#include <string>

struct age {
    using answer_type = int;
};

void wrong(bastion::question<age>& q) { q.reply(std::string("old")); }
