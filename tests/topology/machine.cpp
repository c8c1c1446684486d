#include "support/catch.hpp"

#include <bastion/topology/machine.hpp>

#include <algorithm>
#include <sched.h>
#include <stdexcept>

using bastion::topology::described_machine;
using bastion::topology::machine;

namespace {

// Four cores of two kinds, as hwloc writes them; a second node has memory only.
const char* const hybrid_xml = R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE topology SYSTEM "hwloc2.dtd">
<topology version="2.0">
  <object type="Machine" os_index="0" cpuset="0xf" complete_cpuset="0xf" allowed_cpuset="0xf" nodeset="0x3"
      complete_nodeset="0x3" allowed_nodeset="0x3" gp_index="1">
    <object type="NUMANode" os_index="0" cpuset="0xf" complete_cpuset="0xf" nodeset="0x1" complete_nodeset="0x1"
        gp_index="2" local_memory="1073741824"/>
    <object type="NUMANode" os_index="1" cpuset="0x0" complete_cpuset="0x0" nodeset="0x2" complete_nodeset="0x2"
        gp_index="3" local_memory="2147483648"/>
    <object type="Core" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1" gp_index="4">
      <object type="PU" os_index="0" cpuset="0x1" complete_cpuset="0x1" nodeset="0x1" complete_nodeset="0x1" gp_index="8"/>
    </object>
    <object type="Core" os_index="1" cpuset="0x2" complete_cpuset="0x2" nodeset="0x1" complete_nodeset="0x1" gp_index="5">
      <object type="PU" os_index="1" cpuset="0x2" complete_cpuset="0x2" nodeset="0x1" complete_nodeset="0x1" gp_index="9"/>
    </object>
    <object type="Core" os_index="2" cpuset="0x4" complete_cpuset="0x4" nodeset="0x1" complete_nodeset="0x1" gp_index="6">
      <object type="PU" os_index="2" cpuset="0x4" complete_cpuset="0x4" nodeset="0x1" complete_nodeset="0x1" gp_index="10"/>
    </object>
    <object type="Core" os_index="3" cpuset="0x8" complete_cpuset="0x8" nodeset="0x1" complete_nodeset="0x1" gp_index="7">
      <object type="PU" os_index="3" cpuset="0x8" complete_cpuset="0x8" nodeset="0x1" complete_nodeset="0x1" gp_index="11"/>
    </object>
  </object>
  <cpukind cpuset="0x3" forced_efficiency="1"/>
  <cpukind cpuset="0xc" forced_efficiency="0"/>
</topology>
)";

} // namespace

TEST_CASE("the machine has the CPUs that this process may use") {
    const auto& here = bastion::topology::this_machine();
    cpu_set_t mask;
    CPU_ZERO(&mask);
    REQUIRE(sched_getaffinity(0, sizeof mask, &mask) == 0);
    CHECK(here.cpus.size() == static_cast<std::size_t>(CPU_COUNT(&mask)));
    for (const auto& cpu : here.cpus) {
        CHECK(CPU_ISSET(static_cast<std::size_t>(cpu.os_index), &mask));
        REQUIRE(static_cast<std::size_t>(cpu.node) < here.nodes.size());
        CHECK(here.distance(cpu.node, cpu.node) == 10);
    }
    CHECK(here.workers() >= 1);
    CHECK(here.workers() <= static_cast<int>(here.cpus.size()));
    CHECK_FALSE(here.synthetic);
    CHECK(here.warning.empty());
}

TEST_CASE("a quota bounds the workers") {
    machine m;
    m.cpus.resize(8);
    CHECK(m.workers() == 8);
    m.quota = 2.5;
    CHECK(m.workers() == 3);
    m.quota = 1.5;
    CHECK(m.workers() == 2);
    m.quota = 0.5;
    CHECK(m.workers() == 1);
    m.quota = 100;
    CHECK(m.workers() == 8);
}

TEST_CASE("a machine that is described: packages, nodes, caches, cores and their CPUs") {
    const machine m = described_machine("package:2 [numa] l3:1 l2:2 core:1 pu:2");
    CHECK(m.synthetic);
    CHECK(m.packages == 2);
    REQUIRE(m.nodes.size() == 2);
    REQUIRE(m.cpus.size() == 8);
    const auto& c = m.cpus[5];
    CHECK(c.os_index == 5);
    CHECK(c.package == 1);
    CHECK(c.node == 1);
    CHECK(c.l3 == 1);
    CHECK(c.l2 == 2);
    CHECK(c.core == 2);
    CHECK(c.smt == 1);
    CHECK(c.kind == -1);
    CHECK(m.distance(0, 1) > m.distance(1, 1));
    CHECK(m.distance(0, 7) == 20); // there is none
}

TEST_CASE("a machine that is described: kinds of CPUs, and a node with memory only") {
    const machine m = described_machine(hybrid_xml);
    REQUIRE(m.cpus.size() == 4);
    CHECK(m.cpus[0].kind > m.cpus[3].kind);
    CHECK(m.cpus[0].kind == m.cpus[1].kind);
    REQUIRE(m.nodes.size() == 2);
    CHECK(m.nodes[1].bytes == 2'147'483'648u);
    for (const auto& c : m.cpus) CHECK(c.node == 0);
}

TEST_CASE("a description that cannot be read says which") {
    CHECK_THROWS_WITH(described_machine("numa:x core"),
        BASTION_CATCH_CONTAINS("the machine \"numa:x core\" is no synthetic description of hwloc"));
    CHECK_THROWS_WITH(described_machine("<topology"), BASTION_CATCH_CONTAINS("is no XML of hwloc"));
}
