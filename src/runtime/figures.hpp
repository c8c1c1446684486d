// Reads the figures of an executor for the runtime that has it.
#ifndef BASTION_SRC_RUNTIME_FIGURES_HPP
#define BASTION_SRC_RUNTIME_FIGURES_HPP

#include <bastion/runtime/figures.hpp>

#include <cstdint>

namespace bastion::detail {

class executor;

// `began_ns`: when its workers began, by monotonic_ns. Throws std::bad_alloc.
[[nodiscard]] runtime_figures read_figures(executor& workers, std::int64_t began_ns);

} // namespace bastion::detail

#endif
