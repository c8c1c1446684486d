#include "differential/generate.hpp"

#include <algorithm>
#include <cstdio>
#include <set>
#include <sstream>

namespace differential {
namespace {

constexpr std::size_t deepest = 4; // supervisors above one another
constexpr std::uint32_t any_number = 1U << 20;
constexpr std::uint32_t hold_after = 28; // steps, on average

// One of some, each as often as its weight says; the first is what shrinking ends at.
template <class T>
struct chance {
    T what;
    std::uint32_t weight;
};
template <class T, std::size_t N>
T one_of(std::uint32_t number, const chance<T> (&all)[N]) {
    std::uint32_t sum = 0;
    for (const auto& c : all) sum += c.weight;
    number %= sum;
    for (const auto& c : all) {
        if (number < c.weight) return c.what;
        number -= c.weight;
    }
    return all[0].what;
}

std::string starts_of(std::uint32_t number, bool late) {
    if (number % 100 < 45) return "-";
    number /= 100;
    static constexpr chance<char> letter[] = {{'o', 40}, {'e', 25}, {'c', 10}, {'i', 25}};
    const std::uint32_t length = number % 5 + 1;
    if (late && number % 3 == 0) return "i";
    if (late && number % 5 == 1) return "e";
    std::string starts;
    // A first start that fails ends most scripts before they begin.
    const bool well = !late && number % 8 != 0;
    for (std::uint32_t i = 0; i < length; ++i) {
        number = number * 1664525U + 1013904223U;
        starts += i == 0 && well ? 'o' : one_of(number >> 8, letter);
        if (i == 1 && number % 4 == 0) starts.back() = 'i'; // also when it was started by hand: rare otherwise
    }
    return starts;
}

struct made {
    std::vector<std::size_t> supervisors;
    std::vector<std::size_t> simple; // those with a template
    std::vector<std::size_t> depth; // of each node
};

// A simple_one_for_one supervisor's only description of children.
node template_from(const raw_node& raw, const script& s) {
    const node& above = s.nodes.back();
    node n;
    n.is_template = true;
    n.home = above.id;
    n.id = "t" + std::to_string(s.nodes.size());
    n.restart = one_of<const char*>(raw[3], {{"permanent", 24}, {"transient", 46}, {"temporary", 30}});
    n.significant = raw[2] % 4 != 0 && above.auto_shutdown != "never" && n.restart != "permanent";
    n.shutdown = one_of<const char*>(raw[10], {{"time", 50}, {"infinity", 25}, {"brutal_kill", 25}});
    n.starts = "-";
    // Their time to stop is the same, so that all are deaf or none is.
    n.at_stop = raw[11] % 8 == 7 && n.shutdown != "infinity" ? "deaf" : "ends";
    n.victim = "-";
    return n;
}

void follow_template(node& n, const node& of) {
    n.late = true; // nobody but start_child starts it
    n.restart = of.restart;
    n.significant = of.significant;
    n.shutdown = of.shutdown;
    // OTP 25 keeps one that ignores a restart, as `undefined`.
    for (std::size_t i = 1; i < n.starts.size(); ++i)
        if (n.starts[i] == 'i') n.starts[i] = 'e';
    if (of.at_stop == "deaf") n.at_stop = "deaf";
    else if (n.at_stop == "deaf" || n.at_stop == "drag") n.at_stop = "ends";
}

node node_from(const raw_node& raw, const script& s, made& m) {
    node n;
    std::size_t home = m.supervisors[raw[0] % m.supervisors.size()];
    // Deep trees are rare by themselves.
    if (raw[1] % 3 == 0) home = m.supervisors.back();
    if (raw[1] % 6 == 1 && !m.simple.empty()) home = m.simple.back();
    const node& above = s.nodes[home];
    const std::size_t depth = m.depth[home] + 1;
    const bool is_dynamic = above.strategy == "simple_one_for_one";
    n.is_supervisor = raw[2] % 3 == 1 && depth < deepest && !is_dynamic;
    n.home = above.id;
    n.id = (n.is_supervisor ? "s" : "w") + std::to_string(s.nodes.size());
    n.late = raw[3] % 6 == 5;
    n.restart = one_of<const char*>(raw[4], {{"permanent", 40}, {"transient", 35}, {"temporary", 25}});
    n.significant = raw[5] % 3 == 1;
    // What does not fit would keep the tree from starting; start_child is refused.
    if (!n.late && (above.auto_shutdown == "never" || n.restart == "permanent")) n.significant = false;
    if (n.is_supervisor) {
        n.shutdown = one_of<const char*>(raw[6], {{"infinity", 60}, {"time", 40}});
        n.strategy = one_of<const char*>(
            raw[7], {{"one_for_one", 1}, {"one_for_all", 1}, {"rest_for_one", 1}, {"simple_one_for_one", 1}});
        n.intensity = one_of<unsigned>(raw[8], {{3, 25}, {2, 15}, {1, 15}, {0, 10}, {5, 20}, {1000, 15}});
        n.auto_shutdown =
            one_of<const char*>(raw[9], {{"never", 60}, {"any_significant", 20}, {"all_significant", 20}});
        if (n.strategy == "simple_one_for_one") {
            n.intensity = one_of<unsigned>(raw[8], {{1, 40}, {0, 60}, {2, 10}, {3, 5}, {1000, 15}});
            n.auto_shutdown =
                one_of<const char*>(raw[9], {{"never", 20}, {"any_significant", 60}, {"all_significant", 20}});
        }
    } else {
        n.shutdown = one_of<const char*>(raw[6], {{"time", 50}, {"infinity", 25}, {"brutal_kill", 25}});
        n.starts = starts_of(raw[7], n.late);
        n.at_stop =
            one_of<const char*>(raw[8], {{"ends", 60}, {"normal", 8}, {"error", 10}, {"deaf", 8}, {"drag", 14}});
        if (n.at_stop == "deaf" && n.shutdown == "infinity") n.at_stop = "ends"; // it would never end
        if (is_dynamic) follow_template(n, s.nodes[home + 1]);
    }
    if (n.is_supervisor) m.supervisors.push_back(s.nodes.size());
    m.depth.push_back(depth);
    return n;
}

node top_from(const raw_node& raw) {
    node n;
    n.is_supervisor = true;
    n.id = "s0";
    n.home = "-";
    n.restart = "permanent";
    n.shutdown = "infinity";
    n.strategy = one_of<const char*>(
        raw[7], {{"one_for_one", 8}, {"one_for_all", 8}, {"rest_for_one", 8}, {"simple_one_for_one", 1}});
    n.intensity = one_of<unsigned>(raw[8], {{1000, 60}, {5, 15}, {3, 15}, {1, 5}, {0, 5}});
    n.auto_shutdown = one_of<const char*>(raw[9], {{"never", 90}, {"any_significant", 5}, {"all_significant", 5}});
    return n;
}

// One that dies while the other starts, and whom nobody starts again: a restart would come at once here, behind that start on OTP.
void choose_victim_of_start(node& n, const std::vector<const node*>& siblings, std::uint32_t number) {
    std::vector<const node*> temporary;
    for (const node* other : siblings)
        if (other->restart == "temporary" && !other->significant) temporary.push_back(other);
    if (temporary.empty()) return;
    n.victim = temporary[number % temporary.size()]->id;
    if (n.starts == "-") n.starts = number % 3 == 0 ? "d" : "odd";
    else std::replace(n.starts.begin(), n.starts.end(), 'o', 'd');
}

void choose_victim(script& s, node& n, std::uint32_t number) {
    std::vector<std::string> siblings;
    std::vector<const node*> nodes;
    for (const node& other : s.nodes) {
        if (other.is_supervisor || other.is_template || other.home != n.home || other.id == n.id) continue;
        siblings.push_back(other.id);
        nodes.push_back(&other);
    }
    if (number / 64 % 4 == 0 && n.at_stop != "drag" && !s.is_dynamic(n)) {
        n.victim = "-";
        return choose_victim_of_start(n, nodes, number);
    }
    n.victim = siblings.empty() ? "-" : siblings[number % siblings.size()];
    // OTP's supervisor waits for one child, with all else that happens behind it; ours does not, so only in a plan both do the same.
    if (n.victim != "-" && s.find(n.home)->strategy == "one_for_all" && !n.late) return;
    n.victim = "-";
    if (n.at_stop == "drag") n.at_stop = "ends";
}

// More numbers from a few.
class more_numbers {
public:
    explicit more_numbers(std::uint32_t from) : state_(from * 2654435761U + 12345U) {}
    std::uint32_t operator()() { return (state_ = state_ * 1664525U + 1013904223U) >> 8; }

private:
    std::uint32_t state_;
};

std::string other_restart(std::uint32_t number, const node& n) {
    // OTP does not know the arguments of a template's child that was temporary when it started.
    if (n.is_template)
        return n.restart == "temporary" ? n.restart : one_of<const char*>(number, {{"permanent", 1}, {"transient", 1}});
    return one_of<const char*>(number, {{"permanent", 1}, {"transient", 1}, {"temporary", 1}});
}

// How a supervisor is described anew. Some of it is wrong.
description change_of(const node& sup, const script& s, more_numbers random) {
    description d;
    d.strategy = sup.strategy == "simple_one_for_one"
                     ? sup.strategy
                     : one_of<const char*>(random(), {{"one_for_one", 1}, {"one_for_all", 1}, {"rest_for_one", 1}});
    d.intensity = one_of<unsigned>(random(), {{1000, 30}, {0, 10}, {1, 15}, {2, 15}, {3, 15}, {5, 15}});
    d.auto_shutdown = one_of<const char*>(random(), {{"never", 50}, {"any_significant", 25}, {"all_significant", 25}});
    d.has_period = random() % 16 != 0;
    const bool is_wrong = random() % (sup.strategy == "simple_one_for_one" ? 7 : 12) == 0;
    const std::uint32_t order = random() % 3;
    for (node n : s.nodes) {
        if (n.home != sup.id || s.is_dynamic(n)) continue;
        const bool leaves_out = n.is_template ? is_wrong : random() % 4 == 0;
        if (leaves_out || (n.late && random() % 2 == 0)) continue;
        if (random() % 2 == 0) n.restart = other_restart(random(), n);
        if (random() % 2 == 0)
            n.shutdown = n.is_supervisor
                             ? one_of<const char*>(random(), {{"infinity", 1}, {"time", 1}})
                             : one_of<const char*>(random(), {{"time", 1}, {"infinity", 1}, {"brutal_kill", 1}});
        if (n.at_stop == "deaf" && n.shutdown == "infinity") n.shutdown = "time";
        if (random() % 3 == 0) n.significant = !n.significant;
        if (!is_wrong && (d.auto_shutdown == "never" || n.restart == "permanent")) n.significant = false;
        const std::size_t at = order == 0 ? random() % (d.below.size() + 1) : d.below.size();
        d.below.insert(d.below.begin() + static_cast<std::ptrdiff_t>(at), std::move(n));
    }
    return d;
}

step step_from(const raw_step& raw, const script& s, const made& m) {
    step w;
    const node& n = s.nodes[1 + raw[0] % (s.nodes.size() - 1)];
    std::string sup = raw[1] % 10 == 9 ? s.nodes[m.supervisors[raw[2] % m.supervisors.size()]].id : n.home;
    w.what = one_of<const char*>(
        raw[3], {{"exit", 34}, {"signal", 12}, {"start_child", 14}, {"restart_child", 12}, {"terminate_child", 16},
                    {"delete_child", 8}, {"which_children", 3}, {"count_children", 3}, {"get_childspec", 7},
                    {"start_wrong", 2}, {"terminate_pid", 6}, {"change", 8}});
    if (w.what == "change") {
        const node& of = n.is_supervisor ? n : *s.find(n.home);
        return {"change", of.id, text_of(change_of(of, s, more_numbers(raw[4])))};
    }
    // One that is made from a template lives by other calls.
    if (s.is_dynamic(n) && (w.what == "restart_child" || w.what == "delete_child") && raw[2] % 4 != 0)
        w.what = "start_child";
    if (s.is_dynamic(n) && w.what == "terminate_child" && raw[2] % 4 != 0) w.what = "terminate_pid";
    if (n.is_template && (w.what == "exit" || w.what == "signal")) w.what = "start_wrong";
    // What is another's, asked for by who it is.
    if ((w.what == "terminate_pid" || w.what == "get_childspec") && !m.simple.empty() && raw[1] % 10 > 2)
        sup = s.nodes[m.simple[raw[2] % m.simple.size()]].id;
    if (w.what == "exit") {
        w.whom = n.id;
        w.with = one_of<const char*>(
            raw[4], {{"error", 35}, {"normal", 25}, {"shutdown", 15}, {"shutdown2", 10}, {"crash", 15}});
        if (n.is_supervisor) w = {"count_children", n.id, ""};
    } else if (w.what == "signal") {
        w.whom = n.id;
        w.with = one_of<const char*>(raw[4], {{"kill", 55}, {"normal", 15}, {"shutdown", 15}, {"error", 15}});
    } else {
        w.whom = sup;
        if (w.what.find("children") == std::string::npos) w.with = n.id;
    }
    if (w.what == "terminate_pid" && n.is_supervisor) w.what = "terminate_child";
    if (w.what == "terminate_child" && n.at_stop == "drag") w.what = "start_child";
    // Whose name nobody gives to a journal is not started.
    if (n.is_template && w.what == "start_child") w.what = "start_wrong";
    if (w.what == "get_childspec" && n.is_supervisor) w.whom = n.home; // a template's child is asked about by who it is
    // What is started has its own home: its names are those of one supervisor.
    if (w.what == "start_child" || w.what == "start_wrong") w.whom = n.home;
    return w;
}

} // namespace

namespace {

// What keeps a supervisor from being killed is taken away first.
void kill_emptied(script& s, const std::string& sup) {
    for (const node& n : s.nodes) {
        if (n.home != sup || n.is_template) continue;
        if (s.is_dynamic(n)) s.steps.push_back({"terminate_pid", sup, n.id});
        else if (n.at_stop != "drag") s.steps.push_back({"terminate_child", sup, n.id});
    }
    s.steps.push_back({"signal", sup, "kill"});
}

// Not started by hand: that makes a second one of its name, whose changes those that start with the one above do not know.
void keep_the_first(script& s, const std::string& sup) {
    for (const node* n = s.find(sup); n != nullptr; n = s.find(n->home))
        for (step& w : s.steps)
            if (w.what == "start_child" && w.with == n->id && !n->late) w = {"which_children", w.whom, ""};
}

// What a worker does that is left out where its supervisor changes.
void fit_change(script& s, const step& change) {
    for (node& n : s.nodes) {
        if (n.home != change.whom || n.victim == "-") continue;
        if (n.at_stop == "drag") n.at_stop = "ends"; // which is for one_for_all only
        std::replace(n.starts.begin(), n.starts.end(), 'd', 'o'); // for those whom nobody starts again
        n.victim = "-";
    }
}

// One of those whose supervisor starts them again, now and then.
void add_hold(script& s, std::uint32_t number) {
    more_numbers random(number);
    if (number == 0 || random() % hold_after != 0) return;
    std::vector<std::size_t> those;
    for (std::size_t i = 0; i < s.nodes.size(); ++i) {
        const node& n = s.nodes[i];
        if (!n.is_supervisor && !n.is_template && !n.late && !s.is_dynamic(n) && n.restart != "temporary")
            those.push_back(i);
    }
    if (those.empty()) return;
    const node& n = s.nodes[those[random() % those.size()]];
    const char* const call =
        one_of<const char*>(random(), {{"restart_child", 20}, {"delete_child", 20}, {"terminate_child", 19},
                                          {"start_child", 14}, {"which_children", 14}, {"count_children", 13}});
    s.steps.push_back({"hold", n.id, call});
    if (s.steps.back().with == "terminate_child" && random() % 2 == 0)
        s.steps.push_back({"restart_child", n.home, n.id});
}

} // namespace

script resolved(const raw_script& raw, unsigned long number) {
    script s;
    s.number = number;
    made m;
    static constexpr raw_node plain{};
    const auto add = [&s, &m](node n, const raw_node& from) {
        s.nodes.push_back(std::move(n));
        if (s.nodes.back().strategy != "simple_one_for_one") return;
        m.simple.push_back(s.nodes.size() - 1);
        s.nodes.push_back(template_from(from, s));
        m.depth.push_back(m.depth.back() + 1);
    };
    const raw_node& first = raw.first.empty() ? plain : raw.first.front();
    m.supervisors.push_back(0);
    m.depth.push_back(0);
    add(top_from(first), first);
    for (std::size_t i = 1; i < raw.first.size(); ++i) add(node_from(raw.first[i], s, m), raw.first[i]);
    if (s.nodes.size() == 1) add(node_from(plain, s, m), plain);
    for (std::size_t i = 0; i < s.nodes.size(); ++i)
        if (!s.nodes[i].is_supervisor && !s.nodes[i].is_template)
            choose_victim(s, s.nodes[i], i < raw.first.size() ? raw.first[i][10] : 0);
    for (std::size_t i = 0; i < s.nodes.size(); ++i)
        if (s.is_dynamic(s.nodes[i]) && i < raw.first.size() && raw.first[i][9] % 4 != 3)
            s.steps.push_back({"start_child", s.nodes[i].home, s.nodes[i].id});
    // Early, while the tree stands: by themselves few of these starts fail, and fewer of somebody who is asked.
    for (std::size_t i = 0; i < s.nodes.size() && i < raw.first.size(); ++i)
        if (const node& n = s.nodes[i]; n.late && !n.is_supervisor && !s.is_dynamic(n) && raw.first[i][11] % 3 == 1)
            s.steps.push_back({"start_child", n.home, n.id});
    for (const raw_step& w : raw.second) {
        s.steps.push_back(step_from(w, s, m));
        const step last = s.steps.back();
        if (last.what == "signal" && last.with == "kill" && s.find(last.whom)->is_supervisor) {
            s.steps.pop_back();
            kill_emptied(s, last.whom);
        }
        // One that has been changed starts again.
        if (last.what == "change" && w[2] % 3 == 2 && last.whom != s.nodes.front().id) kill_emptied(s, last.whom);
        if (last.what == "change" && w[2] % 3 == 1) {
            // What has been changed is what fails: as often as makes many a supervisor start again.
            const auto below = std::find_if(s.nodes.begin(), s.nodes.end(),
                [&last](const node& n) { return n.home == last.whom && !n.is_supervisor && !n.is_template; });
            const std::size_t times = below == s.nodes.end() ? 0 : w[1] % 4;
            for (std::size_t i = 0; i < times; ++i) s.steps.push_back({"exit", below->id, "error"});
        }
        // What has been stopped is what can be started again, or deleted.
        const bool stopped = last.what == "terminate_child";
        if (stopped && w[4] % 2 == 1) s.steps.push_back({"restart_child", last.whom, last.with});
        if (stopped && w[4] % 4 == 2) s.steps.push_back({"delete_child", last.whom, last.with});
        add_hold(s, w[1]);
    }
    s.steps.push_back({"stop", "", ""});
    for (const step& w : s.steps)
        if (w.what == "change") fit_change(s, w);
    for (std::size_t i = 0; i < s.steps.size(); ++i)
        if (s.steps[i].what == "change") keep_the_first(s, s.steps[i].whom);
    return s;
}

rc::Shrinkable<raw_script> random_script(std::uint64_t seed) {
    const auto number = rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::uint32_t>(0, any_number));
    const auto nodes =
        rc::gen::resize(20, rc::gen::container<std::vector<raw_node>>(rc::gen::container<raw_node>(number)));
    const auto steps =
        rc::gen::resize(32, rc::gen::container<std::vector<raw_step>>(rc::gen::container<raw_step>(number)));
    return rc::gen::pair(nodes, steps)(rc::Random(seed), rc::kNominalSize);
}

