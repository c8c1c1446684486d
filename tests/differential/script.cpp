#include "differential/script.hpp"

#include <algorithm>
#include <cstddef>
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
        text += (n.is_supervisor    ? "sup "
                    : n.is_template ? "temp "
                                    : "work ") +
                n.id + " " + n.home + " " + n.restart + " " + (n.significant ? "1" : "0") + " " + n.shutdown + " " +
                (n.late ? "late " : "now ");
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
        } else if (kind == "sup" || kind == "work" || kind == "temp") {
            node n;
            std::string when;
            n.is_supervisor = kind == "sup";
            n.is_template = kind == "temp";
            words >> n.id >> n.home >> n.restart >> n.significant >> n.shutdown >> when;
            n.late = when == "late";
            if (n.is_supervisor) words >> n.strategy >> n.intensity >> n.auto_shutdown;
            else words >> n.starts >> n.at_stop >> n.victim;
            if (!words) throw std::invalid_argument("not a node: " + line);
            s.nodes.push_back(std::move(n));
        } else if (kind == "step") {
            step w;
            words >> w.what >> w.whom >> std::ws;
            std::getline(words, w.with);
            if (w.what.empty()) throw std::invalid_argument("not a step: " + line);
            s.steps.push_back(std::move(w));
        } else if (kind != "end" && !kind.empty()) {
            throw std::invalid_argument("not a line of a script: " + line);
        }
    }
    return s;
}

std::string text_of(const description& d) {
    std::string text =
        d.strategy + " " + std::to_string(d.intensity) + " " + d.auto_shutdown + (d.has_period ? " wide" : " none");
    for (const node& n : d.below) text += " " + n.id + "," + n.restart + (n.significant ? ",1," : ",0,") + n.shutdown;
    return text;
}

description description_from(const script& s, const std::string& text) {
    description d;
    std::istringstream words(text);
    std::string period;
    words >> d.strategy >> d.intensity >> d.auto_shutdown >> period;
    d.has_period = period == "wide";
    for (std::string word; words >> word;) {
        std::istringstream fields(word);
        std::string id;
        std::string significant;
        std::getline(fields, id, ',');
        const node* const known = s.find(id);
        if (known == nullptr) throw std::invalid_argument("a change describes what is not there: " + word);
        node n = *known;
        std::getline(fields, n.restart, ',');
        std::getline(fields, significant, ',');
        std::getline(fields, n.shutdown, ',');
        n.significant = significant == "1";
        d.below.push_back(std::move(n));
    }
    return d;
}

trace unordered(const script& s, trace told) {
    // The supervisor whose children stop in no order; empty: the line is none of these.
    const auto home_of = [&s](const std::string& line) {
        if (!line.starts_with("stop ")) return std::string();
        const node* const n = s.find(line.substr(5, line.find(' ', 5) - 5));
        return n != nullptr && s.is_dynamic(*n) ? n->home : std::string();
    };
    for (std::size_t i = 0; i < told.size();) {
        const std::string home = home_of(told[i]);
        std::size_t end = i + 1;
        while (!home.empty() && end < told.size() && home_of(told[end]) == home) ++end;
        std::sort(told.begin() + static_cast<std::ptrdiff_t>(i), told.begin() + static_cast<std::ptrdiff_t>(end));
        i = end;
    }
    return told;
}

} // namespace differential
