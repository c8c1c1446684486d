#pragma once

// What the threads of this program did in a span of time, as the kernel counts it: on a core, ready but without one, or
// asleep. It tells a slow answer of ours from a machine that was busy with others. Where the kernel does not say: nothing.

#include <array>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <vector>

namespace soak {

class thread_times {
public:
    struct times {
        std::uint64_t running = 0;
        std::uint64_t ready = 0; // and not running
    };
    using snapshot = std::vector<times>;

    // Of those that there are now.
    thread_times() {
        std::error_code none;
        for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", none)) {
            const int fd = open((task.path() / "schedstat").c_str(), O_RDONLY | O_CLOEXEC);
            if (fd >= 0) files_.push_back(fd);
        }
    }
    thread_times(const thread_times&) = delete;
    thread_times& operator=(const thread_times&) = delete;
    ~thread_times() {
        for (const int fd : files_) close(fd);
    }

    [[nodiscard]] snapshot now() const {
        snapshot all(files_.size());
        for (std::size_t i = 0; i < all.size(); ++i) {
            std::array<char, 80> text{};
            if (pread(files_[i], text.data(), text.size() - 1, 0) > 0)
                (void)std::sscanf(text.data(), "%" SCNu64 " %" SCNu64, &all[i].running, &all[i].ready);
        }
        return all;
    }
    // "" or " (threads, ms running + ready without a core: 1.0 + 20.3, ...)", without those that slept.
    [[nodiscard]] std::string since(const snapshot& before) const {
        const snapshot after = now();
        std::string all;
        for (std::size_t i = 0; i < after.size(); ++i) {
            const double running = static_cast<double>(after[i].running - before[i].running) / 1e6;
            const double ready = static_cast<double>(after[i].ready - before[i].ready) / 1e6;
            if (running + ready < 1) continue;
            std::array<char, 80> text{};
            (void)std::snprintf(text.data(), text.size(), "%s%.1f + %.1f", all.empty() ? "" : ", ", running, ready);
            all += text.data();
        }
        return all.empty() ? "" : " (threads, ms running + ready without a core: " + all + ")";
    }

private:
    std::vector<int> files_;
};

} // namespace soak
