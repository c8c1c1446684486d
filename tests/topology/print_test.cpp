#include "support/catch.hpp"

#include <bastion/topology/print.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace bastion::topology;

namespace {

std::size_t count_of(const std::string& text, const std::string& what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
}

struct box {
    std::string kind;
    int left, top, right, bottom;

    [[nodiscard]] bool overlaps(const box& b) const {
        return left < b.right && b.left < right && top < b.bottom && b.top < bottom;
    }
    [[nodiscard]] bool holds(const box& b) const {
        return left <= b.left && b.right <= right && top <= b.top && b.bottom <= bottom;
    }
};

std::string attribute(const std::string& tag, const std::string& name) {
    const auto at = tag.find(" " + name + "=\"");
    REQUIRE(at != std::string::npos);
    const auto begin = at + name.size() + 3;
    return tag.substr(begin, tag.find('"', begin) - begin);
}
int number(const std::string& tag, const std::string& name) { return std::stoi(attribute(tag, name)); }

// An element as it is written: its tag, and what stands in it.
struct element {
    std::string tag, text;
};

// All of them, in turn. Fails if it is not well-formed; of what XML has only elements, attributes and references.
std::vector<element> elements_of(const std::string& xml) {
    std::vector<element> all;
    std::vector<std::string> open;
    const auto plain = [](std::string_view text) {
        for (std::size_t i = 0; i < text.size(); ++i) {
            const auto c = static_cast<unsigned char>(text[i]);
            if ((c < ' ' && c != '\n') || c >= 0x7f || c == '>') return false;
            if (c != '&') continue;
            bool known = false;
            for (const std::string_view name : {"&lt;", "&gt;", "&amp;", "&quot;"})
                known = known || text.substr(i, name.size()) == name;
            if (!known) return false;
        }
        return true;
    };
    for (std::size_t at = 0; at < xml.size();) {
        REQUIRE(xml[at] == '<');
        const auto end = xml.find('>', at);
        REQUIRE(end != std::string::npos);
        std::string tag = xml.substr(at + 1, end - at - 1);
        const auto next = std::min(xml.find('<', end), xml.size());
        const std::string text = xml.substr(end + 1, next - end - 1);
        REQUIRE(plain(tag));
        REQUIRE(plain(text));
        REQUIRE(count_of(tag, "\"") % 2 == 0);
        if (tag.front() == '/') {
            REQUIRE(!open.empty());
            REQUIRE(open.back() == tag.substr(1));
            open.pop_back();
        } else {
            if (tag.back() != '/') open.push_back(tag.substr(0, tag.find(' ')));
            all.push_back({tag, text});
        }
        REQUIRE((!open.empty() || text.find_first_not_of('\n') == std::string::npos));
        at = next;
    }
    REQUIRE(open.empty());
    return all;
}

// The picture, if it is one: all is within it, no box or text over another one of its kind, nor over the edge of what it is in.
std::string drawn(const machine& m, const worker_plan& plan) {
    std::string svg = to_svg(m, plan);
    std::vector<box> boxes, texts;
    const auto elements = elements_of(svg);
    const box all{"all", 0, 0, number(elements.front().tag, "width"), number(elements.front().tag, "height")};
    for (const element& e : elements) {
        if (e.tag.rfind("rect", 0) == 0) {
            const int x = number(e.tag, "x"), y = number(e.tag, "y");
            boxes.push_back({attribute(e.tag, "class"), x, y, x + number(e.tag, "width"), y + number(e.tag, "height")});
        } else if (e.tag.rfind("text", 0) == 0) {
            const int x = number(e.tag, "x"), y = number(e.tag, "y");
            std::string shown = e.text;
            for (auto at = shown.find('&'); at != std::string::npos; at = shown.find('&', at + 1))
                shown.erase(at + 1, shown.find(';', at) - at);
            texts.push_back({e.text, x, y - 10, x + static_cast<int>(7.3 * static_cast<double>(shown.size())), y + 3});
        }
    }
    const auto strays = [](const box& a, const box& b) { return a.overlaps(b) && !a.holds(b) && !b.holds(a); };
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        if (!all.holds(boxes[i])) FAIL(boxes[i].kind);
        for (std::size_t k = 0; k < i; ++k)
            if (strays(boxes[i], boxes[k]) || (boxes[i].overlaps(boxes[k]) && boxes[i].kind == boxes[k].kind))
                FAIL(boxes[i].kind << " over " << boxes[k].kind);
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (!all.holds(texts[i])) FAIL(texts[i].kind);
        for (const box& b : boxes)
            if (texts[i].overlaps(b) && !b.holds(texts[i])) FAIL(texts[i].kind << " over the edge of " << b.kind);
        for (std::size_t k = 0; k < i; ++k)
            if (texts[i].overlaps(texts[k])) FAIL(texts[i].kind << " over " << texts[k].kind);
    }
    return svg;
}