// ---- counting

namespace {

std::size_t depth_of(const script& s, const node& n) {
    std::size_t depth = 0;
    for (const node* at = &n; at != nullptr && at->home != "-"; at = s.find(at->home)) ++depth;
    return depth;
}

} // namespace

// What a change that went well says of the children.
void counts::add_change(const script& s, const std::string& line) {
    std::istringstream words(line);
    std::string sup;
    std::string rest;
    words >> sup >> sup >> sup;
    std::getline(words, rest);
    const description d = description_from(s, rest);
    std::vector<std::string> were;
    std::vector<std::string> are;
    const std::string& strategy = s.find(sup)->strategy;
    if (d.strategy != strategy) ++all_["a change of the strategy"];
    for (const node& n : d.below) {
        const node& was = *s.find(n.id);
        if (was.late) ++all_["a change adds one"];
        if (n.restart != was.restart) ++all_["a change of restart"];
        if (n.shutdown != was.shutdown) ++all_["a change of shutdown"];
        if (n.significant != was.significant) ++all_["a change of significant"];
        are.push_back(n.id);
    }
    for (const node& n : s.nodes) {
        if (n.home != sup || s.is_dynamic(n)) continue;
        if (std::find(are.begin(), are.end(), n.id) != are.end()) were.push_back(n.id);
        else if (!n.late) ++all_["a change leaves one out"];
    }
    if (were != are) ++all_["a change of the order"];
}

