#include "model/checked.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>

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

// The statement at a place, as it stands in the source, without its comment; its line where the source is not found (a
// compiler cache may have made the path relative to another folder): places are never confused.
std::string statement_at(const bastion::source_location& where) {
    std::ifstream file(where.file_name());
    if (!file) return "line " + std::to_string(where.line());
    std::string line;
    for (int i = 0; i < where.line(); ++i) std::getline(file, line);
    line = line.substr(0, line.find("//"));
    const auto first = line.find_first_not_of(' ');
    const auto last = line.find_last_not_of(' ');
    return first == std::string::npos ? std::string() : line.substr(first, last - first + 1);
}

// One line for each: weaken.sh reads them. What fails as it is would fail weakened, too, and prove nothing.
void weaken_all(const program& p, limits l) {
    const wild_pointers caught;
    const outcome as_it_is = explore(p, l);
    INFO(as_it_is.failure);
    REQUIRE(as_it_is.failure.empty());
    REQUIRE(as_it_is.complete);
    for (const site& met : sites_met(p, l)) {
        const std::string file = met.where.to_string();
        if (file.find("_model.cpp:") != std::string::npos) continue; // the program's own
        for (const std::memory_order order : weaker(met)) {
            site weakened = met;
            weakened.order = order;
            const outcome w = explore(p, l, &weakened);
            const std::string why = w.failure.substr(0, w.failure.find('\n'));
            std::printf("weakened :: %s :: %s :: %s :: %s :: %s -> %s :: %s\n", file.c_str(), met.where.function_name(),
                statement_at(met.where).c_str(), name_of(met.what), name_of(met.order), name_of(order),
                why.empty() ? "survives" : why.c_str());
        }
    }
}

} // namespace

namespace {

void pass(const program& p, limits l, const char* how) {
    std::optional<wild_pointers> caught; // of runs that turn out to be none
    if (l.late_reads) caught.emplace();
    const outcome o = explore(p, l);
    INFO(o.failure);
    CHECK(o.failure.empty());
    CHECK(o.complete);
    std::printf(
        "%llu interleavings %s %d preemptions\n", static_cast<unsigned long long>(o.interleavings), how, l.preemptions);
}

} // namespace

void check(const program& p, limits l, int quick_preemptions, int late_preemptions) {
    const char* const mode = std::getenv("BASTION_MODEL");
    limits quick = l;
    quick.preemptions = std::min(l.preemptions, quick_preemptions);
    if (mode != nullptr && std::strcmp(mode, "weaken") == 0) return weaken_all(p, quick);
    const bool full = mode != nullptr && std::strcmp(mode, "full") == 0;
    pass(p, full ? l : quick, "of");
    if (!full || l.late_reads || late_preemptions < 0) return;
    l.late_reads = true;
    l.stale_reads = std::min(l.stale_reads, 1);
    l.preemptions = late_preemptions;
    pass(p, l, "and late reads with");
}

} // namespace model
