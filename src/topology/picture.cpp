// A machine and its workers as an SVG document.
#include "topology/words.hpp"

#include <bastion/topology/cpu_list.hpp>
#include <bastion/topology/print.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bastion::topology {
namespace {

constexpr int gap = 10, margin = 6, line = 16; // between things, within a frame, of a line of text
constexpr int row = 1200; // cores, and a worker's order, begin another line behind that
constexpr std::size_t box_columns = 14,
                      row_columns = 140; // of text in a CPU, and of one that is as wide as the picture

using lines = std::vector<std::string>;

// With some room to spare: a font of 12 px, all characters of which are as wide.
int width_of(std::string_view text) { return static_cast<int>(text.size() * 15 / 2) + 1; }
int width_of(const lines& text) {
    int widest = 0;
    for (const std::string& one : text) widest = std::max(widest, width_of(one));
    return widest;
}
int height_of(const lines& text) { return line * static_cast<int>(text.size()); }

// What XML cannot hold, and what is as wide as nobody knows, becomes '?'.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else if (c == '&') out += "&amp;";
        else if (c == '"') out += "&quot;";
        else out += c >= ' ' && c <= '~' ? c : '?';
    }
    return out;
}

// Broken at blanks and behind commas, and within a word that is longer than a line.
lines wrapped(std::string_view text, std::size_t columns) {
    lines all(1);
    while (!text.empty()) {
        const std::size_t end = std::min({text.find_first_of(" ,"), text.size() - 1, columns - 1}) + 1;
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(end);
        if (all.back().size() + word.size() - (word.back() == ' ' ? 1 : 0) > columns) all.emplace_back();
        all.back() += word;
    }
    for (std::string& one : all)
        if (!one.empty() && one.back() == ' ') one.pop_back();
    return all;
}

// Grows with what is drawn.
class picture {
public:
    void frame(const char* kind, int x, int y, int width, int height) {
        body_ += fmt::format(
            "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"3\"/>\n", kind, x, y, width, height);
        reach(x + width, y + height);
    }
    // From its upper left corner.
    void text(const char* kind, int x, int y, const lines& all) {
        for (const std::string& one : all) {
            body_ += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>\n", kind, x, y + 12, escaped(one));
            reach(x + width_of(one), y + line);
            y += line;
        }
    }
    // Where there is nothing yet.
    [[nodiscard]] int below() const noexcept { return bottom_ + gap; }
    [[nodiscard]] std::string document() const {
        return fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" "
                           "font-family=\"monospace\" font-size=\"12\">\n<style>{}</style>\n"
                           "<rect class=\"paper\" x=\"0\" y=\"0\" width=\"{}\" height=\"{}\"/>\n{}</svg>\n",
            right_ + gap, below(), style, right_ + gap, below(), body_);
    }

private:
    static constexpr const char* style = "rect{stroke:#5b6b7b} .paper{fill:#fff;stroke:none} .node{fill:#eef3fa} "
                                         ".core{fill:#dbe7f5} .cpu{fill:#b8d8b8} .idle{fill:#fff} "
                                         ".near{fill:#d5ead5} .far{fill:#f6e7c3} .head{font-weight:bold}";

    void reach(int x, int y) noexcept {
        right_ = std::max(right_, x);
        bottom_ = std::max(bottom_, y);
    }

    std::string body_;
    int right_ = 0;
    int bottom_ = 0;
};

// What stands in each CPU, by its number, and how large all are therefore.
struct cpu_boxes {
    std::map<int, std::pair<lines, bool>> text; // true: it has workers
    int width = 0;
    int height = 0;
};

cpu_boxes boxes_of(const machine& on, const worker_plan& plan) {
    std::map<int, std::vector<std::size_t>> workers;
    for (std::size_t i = 0; i < plan.workers.size(); ++i) workers[plan.workers[i].where.os_index].push_back(i);
    cpu_boxes all;
    for (const cpu& c : on.cpus) {
        lines text{fmt::format("CPU {}", c.os_index)};
        const auto add = [&text](const std::string& more) {
            for (std::string& one : wrapped(more, box_columns)) text.push_back(std::move(one));
        };
        const auto found = workers.find(c.os_index);
        if (found != workers.end()) {
            std::string who = found->second.size() == 1 ? "worker" : "workers";
            for (const std::size_t i : found->second) who += fmt::format(" {}", i);
            add(who);
            // All of them are bound to the same.
            const std::vector<int>& to = plan.workers[found->second.front()].bound_to;
            add(to.empty() ? "not bound" : "bound to " + to_list(to));
        }
        all.width = std::max(all.width, width_of(text) + 2 * margin);
        all.height = std::max(all.height, height_of(text) + 2 * margin);
        all.text[c.os_index] = {std::move(text), found != workers.end()};
    }
    return all;
}

