// expect: request<R>: the question's answer_type is another type
#include <bastion/bastion.hpp>

struct age {
    using answer_type = int;
};

void wrong(bastion::child_ref ref) { (void)ref.request<double>(age{}); }
