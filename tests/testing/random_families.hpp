#pragma once

// Children of the processes of a random tree: they end with the body that spawned them, or before it.

#include <bastion/bastion.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trees {

class ledger;

// In the body of a child.
class childhood {
public:
    childhood(ledger& l, std::uint64_t parent);
    childhood(const childhood&) = delete;
    childhood& operator=(const childhood&) = delete;
    ~childhood();

private:
    ledger& ledger_;
    const std::uint64_t parent_;
    const std::chrono::nanoseconds began_;
};

struct family_book {
    struct parent_body {
        bool over = false;
        // Below an owner that has failed, whoever depends on it hears of its end later: when it is back, or gone for good.
        std::optional<std::chrono::nanoseconds> told;
    };
    std::vector<parent_body> bodies; // by number
    int living = 0;
    std::uint64_t children = 0;
    std::uint64_t of_children = 0;
    std::uint64_t groups = 0;
    std::uint64_t supervisors = 0;
    std::uint64_t tasks = 0;
    std::uint64_t ended_before = 0;
    std::uint64_t ended_with = 0; // the parent's body

    // `before`: the number of the last body of the same process, 0 if there was none.
    void born(std::uint64_t body, std::uint64_t before, std::chrono::nanoseconds now);
    void told(std::uint64_t body, std::chrono::nanoseconds now);
    void body_over(std::uint64_t body) noexcept { bodies[body].over = true; }
    [[nodiscard]] std::string faults() const;
};

// A child of any kind for the process. `generation`: 0 for one that is no child itself.
void raise_child(bastion::context ctx, ledger& l, int generation);

} // namespace trees
