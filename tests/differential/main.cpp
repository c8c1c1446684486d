// bastion-differential FOLDER COUNT [FIRST]: replays so many random scripts on Bastion and on OTP's supervisor, and tells of the first on
// which they do not agree, as small as it can be made. FOLDER holds differential.beam, and is written to.
// With --as-it-is nothing is made smaller.
// bastion-differential FOLDER --script FILE: that script, with both traces.
// bastion-differential FOLDER --print NUMBER: that script as text.
#include "differential/generate.hpp"
#include "differential/replay.hpp"
#include "differential/script.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace {

using namespace differential;

constexpr std::size_t at_once = 500; // scripts for one run of Erlang
constexpr unsigned long scripts_of_a_whole_run = 10'000; // must hold everything

std::string contents(const std::string& file) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error("cannot read " + file);
    return {std::istreambuf_iterator<char>(in), {}};
}

// The replay on Bastion. One that does not come to an end leaves its script in the folder.
class ours_of {
public:
    explicit ours_of(std::string folder) : file_(std::move(folder) + "/now.txt") {}
    [[nodiscard]] trace operator()(const script& s) const {
        std::ofstream(file_) << text_of(s);
        alarm(10); // ends the program
        trace told = unordered(s, replay(s));
        alarm(0);
        return told;
    }

private:
    const std::string file_;
};

class otp {
public:
    explicit otp(std::string folder) : folder_(std::move(folder)) {}

    // The traces, in the order of the scripts.
    [[nodiscard]] std::vector<trace> replay(const std::vector<script>& all) const {
        {
            std::ofstream out(folder_ + "/scripts.txt");
            for (std::size_t i = 0; i < all.size(); ++i) {
                script s = all[i];
                s.number = i;
                out << text_of(s);
            }
        }
        const std::string command =
            "cd '" + folder_ +
            "' && timeout -s KILL 60 erl -noshell -noinput +S 1:1 -pa . -run differential main -extra scripts.txt > "
            "traces.txt 2> erl.log";
        if (std::system(command.c_str()) != 0) throw std::runtime_error("Erlang failed: see " + folder_ + "/erl.log");
        std::vector<trace> traces(all.size());
        std::ifstream in(folder_ + "/traces.txt");
        trace* now = nullptr;
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with("script ")) now = &traces.at(std::stoul(line.substr(7)));
            else if (line == "end") now = nullptr;
            else if (now != nullptr) now->push_back(line);
        }
        for (std::size_t i = 0; i < all.size(); ++i) traces[i] = unordered(all[i], std::move(traces[i]));
        return traces;
    }

private:
    const std::string folder_;
};

void print_side_by_side(const trace& ours, const trace& theirs) {
    std::printf("  %-70s   %s\n", "Bastion", "OTP");
    for (std::size_t i = 0; i < std::max(ours.size(), theirs.size()); ++i) {
        const std::string a = i < ours.size() ? ours[i] : "";
        const std::string b = i < theirs.size() ? theirs[i] : "";
        std::printf("%c %-70s   %s\n", a == b ? ' ' : '!', a.c_str(), b.c_str());
    }
}

// The smallest script near that one on which they do not agree: RapidCheck says what is smaller, many at a time, since Erlang takes
// its time to begin.
rc::Shrinkable<raw_script> smallest(const ours_of& bastion, const otp& erlang, rc::Shrinkable<raw_script> from) {
    for (bool smaller = true; smaller;) {
        smaller = false;
        auto candidates = from.shrinks();
        for (bool more = true; more && !smaller;) {
            std::vector<rc::Shrinkable<raw_script>> some;
            std::vector<script> scripts;
            while (some.size() < 200) {
                auto next = candidates.next();
                if (!next) {
                    more = false;
                    break;
                }
                some.push_back(*next);
                scripts.push_back(resolved(next->value(), 0));
            }
            const std::vector<trace> theirs = erlang.replay(scripts);
            for (std::size_t i = 0; i < some.size() && !smaller; ++i) {
                if (bastion(scripts[i]) == theirs[i]) continue;
                from = some[i];
                smaller = true;
            }
        }
    }
    return from;
}

int compare(const ours_of& bastion, const otp& erlang, unsigned long count, unsigned long first, bool shrinks) {
    counts held;
    for (unsigned long done = 0; done < count;) {
        std::vector<script> scripts;
        for (; scripts.size() < at_once && done < count; ++done)
            scripts.push_back(resolved(random_script(first + done).value(), first + done));
        const std::vector<trace> theirs = erlang.replay(scripts);
        for (std::size_t i = 0; i < scripts.size(); ++i) {
            const trace ours = bastion(scripts[i]);
            if (ours == theirs[i]) {
                held.add(scripts[i], ours);
                continue;
            }
            const unsigned long seed = scripts[i].number;
            std::printf("script %lu, the %lu. of this run, is not the same on both sides.%s\n", seed, seed - first + 1,
                shrinks ? " Made smaller:" : "");
            std::fflush(stdout);
            if (shrinks) {
                const script small = resolved(smallest(bastion, erlang, random_script(seed)).value(), seed);
                std::printf("%s", text_of(small).c_str());
                print_side_by_side(bastion(small), erlang.replay({small})[0]);
            }
            return 1;
        }
    }
    held.print();
    const std::vector<std::string> missing =
        count >= scripts_of_a_whole_run ? held.missing(200) : std::vector<std::string>();
    for (const std::string& what : missing) std::printf("held less than 200 times: %s\n", what.c_str());
    std::printf("%lu scripts from %lu on: the same on both sides\n", count, first);
    return missing.empty() ? 0 : 1;
}

int show(const ours_of& bastion, const otp& erlang, const std::string& file) {
    const script s = script_from(contents(file));
    const trace ours = bastion(s);
    const trace theirs = erlang.replay({s})[0];
    print_side_by_side(ours, theirs);
    return ours == theirs ? 0 : 1;
}

} // namespace

int main(int count, char** words) {
    try {
        std::vector<std::string> given(words + 1, words + count);
        const bool shrinks = std::erase(given, "--as-it-is") == 0;
        if (given.size() < 2)
            throw std::runtime_error("usage: bastion-differential FOLDER COUNT [FIRST] [--as-it-is] | FOLDER --script "
                                     "FILE | FOLDER --print NUMBER");
        const ours_of bastion(given[0]);
        const otp erlang(given[0]);
        if (given[1] == "--print") {
            const unsigned long seed = std::stoul(given.at(2));
            std::printf("%s", text_of(resolved(random_script(seed).value(), seed)).c_str());
            return 0;
        }
        if (given[1] == "--script") return show(bastion, erlang, given.at(2));
        return compare(bastion, erlang, std::stoul(given[1]), given.size() > 2 ? std::stoul(given[2]) : 1, shrinks);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 2;
    }
}
