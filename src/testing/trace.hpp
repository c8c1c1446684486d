// What happened in a simulation: a hash of everything, and the last events in words.
#ifndef BASTION_SRC_TESTING_TRACE_HPP
#define BASTION_SRC_TESTING_TRACE_HPP

#include <bastion/process/exit_reason.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace bastion::detail {

struct trace_event {
    std::uint64_t step = 0;
    std::int64_t ns = 0;
    std::uint32_t worker = 0;
    std::uint32_t process = 0; // in the order of their first turns, so the same in every run of a seed
    std::uint32_t incarnation = 0;
    std::uint32_t number = 0; // what it counts depends on `what`
    std::string_view what; // a literal

    // For people, not in the hash. Kept with the event: the process may be gone when somebody asks.
    std::string_view counts; // what `number` counts, a literal; empty: nothing of interest
    std::shared_ptr<const std::string> path; // null: of nobody
    std::string_view type; // of the message, a literal; empty: of none
    bool over = false; // an incarnation or an owner has ended
    exit_reason why;
};

class trace {
public:
    static constexpr std::size_t kept = 64;

    void add(trace_event e) noexcept {
        mix(e.step);
        mix(static_cast<std::uint64_t>(e.ns));
        mix((std::uint64_t{e.worker} << 32) | e.process);
        mix((std::uint64_t{e.incarnation} << 32) | e.number);
        mix(e.what.size() << 8 | static_cast<unsigned char>(e.what.front()));
        events_[count_++ % kept] = std::move(e);
    }
    [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
    // The last `n` events, one line each, oldest first.
    [[nodiscard]] std::string last(std::size_t n) const;

private:
    // FNV-1a over words, with a final shift for its weak low bits.
    void mix(std::uint64_t word) noexcept {
        hash_ = (hash_ ^ word) * 0x100000001b3u;
        hash_ ^= hash_ >> 32;
    }

    std::uint64_t hash_ = 0xcbf29ce484222325u;
    std::uint64_t count_ = 0;
    std::array<trace_event, kept> events_{};
};

} // namespace bastion::detail

#endif
