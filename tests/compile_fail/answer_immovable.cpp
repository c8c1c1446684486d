// expect: a message must be movable
#include <bastion/bastion.hpp>

struct fixed {
    fixed() = default;
    fixed(fixed&&) = delete;
};

bastion::process wrong(bastion::context ctx) {
    auto to = ctx.self();
    auto r = co_await to.request<fixed>(5);
}