void counts::add(const script& s, const trace& told) {
    std::size_t depth = 0;
    for (const node& n : s.nodes) {
        depth = std::max(depth, depth_of(s, n));
        if (n.is_template) continue;
        const std::string kind = n.is_supervisor ? "supervisor " : s.is_dynamic(n) ? "dynamic " : "worker ";
        ++all_[kind + n.restart];
        ++all_[kind + "shutdown " + n.shutdown];
        if (n.significant) ++all_[kind + "significant"];
        if (n.is_supervisor) {
            ++all_["strategy " + n.strategy];
            ++all_["auto_shutdown " + n.auto_shutdown];
            ++all_["intensity " + std::to_string(n.intensity)];
        } else {
            ++all_[(s.is_dynamic(n) ? "dynamic at its stop: " : "at its stop: ") + n.at_stop];
        }
    }
    ++all_["trees " + std::to_string(depth) + " deep"];
    std::string what;
    std::string asked; // the step
    std::string whose; // the simple_one_for_one supervisor of a child that has just been told to end
    std::size_t ended = 0; // of its children in this step
    std::string killed; // the supervisor of this step
    std::set<std::string> changed;
    std::string before; // the line
    for (const std::string& line : told) {
        std::istringstream words(line);
        std::string first;
        std::string second;
        std::string third;
        words >> first >> second >> third;
        const node* const child = s.find(first == ">" ? third : second);
        if (!killed.empty() && first != "=") ++all_["a supervisor is killed"];
        killed.clear();
        if (first == ">") {
            whose =
                child != nullptr && s.is_dynamic(*child) && (second == "exit" || second == "signal") ? child->home : "";
            ended = 0;
            what = second;
            asked = line;
            if (what == "exit" || what == "signal" || what == "hold") {
                std::string how;
                words >> how;
                what += " " + how;
            }
            if (what == "signal kill" && child->is_supervisor) killed = third;
            if (s.is_simple(third)) what = "simple " + what;
            ++all_["step " + what];
        } else if (first == "=" && second == "ok" && what == "change") {
            ++all_["answer change: ok"];
            changed.insert(s.find(asked.substr(9, asked.find(' ', 9) - 9))->id);
            add_change(s, asked);
        } else if (first == "=" && what.find("count") == std::string::npos && what.find("which") == std::string::npos) {
            ++all_["answer " + what + ": " + (second == "failed" || second == "spec" ? second : line.substr(2))];
        } else if (first == "=") {
            ++all_["answer " + what + ": " + (second == "noproc" || second == "nobody" ? second : "ok")];
        } else if (first == "start" && !third.empty()) {
            if (third == "ok" && changed.contains(child->home)) ++all_["a start below one that was changed"];
            if (third == "ok" && before == "stop " + child->victim + " killed" && child->at_stop != "drag")
                ++all_["a sibling dies during a start"];
            ++all_["a start: " + third];
        } else if (first == "start") {
            if (changed.contains(second)) ++all_["one that was changed starts again"];
        } else if (first == "stop") {
            // None of the others ends but with its supervisor.
            if (!whose.empty() && child->home == whose && ++ended == 2)
                ++all_[child->significant ? "a template's children end with a significant one"
                                          : "a template's children are too often restarted"];
            ++all_["a stop: " + line.substr(line.find(' ', 5) + 1)];
        }
        before = line;
    }
}

