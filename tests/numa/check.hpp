#pragma once

// Checks of a program that runs where there is no Catch2: each is a function that notes what it saw and what was wrong, and becomes one line.

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace numa {

template <class T>
    requires std::is_arithmetic_v<T>
[[nodiscard]] std::string text(T value) {
    return std::to_string(value);
}
template <class T>
[[nodiscard]] std::string text(const std::vector<T>& values) {
    std::string all;
    for (const T& value : values) all += (all.empty() ? "" : " ") + text(value);
    return "[" + all + "]";
}

class findings {
public:
    // What is told of a check that holds.
    void saw(std::string what) { seen_ = std::move(what); }
    // Whether it is so; otherwise `wrong` is told.
    bool expect(bool is_so, const std::string& wrong) {
        if (!is_so) wrong_.push_back(wrong);
        return is_so;
    }
    template <class T>
    bool same(const std::string& what, const T& ours, const T& of_the_kernel) {
        return expect(ours == of_the_kernel, what + ": " + text(ours) + ", the kernel says " + text(of_the_kernel));
    }

    [[nodiscard]] bool good() const noexcept { return wrong_.empty(); }
    // The first three that were wrong, or what was seen.
    [[nodiscard]] std::string told() const {
        if (good()) return seen_.empty() ? "" : " (" + seen_ + ")";
        std::string all;
        for (std::size_t i = 0; i < wrong_.size() && i < 3; ++i) all += (i == 0 ? ": " : "; ") + wrong_[i];
        if (wrong_.size() > 3) all += "; and " + std::to_string(wrong_.size() - 3) + " more";
        return all;
    }

private:
    std::string seen_;
    std::vector<std::string> wrong_;
};

// What the guest was asked to be.
struct asked {
    int nodes = 0;
    int cpus = 0;
};

struct check {
    const char* name; // a sentence that is true if it holds
    void (*run)(findings&, const asked&);
};

// One line each, and how many they were; run.sh reads them. The exit code.
inline int run_all(std::span<const check> all, const asked& of_guest) {
    bool good = true;
    for (const check& one : all) {
        findings found;
        const auto start = std::chrono::steady_clock::now();
        try {
            one.run(found, of_guest);
        } catch (const std::exception& e) { found.expect(false, std::string("threw ") + e.what()); }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        std::printf("%-8s%s%s", found.good() ? "ok" : "FAILED", one.name, found.told().c_str());
        if (took.count() >= 1) std::printf("; %.1f s", took.count());
        std::printf("\n");
        (void)std::fflush(stdout);
        good = good && found.good();
    }
    std::printf("guest: %zu checks\n", all.size());
    return good ? 0 : 1;
}

} // namespace numa
