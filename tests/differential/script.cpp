#include "differential/script.hpp"

#include <sstream>
#include <stdexcept>

namespace differential {

std::string text_of(const step& s) {
    std::string text = s.what;
    if (!s.whom.empty()) text += " " + s.whom;
    if (!s.with.empty()) text += " " + s.with;
    return text;
}

std::string text_of(const script& s) {
    std::string text = "script " + std::to_string(s.number) + "\n";
    for (const node& n : s.nodes) {
        text += (n.is_supervisor ? "sup " : "work ") + n.id + " " + n.home + " " + n.restart + " " +
                (n.significant ? "1" : "0") + " " + n.shutdown + " " + (n.late ? "late " : "now ");
        if (n.is_supervisor) text += n.strategy + " " + std::to_string(n.intensity) + " " + n.auto_shutdown;
        else text += n.starts + " " + n.at_stop + " " + n.victim;
        text += "\n";
    }
    for (const step& w : s.steps) text += "step " + text_of(w) + "\n";
    return text + "end\n";
}

script script_from(const std::string& text) {
    script s;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string kind;
        words >> kind;
        if (kind == "script") {
            words >> s.number;
        } else if (kind == "sup" || kind == "work") {
            node n;
            std::string when;
            n.is_supervisor = kind == "sup";
            words >> n.id >> n.home >> n.restart >> n.significant >> n.shutdown >> when;
            n.late = when == "late";
            if (n.is_supervisor) words >> n.strategy >> n.intensity >> n.auto_shutdown;
            else words >> n.starts >> n.at_stop >> n.victim;
            if (!words) throw std::invalid_argument("not a node: " + line);
            s.nodes.push_back(std::move(n));
        } else if (kind == "step") {
            step w;
            words >> w.what >> w.whom >> w.with;
            if (w.what.empty()) throw std::invalid_argument("not a step: " + line);
            s.steps.push_back(std::move(w));
        } else if (kind != "end" && !kind.empty()) {
            throw std::invalid_argument("not a line of a script: " + line);
        }
    }
    return s;
}

} // namespace differential
