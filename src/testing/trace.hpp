// What happened in a simulation: a hash of everything, and the last events in words.
#ifndef BASTION_SRC_TESTING_TRACE_HPP
#define BASTION_SRC_TESTING_TRACE_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bastion::detail {

struct trace_event {
    std::uint64_t step = 0;
    std::int64_t ns = 0;
    std::uint32_t worker = 0;
    std::uint32_t process = 0; // in the order of their first turns, so the same in every run of a seed
    std::uint32_t incarnation = 0;
    std::uint32_t number = 0; // what it counts depends on `what`
    std::string_view what; // a literal
};

class trace {
public:
    static constexpr std::size_t kept = 64;

    void add(const trace_event& e) noexcept {
        mix(e.step);
        mix(static_cast<std::uint64_t>(e.ns));
        mix((std::uint64_t{e.worker} << 32) | e.process);
        mix((std::uint64_t{e.incarnation} << 32) | e.number);
        mix(e.what.size() << 8 | static_cast<unsigned char>(e.what.front()));
        events_[count_++ % kept] = e;
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
