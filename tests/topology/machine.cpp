#include "support/catch.hpp"

#include <bastion/topology/machine.hpp>

#include <sched.h>

using bastion::topology::parse_cpu_max;

TEST_CASE("the machine has the CPUs that this process may use") {
    const auto& machine = bastion::topology::this_machine();
    cpu_set_t mask;
    CPU_ZERO(&mask);
    REQUIRE(sched_getaffinity(0, sizeof mask, &mask) == 0);
    CHECK(machine.cpus.size() == static_cast<std::size_t>(CPU_COUNT(&mask)));
    for (const auto& cpu : machine.cpus) CHECK(CPU_ISSET(static_cast<std::size_t>(cpu.os_index), &mask));
    CHECK(machine.workers() >= 1);
    CHECK(machine.workers() <= static_cast<int>(machine.cpus.size()));
}

TEST_CASE("a quota bounds the workers") {
    bastion::topology::machine m;
    m.cpus.resize(8);
    CHECK(m.workers() == 8);
    m.quota = 2.5;
    CHECK(m.workers() == 3);
    m.quota = 0.5;
    CHECK(m.workers() == 1);
    m.quota = 100;
    CHECK(m.workers() == 8);
}

TEST_CASE("the nodes of so many workers") {
    bastion::topology::machine m;
    m.cpus.resize(6);
    m.cpus[4].node = m.cpus[5].node = 2; // a node between has memory only
    m.nodes = 3;
    CHECK(m.nodes_of(1) == 1);
    CHECK(m.nodes_of(4) == 1);
    CHECK(m.nodes_of(5) == 2);
    CHECK(m.nodes_of(100) == 2);
    CHECK(m.nodes_of(0) == 1);
}

TEST_CASE("cpu.max is read as the kernel writes it") {
    CHECK(parse_cpu_max("max 100000") == 0);
    CHECK(parse_cpu_max("150000 100000") == 1.5);
    CHECK(parse_cpu_max("") == 0);
    CHECK(parse_cpu_max("nonsense") == 0);
    CHECK(parse_cpu_max("100 0") == 0);
}
