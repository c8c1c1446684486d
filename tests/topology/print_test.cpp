#include "support/catch.hpp"

#include <bastion/topology/print.hpp>

#include <string>

using namespace bastion::topology;

namespace {

std::size_t count_of(const std::string& text, const std::string& what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
}

} // namespace

TEST_CASE("a machine and its workers as a table") {
    machine m = described_machine("package:2 [numa(memory=2147483648)] [numa(memory=536870912)] l2:2 core:1 pu:2");
    m.quota = 4.5;
    CHECK(to_table(m, plan_workers(m)) ==
          "machine: 2 packages, 4 NUMA nodes, 4 cores, 8 CPUs; it is only described: nothing is pinned\n"
          "quota: 4.5 CPUs\n"
          "node 0: memory 2.0 GiB; CPUs 0-3; distances 10 20 20 20\n"
          "node 1: memory 512 MiB; CPUs none that workers may have; distances 20 10 20 20\n"
          "node 2: memory 2.0 GiB; CPUs 4-7; distances 20 20 10 20\n"
          "node 3: memory 512 MiB; CPUs none that workers may have; distances 20 20 20 10\n"
          "\n"
          "worker   CPU  core  node  kind  bound to  steals from, and wakes\n"
          "     0     0     0     0     -         -  1 | 2 | 3 4\n"
          "     1     1     0     0     -         -  0 | 2 | 3 4\n"
          "     2     2     1     0     -         -  0 1 | 3 4\n"
          "     3     4     2     2     -         -  4 | 0 1 2\n"
          "     4     6     3     2     -         -  3 | 0 1 2\n");
}

TEST_CASE("what is not known of a machine is said") {
    machine m;
    m.cpus.resize(1);
    m.warning = "nobody knows it";
    const std::string text = to_table(m, plan_workers(m, {.pinning = pinning::never}));
    CHECK_THAT(text, BASTION_CATCH_CONTAINS("warning: nobody knows it\nquota: none\nnode 0: memory unknown; CPUs 0;"));
    CHECK_THAT(text, BASTION_CATCH_CONTAINS("     0     0     -     0     -         -  \n"));
}

TEST_CASE("the table says what workers are bound to") {
    machine m = described_machine("numa:2 core:6 pu:1");
    m.synthetic = false;
    const std::string text = to_table(m, plan_workers(m, {.workers = 2, .cpus = {0, 2, 4, 8}}));
    CHECK_THAT(text, BASTION_CATCH_CONTAINS("worker   CPU  core  node  kind  bound to  steals"));
    CHECK_THAT(text, BASTION_CATCH_CONTAINS("     1     2     2     0     -     0,2,4  0\n"));
}

TEST_CASE("a machine and its workers as a picture") {
    const machine m = described_machine("numa:2 core:2 pu:2");
    const std::string svg = to_svg(m, plan_workers(m, {.workers = 3}));
    CHECK(svg.rfind("<svg ", 0) == 0);
    CHECK(count_of(svg, "<rect ") == 2 + 4 + 8); // nodes, cores, CPUs
    CHECK(count_of(svg, ">w ") == 3);
    CHECK(count_of(svg, "<text ") == count_of(svg, "</text>"));
    const std::string shared = to_svg(m, plan_workers(m, {.workers = 9}));
    CHECK_THAT(shared, BASTION_CATCH_CONTAINS(">w 0 8</text>"));
}
