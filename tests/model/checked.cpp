#include "model/checked.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace model {
namespace {

// What a program does with a pointer that it read too early: a failure as any other.
class wild_pointers {
public:
    wild_pointers() {
        struct sigaction caught = {};
        caught.sa_handler = [](int) { fail("a wild pointer was followed"); };
        caught.sa_flags = SA_NODEFER;
        ::sigaction(SIGSEGV, &caught, &before_);
    }
    wild_pointers(const wild_pointers&) = delete;
    wild_pointers& operator=(const wild_pointers&) = delete;
    ~wild_pointers() { ::sigaction(SIGSEGV, &before_, nullptr); }

private:
    struct sigaction before_ = {};
};

void weaken_all(const program& p, limits l) {
    const wild_pointers caught;
    for (const site& met : sites_met(p, l)) {
        for (const std::memory_order order : weaker(met)) {
            site weakened = met;
            weakened.order = order;
            const outcome w = explore(p, l, &weakened);
            const std::string why = w.failure.substr(0, w.failure.find('\n'));
            std::printf("%s -> %s: %s\n", met.text().c_str(), name_of(order), why.empty() ? "SURVIVES" : why.c_str());
        }
    }
}

} // namespace

void check(const program& p, limits l) {
    const outcome o = explore(p, l);
    INFO(o.failure);
    CHECK(o.failure.empty());
    CHECK(o.complete);
    std::printf("%llu interleavings\n", static_cast<unsigned long long>(o.interleavings));
    if (std::getenv("BASTION_MODEL_WEAKEN") != nullptr) weaken_all(p, l);
}

} // namespace model
