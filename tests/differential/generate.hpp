// Random scripts, made and made smaller by RapidCheck: lists of numbers from which a script follows, whatever they are.
#ifndef BASTION_TESTS_DIFFERENTIAL_GENERATE_HPP
#define BASTION_TESTS_DIFFERENTIAL_GENERATE_HPP

#include "differential/script.hpp"

#include <rapidcheck.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace differential {

using raw_node = std::array<std::uint32_t, 12>;
using raw_step = std::array<std::uint32_t, 5>;
using raw_script = std::pair<std::vector<raw_node>, std::vector<raw_step>>;

[[nodiscard]] rc::Shrinkable<raw_script> random_script(std::uint64_t seed);
[[nodiscard]] script resolved(const raw_script& raw, unsigned long number);

// How often the scripts hold what there is to be held; `told`: what happened.
class counts {
public:
    void add(const script& s, const trace& told);
    void print() const;
    // What there is to be held, and was less often than that.
    [[nodiscard]] std::vector<std::string> missing(std::size_t least) const;

private:
    void add_change(const script& s, const std::string& line);

    std::map<std::string, std::size_t> all_;
};

} // namespace differential

#endif
