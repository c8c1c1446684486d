// Names and paths as they are looked up: the input is a list of calls with any text, and after each of them whoever is
// found must be whom a plain map says.
#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace {

using bastion::child_ref;

bastion::process stays(bastion::context ctx) {
    for (;;) (void)co_await ctx.recv();
}

void require(bool holds, const char* what, std::string_view text) {
    if (holds) return;
    std::fprintf(stderr, "%s: \"%.*s\"\n", what, static_cast<int>(text.size()), text.data());
    std::abort();
}

class calls {
public:
    calls(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
    [[nodiscard]] bool more() const { return left_ != 0; }
    std::uint8_t byte() {
        if (left_ == 0) return 0;
        --left_;
        return *data_++;
    }
    std::string text() {
        const std::size_t n = std::min<std::size_t>(byte() % 40, left_);
        const std::string t(reinterpret_cast<const char*>(data_), n);
        data_ += n;
        left_ -= n;
        return t;
    }

private:
    const std::uint8_t* data_;
    std::size_t left_;
};

// A group "/p", whose elements get names, and a supervisor "/tree", whose groups are named by the input.
class program {
public:
    program() {
        tree_ = rt_.spawn(bastion::supervisor().with_name("tree"));
        group_ = rt_.spawn(group_called("p", group_size));
        sim_.settle();
        paths_["/p"] = group_;
    }

    void do_one(calls& input) {
        const std::uint8_t what = input.byte();
        const std::string text = input.text();
        switch (what % 5) {
        case 0: register_name(text, what / 5 % group_size); break;
        case 1: unregister_name(text); break;
        case 2: spawn(text); break;
        case 3: stop(text); break;
        default: break; // only looked up
        }
        look_up(text);
        look_up("/tree/" + text);
        look_up("/p/" + text);
        for (const auto& [name, who] : names_) require(rt_.whereis(name) == who, "lost the name", name);
        for (const auto& [path, group] : paths_)
            require(rt_.find_children(path).where() == group.where(), "lost the path", path);
    }

private:
    static constexpr std::uint32_t group_size = 3;

    static bastion::children group_called(const std::string& name, std::uint32_t size) {
        return bastion::children().with_name(name).with_redundancy(size).with_exec(stays);
    }

    void register_name(const std::string& name, std::size_t who) {
        const auto r = rt_.register_name(name, group_[who]);
        if (name.empty() || name[0] == '/') {
            require(!r && r.error().code() == bastion::errc::invalid, "took a wrong name", name);
            require(r.error().what().find("the name \"" + name + "\" ") == 0, "does not say which name", name);
        } else if (names_.count(name) != 0) {
            require(!r && r.error().code() == bastion::errc::name_taken, "gave a name twice", name);
        } else {
            require(r.has_value(), "refused a name", name);
            names_[name] = group_[who];
        }
    }
    void unregister_name(const std::string& name) {
        require(rt_.unregister_name(name) == (names_.erase(name) != 0), "took a name nobody has, or not", name);
    }
    void spawn(const std::string& name) {
        try {
            const auto made = tree_.spawn(group_called(name, 1));
            sim_.settle();
            require(name.find('/') == std::string::npos, "took a name with a slash", name);
            paths_.try_emplace("/tree/" + (name.empty() ? next_number() : name), made);
        } catch (const bastion::bad_spec& e) { require(name.find('/') != std::string::npos, e.what(), name); }
    }
    // What a group without a name is called.
    std::string next_number() {
        std::string name;
        do name = "group-" + std::to_string(++unnamed_);
        while (paths_.count("/tree/" + name) != 0);
        return name;
    }
    void stop(const std::string& name) {
        const auto found = paths_.find("/tree/" + name);
        if (found == paths_.end()) return;
        found->second.stop();
        sim_.settle();
        paths_.erase(found);
    }

    void look_up(const std::string& text) {
        const auto named = names_.find(text);
        if (text.empty() || text[0] != '/') {
            require(rt_.whereis(text) == (named != names_.end() ? named->second : child_ref()), "found another", text);
            require(rt_.find_children(text).size() == 0, "found a group by no path", text);
            require(!rt_.find_supervisor(text).alive(), "found a supervisor by no path", text);
            return;
        }
        const auto group = paths_.find(text);
        if (group != paths_.end()) require(rt_.find_children(text).where() == group->second.where(), "lost", text);
        else require(rt_.find_children(text).size() == 0, "found a group", text);
        require(rt_.find_supervisor(text).alive() == (text == "/tree"), "found a supervisor, or not", text);
        look_up_element(text);
    }
    void look_up_element(const std::string& path) {
        const std::size_t slash = path.rfind('/');
        const auto group = paths_.find(path.substr(0, slash));
        if (group == paths_.end()) {
            require(!rt_.whereis(path).alive(), "found somebody", path);
            return;
        }
        const auto index = number(path.substr(slash + 1));
        const bool there = index && *index < group->second.size();
        require(rt_.whereis(path) == (there ? group->second[*index] : child_ref()), "found another element", path);
    }

    // Of digits only, and small; else nothing.
    static std::optional<std::size_t> number(const std::string& text) {
        if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return {};
        const std::size_t first = std::min(text.find_first_not_of('0'), text.size() - 1);
        if (text.size() - first > 1) return {}; // more than any group here has
        return static_cast<std::size_t>(text.back() - '0');
    }

    bastion::testing::simulation sim_{1};
    bastion::runtime& rt_ = sim_.runtime(sim_.runtime_config().with_log([](const bastion::log_record&) {}));
    bastion::supervisor_ref tree_;
    bastion::children_ref group_;
    int unnamed_ = 0;
    std::map<std::string, child_ref> names_;
    std::map<std::string, bastion::children_ref> paths_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    program tried;
    for (calls input(data, size); input.more();) tried.do_one(input);
    return 0;
}
