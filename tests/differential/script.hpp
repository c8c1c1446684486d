// A script of supervision: a tree, and what happens to it step by step. Both sides replay it and tell what they did.
//
// As text, one line a node or step; the fields of a line are words:
//
//     script <number>
//     sup <id> <home> <restart> <significant> <shutdown> <when> <strategy> <intensity> <auto_shutdown>
//     work <id> <home> <restart> <significant> <shutdown> <when> <starts> <at_stop> <victim>
//     temp <id> <home> <restart> <significant> <shutdown> <when> <starts> <at_stop> <victim>
//     step exit <worker> <how>            it ends by itself: normal, shutdown, shutdown2, error, crash
//     step signal <id> <how>              somebody sends it an exit signal: normal, shutdown, error, or kill
//     step start_child <sup> <id>         and restart_child, terminate_child, delete_child
//     step start_wrong <sup> <id>         start_child with what this supervisor does not take: a spec, or arguments
//     step terminate_pid <sup> <worker>   terminate_child of who the worker is, or was last
//     step get_childspec <sup> <id>       of a child of a template: by who it is
//     step which_children <sup>           and count_children
//     step hold <worker> <call>           it ends with an error, the start that follows is held, its supervisor is called about it
//                                         meanwhile, then that start fails: one of start_child to delete_child, which_children,
//                                         count_children; `nobody` if it is not started again at once
//     step change <sup> <strategy> <intensity> <auto_shutdown> <period> <id>,<restart>,<significant>,<shutdown> ...
//                                         it is described anew, with these children; the period: wide, or none, which is wrong
//     step stop                           the end of the whole tree, always the last
//     end
//
// The first node is the top supervisor, and a home stands before those below it. <when> is `now`, or `late` for what only start_child
// starts. <starts> says how a worker's first starts go, a letter each, all later ones well: o well, i ignore, e error, c crash, d well,
// but its victim is killed before. <at_stop>: ends, normal, error, deaf (until it is killed), drag (its victim is killed before).
//
// A simple_one_for_one supervisor has a template (`temp`), and the workers below it are made from that: start_child gives it their name,
// they start and stop in their own way, and the rest of their line is the template's.
#ifndef BASTION_TESTS_DIFFERENTIAL_SCRIPT_HPP
#define BASTION_TESTS_DIFFERENTIAL_SCRIPT_HPP

#include <string>
#include <vector>

namespace differential {

struct node {
    bool is_supervisor = false;
    bool is_template = false;
    std::string id;
    std::string home; // the supervisor above; "-": none
    std::string restart; // permanent, transient, temporary
    bool significant = false;
    std::string shutdown; // brutal_kill, time, infinity
    bool late = false;
    // of a supervisor
    std::string strategy;
    unsigned intensity = 0;
    std::string auto_shutdown;
    // of a worker
    std::string starts; // "-": all go well
    std::string at_stop;
    std::string victim; // a sibling; "-": nobody
};

struct step {
    std::string what;
    std::string whom;
    std::string with; // of a change: all the rest
};

struct script {
    unsigned long number = 0;
    std::vector<node> nodes;
    std::vector<step> steps;

    [[nodiscard]] const node* find(const std::string& id) const noexcept {
        for (const node& n : nodes)
            if (n.id == id) return &n;
        return nullptr;
    }
    [[nodiscard]] bool is_simple(const std::string& id) const noexcept {
        const node* const n = find(id);
        return n != nullptr && n->strategy == "simple_one_for_one";
    }
    [[nodiscard]] bool is_dynamic(const node& n) const noexcept { return !n.is_template && is_simple(n.home); }
};

// What a change says.
struct description {
    std::string strategy;
    unsigned intensity = 0;
    std::string auto_shutdown;
    bool has_period = true;
    std::vector<node> below; // their ids and what is in the words
};
[[nodiscard]] std::string text_of(const description& d);
[[nodiscard]] description description_from(const script& s, const std::string& words);

using trace = std::vector<std::string>;

[[nodiscard]] std::string text_of(const step& s);
[[nodiscard]] std::string text_of(const script& s);
[[nodiscard]] script script_from(const std::string& text); // throws std::invalid_argument

// Children of a simple_one_for_one supervisor that stop one behind another: by name, since they stop in no order.
[[nodiscard]] trace unordered(const script& s, trace told);

} // namespace differential

#endif