void counts::print() const {
    for (const auto& [what, n] : all_) std::printf("%8zu  %s\n", n, what.c_str());
}

std::vector<std::string> counts::missing(std::size_t least) const {
    static constexpr const char* wanted[] = {"strategy one_for_one", "strategy one_for_all", "strategy rest_for_one",
        "strategy simple_one_for_one", "dynamic permanent", "dynamic transient", "dynamic temporary",
        "dynamic shutdown brutal_kill", "dynamic shutdown time", "dynamic shutdown infinity", "dynamic significant",
        "dynamic at its stop: deaf", "dynamic at its stop: error", "dynamic at its stop: normal",
        "a template's children end with a significant one", "a template's children are too often restarted",
        "answer simple start_child: ok", "answer simple start_child: ok undefined",
        "answer simple start_child: start_failed", "answer simple start_child: noproc",
        "answer simple start_wrong: simple_one_for_one", "answer simple restart_child: simple_one_for_one",
        "answer simple terminate_child: simple_one_for_one", "answer simple delete_child: simple_one_for_one",
        "answer simple terminate_pid: ok", "answer simple terminate_pid: not_found",
        "answer simple terminate_pid: noproc", "answer simple get_childspec: spec",
        "answer simple get_childspec: not_found", "answer simple which_children: ok",
        "answer simple which_children: noproc", "answer simple count_children: ok",
        "answer simple count_children: noproc", "answer start_wrong: invalid", "answer terminate_pid: not_found",
        "a supervisor is killed", "a start below one that was changed", "one that was changed starts again",
        "a sibling dies during a start", "answer change: ok", "answer change: invalid", "answer change: noproc",
        "answer simple change: ok", "answer simple change: invalid", "answer simple change: noproc",
        "a change adds one", "a change leaves one out", "a change of restart", "a change of shutdown",
        "a change of significant", "a change of the order", "a change of the strategy", "answer get_childspec: spec",
        "answer get_childspec: not_found", "answer get_childspec: noproc", "worker permanent", "worker transient",
        "worker temporary", "supervisor permanent", "supervisor transient", "supervisor temporary",
        "worker shutdown brutal_kill", "worker shutdown time", "worker shutdown infinity",
        "auto_shutdown any_significant", "auto_shutdown all_significant", "worker significant",
        "supervisor significant", "trees 4 deep", "at its stop: deaf", "at its stop: drag", "at its stop: error",
        "at its stop: normal", "a start: error", "a start: crash", "a start: ignore", "answer start: failed",
        "answer start_child: ok", "answer start_child: ok undefined", "answer start_child: already_started",
        "answer start_child: already_present", "answer start_child: start_failed", "answer start_child: invalid",
        "answer start_child: noproc", "answer restart_child: ok", "answer restart_child: ok undefined",
        "answer restart_child: running", "answer restart_child: not_found", "answer restart_child: start_failed",
        "answer restart_child: noproc", "answer terminate_child: ok", "answer terminate_child: not_found",
        "answer terminate_child: noproc", "answer delete_child: ok", "answer delete_child: running",
        "answer delete_child: not_found", "answer delete_child: noproc", "answer which_children: ok",
        "answer which_children: noproc", "answer count_children: ok", "answer count_children: noproc",
        "answer hold restart_child: restarting", "answer hold delete_child: restarting",
        "answer hold terminate_child: ok", "answer hold start_child: already_present", "answer hold which_children: ok",
        "answer hold count_children: ok"};
    std::vector<std::string> rare;
    for (const char* what : wanted) {
        const auto found = all_.find(what);
        if (found == all_.end() || found->second < least) rare.emplace_back(what);
    }
    return rare;
}

} // namespace differential
