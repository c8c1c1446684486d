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
    std::vector<std::optional<std::chrono::nanoseconds>> bodies; // by number: when it was over
    int living = 0;
    std::uint64_t children = 0;
    std::uint64_t of_children = 0;
    std::uint64_t groups = 0;
    std::uint64_t supervisors = 0;
    std::uint64_t tasks = 0;
    std::uint64_t ended_before = 0;
    std::uint64_t ended_with = 0; // the parent's body

    void born(std::uint64_t body) { bodies.resize(body + 1); }
    void body_over(std::uint64_t body, std::chrono::nanoseconds now) noexcept { bodies[body] = now; }
    [[nodiscard]] std::string faults() const;
};

// A child of any kind for the process. `generation`: 0 for one that is no child itself.
void raise_child(bastion::context ctx, ledger& l, int generation);

} // namespace trees
