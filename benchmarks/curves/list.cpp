// The bare list beside the curves.

#include "list.hpp"

#include "../harness.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace curves {
namespace {

using bench::check;
using bench::stopwatch;

struct alignas(64) line {
    line* next;
    std::uint64_t value;
};

// Lines in one piece, with huge pages where there are some.
class memory {
public:
    explicit memory(std::size_t lines) : bytes_(lines * sizeof(line)) {
        void* got = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(got != MAP_FAILED, "no memory for the bare list");
        (void)::madvise(got, bytes_, MADV_HUGEPAGE); // Without them it is slower, and as right.
        at_ = static_cast<line*>(got);
    }
    memory(const memory&) = delete;
    memory& operator=(const memory&) = delete;
    ~memory() { ::munmap(at_, bytes_); }
    [[nodiscard]] line* at(std::size_t i) const { return at_ + i; }

private:
    std::size_t bytes_;
    line* at_;
};

// Not inlined, so that no compiler sees where the list was made.
[[gnu::noinline]] line* walk(line* at, std::size_t lines, std::uint64_t steps, std::uint64_t& sum) {
    for (; steps > 0; --steps) {
        for (std::size_t i = 0; i < lines; ++i) sum += at[i].value;
        ++at->value;
        at = at->next;
    }
    return at;
}

[[gnu::noinline]] void fill(line*& free, line*& first, line*& last, std::uint64_t value) {
    line* const node = free;
    free = node->next;
    node->value = value;
    node->next = nullptr;
    (last != nullptr ? last->next : first) = node;
    last = node;
}

[[gnu::noinline]] std::uint64_t drain(line*& free, line*& first, line*& last) {
    line* const node = first;
    first = node->next;
    if (first == nullptr) last = nullptr;
    const std::uint64_t value = node->value;
    node->next = free;
    free = node;
    return value;
}

[[gnu::noinline]] std::uint64_t sum_of(const std::uint64_t* words, std::size_t n) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += words[i];
    return sum;
}

} // namespace

double walk_ns(std::span<const std::uint32_t> place, double bytes, std::uint64_t steps) {
    const std::size_t n = place.size();
    const std::size_t lines = std::max<std::size_t>(static_cast<std::size_t>(bytes) / sizeof(line), 1);
    const memory all(n * lines);
    for (std::size_t k = 0; k < n; ++k) {
        line* const node = all.at(place[k] * lines);
        for (std::size_t i = 0; i < lines; ++i) node[i].value = i == 0 ? 0 : 1;
        node->next = all.at(place[k + 1 < n ? k + 1 : 0] * lines);
    }
    std::uint64_t sum = 0;
    const std::uint64_t before = std::min<std::uint64_t>(n, 1'000'000);
    line* at = walk(all.at(place[0] * lines), lines, before, sum);
    const stopwatch clock;
    at = walk(at, lines, steps, sum);
    const double ns = clock.ns() / static_cast<double>(steps);
    std::uint64_t visits = 0;
    for (std::size_t k = 0; k < n; ++k) visits += all.at(k * lines)->value;
    check(visits == before + steps && at == all.at(place[(before + steps) % n] * lines) && sum >= visits * (lines - 1),
        "the visits of the bare list");
    return ns;
}

double fill_and_drain_ns(std::uint64_t n, std::uint64_t rounds) {
    const memory all(n);
    line* free = nullptr;
    for (std::uint64_t i = n; i > 0; --i) {
        all.at(i - 1)->next = free;
        free = all.at(i - 1);
    }
    line* first = nullptr;
    line* last = nullptr;
    std::uint64_t sum = 0;
    const auto round = [&] {
        for (std::uint64_t i = 0; i < n; ++i) fill(free, first, last, i);
        for (std::uint64_t i = 0; i < n; ++i) sum += drain(free, first, last);
    };
    round();
    const stopwatch clock;
    for (std::uint64_t i = 0; i < rounds; ++i) round();
    const double ns = clock.ns() / static_cast<double>(rounds * n);
    check(sum == (rounds + 1) * (n * (n - 1) / 2) && first == nullptr, "the sum of the bare list");
    return ns;
}

double copy_and_read_ns(std::uint64_t bytes, std::uint64_t rounds) {
    const std::size_t words = bytes / sizeof(std::uint64_t);
    std::vector<std::uint64_t> source(words, 1);
    std::vector<std::uint64_t> node(words);
    std::uint64_t sum = 0;
    double ns = 0;
    for (int timed = 0; timed < 2; ++timed) { // the first time is not
        sum = 0;
        const stopwatch clock;
        for (std::uint64_t i = 0; i < rounds; ++i) {
            source[0] = i;
            std::memcpy(node.data(), source.data(), bytes);
            sum += sum_of(node.data(), words);
        }
        ns = clock.ns() / static_cast<double>(rounds);
        check(sum == rounds * (words - 1) + rounds * (rounds - 1) / 2, "the bytes of the bare list");
    }
    return ns;
}

} // namespace curves
