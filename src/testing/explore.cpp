#include <bastion/testing/explore.hpp>

#include <algorithm>
#include <cstdlib>
#include <exception>

namespace bastion::testing {
namespace {

constexpr std::size_t most_printed = 1000; // decisions: more are of no use to anybody

struct run_result {
    std::string failed; // empty: it did not
    decisions made;
    std::uint64_t steps = 0;
    std::uint64_t hash = 0;
    std::string last_events;
    coverage seen;
};

run_result run_once(std::uint64_t seed, const program& p, const settings& s) {
    run_result r;
    simulation sim(seed, s);
    try {
        p(sim);
        sim.finish();
    } catch (const std::exception& e) { r.failed = e.what(); } catch (...) {
        r.failed = "an exception that is no std::exception";
    }
    r.made = sim.decisions_made();
    r.steps = sim.steps();
    r.hash = sim.trace_hash();
    r.seen = sim.seen();
    if (!r.failed.empty()) {
        r.last_events = sim.last_events();
        sim.abandon();
    }
    return r;
}

settings scheduled(std::uint64_t seed, settings s) {
    static constexpr scheduling ways[] = {scheduling::random, scheduling::priorities, scheduling::adversarial};
    return std::move(s).with_scheduling(ways[seed % std::size(ways)]);
}

// Shortens a failing run: first to its shortest failing beginning (after which the first possibility comes true each
// time), then by making ever smaller parts of its decisions unremarkable. (Delta debugging, Zeller and Hildebrandt 2002.)
class shortener {
public:
    shortener(std::uint64_t seed, const program& p, const settings& s, run_result first, unsigned attempts)
        : seed_(seed), program_(p), settings_(s), best_(std::move(first)), left_(attempts) {}

    run_result shortest() {
        cut_the_end();
        for (std::size_t part = best_.made.size() / 2; part >= 1 && left_ > 0; part /= 2) plain_parts(part);
        return std::move(best_);
    }

private:
    // Whether these decisions fail, too, and not later: then they are the best so far.
    bool fails(decisions d) {
        if (left_ == 0) return false;
        --left_;
        while (!d.empty() && d.back() == 0) d.pop_back();
        settings s = settings_;
        s.with_step_limit(best_.steps + 1).with_replay(d); // a longer one is of no use
        run_result r = run_once(seed_, program_, s);
        if (r.failed.empty() || r.steps > best_.steps) return false;
        r.made = std::move(d);
        best_ = std::move(r);
        return true;
    }

    void cut_the_end() {
        std::size_t good = 0; // so many decisions are too few
        while (left_ > 0 && best_.made.size() > good + 1) {
            const std::size_t half = good + (best_.made.size() - good) / 2;
            if (!fails(decisions(best_.made.begin(), best_.made.begin() + static_cast<std::ptrdiff_t>(half))))
                good = half;
        }
    }

    void plain_parts(std::size_t part) {
        for (std::size_t at = 0; at < best_.made.size() && left_ > 0; at += part) {
            decisions d = best_.made;
            const auto begin = d.begin() + static_cast<std::ptrdiff_t>(at);
            const auto end = d.begin() + static_cast<std::ptrdiff_t>(std::min(at + part, d.size()));
            if (std::all_of(begin, end, [](std::uint16_t c) { return c == 0; })) continue;
            std::fill(begin, end, std::uint16_t{0});
            (void)fails(std::move(d));
        }
    }

    const std::uint64_t seed_;
    const program& program_;
    const settings& settings_;
    run_result best_;
    unsigned left_;
};

} // namespace

std::string finding::report() const {
    const auto remarkable = std::count_if(shortest.begin(), shortest.end(), [](std::uint16_t c) { return c != 0; });
    std::string text = "seed " + std::to_string(seed) + " fails: " + what + "\nshortened from " +
                       std::to_string(steps_before) + " to " + std::to_string(steps) + " steps, " +
                       std::to_string(remarkable) +
                       " decisions left; repeat it with BASTION_SEED=" + std::to_string(seed);
    if (shortest.size() <= most_printed) {
        text += ", or the short one with .with_replay({";
        for (std::size_t i = 0; i < shortest.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shortest[i]);
        text += "}) added to the same settings";
    }
    return text + "\nits last events:\n" + last_events;
}

search_result find_failure(seed_range seeds, const program& p, const settings& s, unsigned attempts) {
    search_result result;
    if (const char* only = std::getenv("BASTION_SEED"); only != nullptr && *only != '\0')
        seeds = {std::strtoull(only, nullptr, 10), 1};
    for (std::uint64_t seed = seeds.first; seed != seeds.first + seeds.count; ++seed) {
        const settings chosen = scheduled(seed, s);
        run_result r = run_once(seed, p, chosen);
        ++result.runs;
        result.seen += r.seen;
        if (r.failed.empty()) continue;
        const std::uint64_t before = r.steps;
        // A run that has met the limit of steps has no end to come to earlier.
        if (r.steps < chosen.step_limit()) r = shortener(seed, p, chosen, std::move(r), attempts).shortest();
        result.found = finding{seed, r.failed, std::move(r.made), r.steps, before, std::move(r.last_events)};
        break;
    }
    return result;
}

coverage for_each_seed(seed_range seeds, const program& p, const settings& s) {
    search_result r = find_failure(seeds, p, s);
    if (r.found) throw failure(r.found->report());
    return r.seen;
}

} // namespace bastion::testing
