// Numbers of things in sentences: "1 worker", "2 workers".
#ifndef BASTION_BASE_COUNTED_HPP
#define BASTION_BASE_COUNTED_HPP

#include <cstdint>
#include <string>
#include <string_view>

namespace bastion::detail {

// `what` takes an s for more than one.
[[nodiscard]] inline std::string counted(std::uint64_t n, std::string_view what) {
    std::string text = std::to_string(n);
    text.append(" ").append(what);
    if (n != 1) text += 's';
    return text;
}

} // namespace bastion::detail

#endif
