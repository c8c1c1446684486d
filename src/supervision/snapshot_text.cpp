// A snapshot for people: a line about the runtime, then the tree, one line for each.
#include "supervision/owner.hpp"
#include "supervision/snapshot_words.hpp"

#include <numeric>
#include <ostream>

namespace bastion {
namespace detail {
namespace {

void append_count(std::string& to, std::size_t n, std::string_view one) {
    ((to += std::to_string(n)) += ' ') += one;
    if (n != 1) to += 's';
}

// "at home on node 1", "bound to node 1"; of a group also "spread", "near another process, bound".
std::string words_of(const placement& p) {
    if (p.what() == placement::kind::node)
        return (p.is_bound() ? "bound to node " : "at home on node ") + std::to_string(p.number());
    std::string text(word_of(p.what()));
    if (p.what() == placement::kind::near) text += " another process";
    if (p.is_bound()) text += ", bound";
    return text;
}

void append_facts(std::string& to, const snapshot_entry& e) {
    const auto fact = [&to](std::string_view text) { (to += ", ") += text; };
    to += to_string(e.status);
    if (e.reason) {
        to += " after ";
        append_readable(to, e.reason->what());
    }
    if (e.strategy) fact(word_of(*e.strategy));
    if (e.restart && e.kind != snapshot_kind::element) fact(word_of(*e.restart));
    if (e.significant) fact("significant");
    if (e.kind == snapshot_kind::group && e.known == snapshot_knowledge::whole) {
        to += ", ";
        append_count(to, e.total, "element");
    }
    if (e.restarts.value_or(0) != 0) {
        to += ", ";
        append_count(to, *e.restarts, "restart");
    }
    if (e.unread && e.unread->messages != 0) {
        to += e.unread->exact ? ", " : ", at least ";
        (to += std::to_string(e.unread->messages)) += " unread";
    }
    if (!e.in_hand.empty()) {
        to += ", handles ";
        append_readable(to, e.in_hand);
    }
    if (e.placement) fact(words_of(*e.placement));
    if (e.age) fact("up " + readable(*e.age));
    if (e.known == snapshot_knowledge::missing) fact("did not answer");
    if (e.known == snapshot_knowledge::cut) fact("not asked");
    // Of an element its group says it, but for those that were spawned each in its own place.
    if (e.where.known() && e.kind != snapshot_kind::element) fact(e.where.to_string());
}

// Nothing was ever spawned there.
bool is_hidden(const snapshot_entry& e) noexcept {
    return e.implicit && e.total == 0 && e.known == snapshot_knowledge::whole;
}

void append_tree(std::string& to, const snapshot_entry& e, std::string& before, bool says_where) {
    const std::string_view name = e.path == "/" ? std::string_view("/") : std::string_view(e.name);
    append_readable(to, name);
    if (e.kind == snapshot_kind::supervisor && e.path != "/") to += '/';
    to += ": ";
    append_facts(to, e);
    if (says_where && e.where.known()) (to += ", ") += e.where.to_string();
    to += '\n';
    const std::size_t more = e.unlisted();
    std::size_t last = e.children.size();
    while (last > 0 && is_hidden(e.children[last - 1])) --last;
    for (std::size_t i = 0; i < last; ++i) {
        if (is_hidden(e.children[i])) continue;
        const bool ends = i + 1 == last && more == 0;
        const std::size_t length = before.size();
        (to += before) += ends ? "`- " : "|- ";
        before += ends ? "   " : "|  ";
        append_tree(to, e.children[i], before, e.implicit);
        before.resize(length);
    }
    if (more == 0) return;
    (((to += before) += "`- and ") += std::to_string(more)) += " more\n";
}

} // namespace
} // namespace detail

std::string to_string(const snapshot_entry& tree) {
    std::string text;
    std::string before;
    detail::append_tree(text, tree, before, false);
    return text;
}

std::string to_string(const snapshot& s) {
    std::string text = "runtime: " + std::string(to_string(s.stage)) + ", up " + detail::readable(s.uptime) + ", ";
    detail::append_count(text, s.workers, "worker");
    text += ", ";
    detail::append_count(text, s.supervisors, "supervisor");
    text += ", ";
    detail::append_count(text, s.groups, "group");
    text += ", ";
    detail::append_count(text, s.elements, "element");
    text += ", ";
    detail::append_count(
        text, std::accumulate(s.dead_letters.begin(), s.dead_letters.end(), std::uint64_t{0}), "dead letter");
    text += '\n';
    if (s.partial()) { text += "partial: " + std::to_string(s.missing) + " did not answer in time\n"; }
    return text + to_string(s.root);
}

std::ostream& operator<<(std::ostream& out, const snapshot& s) { return out << to_string(s); }
std::ostream& operator<<(std::ostream& out, const snapshot_entry& tree) { return out << to_string(tree); }

} // namespace bastion
