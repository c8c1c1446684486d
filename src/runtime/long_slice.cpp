#include <bastion/runtime/long_slice.hpp>

#include <fmt/format.h>

namespace bastion {

std::string to_string(const long_slice& slice) {
    std::string text = fmt::format("{}: {}: has kept worker {} for {} ms without a pause; ",
        slice.process.empty() ? "a task" : slice.process, slice.error ? "error" : "warning", slice.worker,
        std::chrono::duration_cast<std::chrono::milliseconds>(slice.so_far).count());
    if (slice.replaced) text += "a spare worker does its work";
    else if (slice.max_spare_workers == 0) text += "no spare worker may step in: max_spare_workers is 0";
    else text += fmt::format("no spare worker is left: max_spare_workers is {}", slice.max_spare_workers);
    if (slice.left_out > 0) text += fmt::format(" ({} more warnings were not shown)", slice.left_out);
    for (const std::string& frame : slice.backtrace) text += "\n    " + frame;
    return text;
}

} // namespace bastion