void draw_core(picture& to, const cpu_boxes& boxes, const std::vector<const cpu*>& cpus, int x, int y) {
    const int core = cpus.front()->core;
    to.text("title", x + gap, y + margin, {core < 0 ? "core" : fmt::format("core {}", core)});
    for (std::size_t i = 0; i < cpus.size(); ++i) {
        const auto& [text, taken] = boxes.text.at(cpus[i]->os_index);
        const int at = x + gap + static_cast<int>(i) * (boxes.width + gap);
        to.frame(taken ? "cpu" : "cpu idle", at, y + margin + line + margin, boxes.width, boxes.height);
        to.text("in", at + margin, y + margin + line + 2 * margin, text);
    }
}

void draw_node(picture& to, const machine& on, const cpu_boxes& boxes, std::size_t node) {
    std::map<int, std::vector<const cpu*>> cores;
    for (const cpu& c : on.cpus)
        if (static_cast<std::size_t>(c.node) == node) cores[c.core < 0 ? -1 - c.os_index : c.core].push_back(&c);
    const lines title =
        wrapped(fmt::format("node {}: memory {}{}; {}", node, words::size_of(on.nodes[node].bytes),
                    cores.empty() ? "; no CPUs that workers may have" : "", words::distances_of(on, node)),
            row_columns);
    const int top = to.below();
    const int core_height = margin + line + margin + boxes.height + gap;
    int width = width_of(title) + 2 * gap;
    int x = 2 * gap;
    int y = top + margin + height_of(title) + margin;
    struct place {
        const std::vector<const cpu*>* cpus;
        int x, y, width;
    };
    std::vector<place> places;
    for (const auto& [number, cpus] : cores) {
        const int core_width = static_cast<int>(cpus.size()) * (boxes.width + gap) + gap;
        if (x > 2 * gap && x + core_width > row) {
            x = 2 * gap;
            y += core_height + gap;
        }
        places.push_back({&cpus, x, y, core_width});
        x += core_width + gap;
        width = std::max(width, x - gap);
    }
    const int bottom = cores.empty() ? y : y + core_height + gap;
    to.frame("node", gap, top, width, bottom - top);
    to.text("title", 2 * gap, top + margin, title);
    for (const place& p : places) {
        to.frame("core", p.x, p.y, p.width, core_height);
        draw_core(to, boxes, *p.cpus, p.x, p.y);
    }
}

// Behind its name a box for all that are as far.
void draw_order(picture& to, const machine& on, const worker_plan& plan, std::size_t worker, int x) {
    const planned_worker& self = plan.workers[worker];
    const int top = to.below();
    to.text("row", gap, top + margin, {fmt::format("worker {}", worker)});
    const std::vector<std::string> groups = words::turns_to(on, plan, worker);
    if (groups.empty()) to.text("in", x + margin, top + margin, {"nobody"});
    int at = x;
    int y = top;
    int lowest = top;
    std::size_t passed = 0;
    for (const std::string& group : groups) {
        const lines text = wrapped(group, row_columns);
        const int width = width_of(text) + 2 * margin;
        const int height = height_of(text) + 2 * margin;
        if (at > x && at + width > row) {
            at = x;
            y = lowest + margin;
        }
        to.frame(passed < self.near ? "near" : "far", at, y, width, height);
        to.text("in", at + margin, y + margin, text);
        passed += static_cast<std::size_t>(std::count(group.begin(), group.end(), ' ')) + 1;
        at += width + margin;
        lowest = std::max(lowest, y + height);
    }
}

} // namespace

std::string to_svg(const machine& on, const worker_plan& plan) {
    picture all;
    all.text("head", gap, gap, wrapped(words::summary(on), row_columns));
    if (!on.warning.empty()) all.text("head", gap, all.below(), wrapped("warning: " + on.warning, row_columns));
    all.text("head", gap, all.below(), {words::quota_of(on)});
    const cpu_boxes boxes = boxes_of(on, plan);
    for (std::size_t node = 0; node < on.nodes.size(); ++node) draw_node(all, on, boxes, node);
    all.text("head", gap, all.below(),
        {"whom each worker steals from, and wakes: the nearest first, in one box who is as far",
            "green: on its node; yellow: on another one"});
    const int x = gap + width_of(fmt::format("worker {}", plan.workers.size())) + gap;
    for (std::size_t i = 0; i < plan.workers.size(); ++i) draw_order(all, on, plan, i, x);
    return all.document();
}

} // namespace bastion::topology