// "worker 0: 1 | 2 3": what stands behind the name of each worker, in boxes.
std::vector<std::string> rows_of(const std::string& svg) {
    std::vector<std::string> rows;
    const auto elements = elements_of(svg);
    auto e = std::find_if(elements.begin(), elements.end(),
        [](const element& one) { return one.tag.find("class=\"row\"") != std::string::npos; });
    for (bool first = true; e != elements.end(); ++e) {
        if (e->tag.find("class=\"row\"") != std::string::npos) {
            rows.push_back(e->text + ":");
            first = true;
        } else if (e->tag.rfind("text", 0) == 0) {
            rows.back() += (first ? " " : " | ") + e->text;
            first = false;
        }
    }
    return rows;
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
    const std::string svg = drawn(m, plan_workers(m, {.workers = 3}));
    CHECK(svg.rfind("<svg ", 0) == 0);
    CHECK(count_of(svg, "class=\"node\"") == 2);
    CHECK(count_of(svg, "class=\"core\"") == 4);
    CHECK(count_of(svg, "class=\"cpu idle\"") == 5);
    CHECK(count_of(svg, "class=\"cpu\"") == 3);
    CHECK_THAT(svg, BASTION_CATCH_CONTAINS(">2 NUMA nodes, ") || BASTION_CATCH_CONTAINS(", 2 NUMA nodes, "));
    CHECK_THAT(svg, BASTION_CATCH_CONTAINS("it is only described: nothing is pinned<"));
    CHECK_THAT(svg, BASTION_CATCH_CONTAINS(">node 0: memory 1.0 GiB; distances 10 20<"));
    const std::string shared = drawn(m, plan_workers(m, {.workers = 9}));
    CHECK_THAT(shared, BASTION_CATCH_CONTAINS(">workers 0 8<"));
}

TEST_CASE("the picture says what workers are bound to, and whom they turn to") {
    const machine described = described_machine("numa:2 core:2 pu:2");
    const std::string synthetic = drawn(described, plan_workers(described));
    CHECK(count_of(synthetic, ">not bound<") == 8);
    CHECK(count_of(synthetic, ">bound to ") == 0);
    // Of the same core, the same node, the other one.
    CHECK(rows_of(synthetic)[0] == "worker 0: 1 | 2 3 | 4 5 6 7");
    CHECK(rows_of(synthetic)[5] == "worker 5: 4 | 6 7 | 0 1 2 3");
    CHECK(count_of(synthetic, "class=\"near\"") == 16);
    CHECK(count_of(synthetic, "class=\"far\"") == 8);

    machine there = described;
    there.synthetic = false;
    const std::string pinned = drawn(there, plan_workers(there));
    for (const char* cpu : {"0", "3", "7"}) CHECK(count_of(pinned, ">CPU " + std::string(cpu) + "<") == 1);
    for (const char* cpu : {"0", "3", "7"}) CHECK(count_of(pinned, ">bound to " + std::string(cpu) + "<") == 1);
    CHECK(rows_of(pinned)[7] == "worker 7: 6 | 4 5 | 0 1 2 3");
    const std::string few = drawn(there, plan_workers(there, {.workers = 2}));
    CHECK(count_of(few, ">bound to 0-3<") == 2);
    CHECK(rows_of(few)[1] == "worker 1: 0");
    CHECK(rows_of(drawn(there, plan_workers(there, {.workers = 1})))[0] == "worker 0: nobody");
}

TEST_CASE("nothing in a picture overlaps, and it is XML whatever the machine is") {
    for (const char* text : {"pu:1", "numa:2 core:2 pu:2", "package:2 [numa] [numa] core:2 pu:1", "core:2 pu:32",
             "numa:16 core:1 pu:1", "package:2 l3:8 core:8 pu:2", "numa:4 core:16 pu:1"}) {
        INFO(text);
        machine m = described_machine(text);
        (void)drawn(m, plan_workers(m));
        m.synthetic = false;
        (void)drawn(m, plan_workers(m));
        (void)drawn(m, plan_workers(m, {.workers = 1}));
        (void)drawn(m, plan_workers(m, {.workers = 200}));
        std::erase_if(m.cpus, [&m](const cpu& c) { return m.cpus.size() > 1 && c.os_index % 2 == 1; });
        (void)drawn(m, plan_workers(m, {.workers = 3}));
        for (cpu& c : m.cpus) c.core = -1;
        (void)drawn(m, plan_workers(m));
    }
    machine m = described_machine("core:2 pu:1");
    m.quota = 1.5;
    m.warning = "HWLOC_SYNTHETIC=<\"a&b'\x01\xff> " + std::string(2'000, 'x') + " is no description";
    const std::string svg = drawn(m, plan_workers(m));
    CHECK_THAT(svg, BASTION_CATCH_CONTAINS("warning: HWLOC_SYNTHETIC=&lt;&quot;a&amp;b'??&gt;"));
    CHECK_THAT(svg, BASTION_CATCH_CONTAINS(">quota: 1.5 CPUs<"));
}

TEST_CASE("one CPU is one") {
    machine m = described_machine("core:2 pu:1");
    m.quota = 1;
    CHECK_THAT(to_table(m, plan_workers(m)), BASTION_CATCH_CONTAINS("quota: 1 CPU\n"));
    CHECK_THAT(drawn(m, plan_workers(m)), BASTION_CATCH_CONTAINS(">quota: 1 CPU<"));
}
