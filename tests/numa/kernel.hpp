#pragma once

// What the kernel says about nodes, CPUs, threads and pages; asked directly, without hwloc or libnuma. Throws what it cannot read.

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <sched.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace numa::kernel {

inline const std::string node_folder = "/sys/devices/system/node/";
inline const std::string cpu_folder = "/sys/devices/system/cpu/cpu";

[[nodiscard]] inline std::string line_of(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line)) throw std::runtime_error("cannot read " + path);
    return line;
}

// "0-3,8": 0 1 2 3 8. An empty text: none.
[[nodiscard]] inline std::vector<int> numbers_of(const std::string& ranges) {
    std::vector<int> all;
    std::istringstream parts(ranges);
    for (std::string part; std::getline(parts, part, ',');) {
        const std::size_t dash = part.find('-');
        const int first = std::stoi(part);
        const int last = dash == std::string::npos ? first : std::stoi(part.substr(dash + 1));
        for (int n = first; n <= last; ++n) all.push_back(n);
    }
    return all;
}

// ---- the machine

[[nodiscard]] inline std::vector<int> nodes() { return numbers_of(line_of(node_folder + "online")); }

[[nodiscard]] inline std::vector<int> cpus_of_node(int node) {
    return numbers_of(line_of(node_folder + "node" + std::to_string(node) + "/cpulist"));
}

// -1: of none.
[[nodiscard]] inline int node_of_cpu(int cpu) {
    for (const int node : nodes()) {
        const std::vector<int> here = cpus_of_node(node);
        if (std::find(here.begin(), here.end(), cpu) != here.end()) return node;
    }
    return -1;
}

// To each of nodes(), in that order.
[[nodiscard]] inline std::vector<unsigned> distances_of_node(int node) {
    std::istringstream line(line_of(node_folder + "node" + std::to_string(node) + "/distance"));
    std::vector<unsigned> all;
    for (unsigned d = 0; line >> d;) all.push_back(d);
    return all;
}

[[nodiscard]] inline std::uint64_t bytes_of_node(int node) {
    std::ifstream file(node_folder + "node" + std::to_string(node) + "/meminfo");
    for (std::string word; file >> word;) {
        std::uint64_t kib = 0;
        if (word == "MemTotal:" && file >> kib) return kib * 1024;
    }
    throw std::runtime_error("no MemTotal of node " + std::to_string(node));
}

[[nodiscard]] inline int package_of_cpu(int cpu) {
    return std::stoi(line_of(cpu_folder + std::to_string(cpu) + "/topology/physical_package_id"));
}

// Those of its core, with itself.
[[nodiscard]] inline std::vector<int> siblings_of_cpu(int cpu) {
    return numbers_of(line_of(cpu_folder + std::to_string(cpu) + "/topology/thread_siblings_list"));
}

// ---- threads

// The CPUs on which it may run; 0: the calling thread. None: it has ended, which a joined thread does a little later than it says.
[[nodiscard]] inline std::vector<int> cpus_of_thread(pid_t thread = 0) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    if (sched_getaffinity(thread, sizeof mask, &mask) != 0) {
        if (errno == ESRCH) return {};
        throw std::system_error(errno, std::generic_category(), "sched_getaffinity");
    }
    std::vector<int> all;
    for (int i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(static_cast<std::size_t>(i), &mask)) all.push_back(i);
    return all;
}

// Empty: it has ended.
[[nodiscard]] inline std::string name_of_thread(pid_t thread) {
    std::ifstream comm("/proc/self/task/" + std::to_string(thread) + "/comm");
    std::string name;
    std::getline(comm, name);
    return name;
}

inline void bind_this_thread(const std::vector<int>& cpus) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &mask);
    if (sched_setaffinity(0, sizeof mask, &mask) != 0)
        throw std::system_error(errno, std::generic_category(), "sched_setaffinity");
}

// Of this program, with the calling one.
[[nodiscard]] inline std::vector<pid_t> threads() {
    std::vector<pid_t> all;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
        all.push_back(std::stoi(entry.path().filename().string()));
    return all;
}

struct place {
    int cpu = -1;
    int node = -1;
};

// Where the calling thread runs.
[[nodiscard]] inline place here() {
    unsigned cpu = 0;
    unsigned node = 0;
    if (syscall(SYS_getcpu, &cpu, &node, nullptr) != 0)
        throw std::system_error(errno, std::generic_category(), "getcpu");
    return {static_cast<int>(cpu), static_cast<int>(node)};
}

// ---- pages

inline constexpr std::size_t page = 4096;

// How many pages of a range lie on which node; below 0, an error: -ENOENT of those that nobody has touched.
[[nodiscard]] inline std::map<int, std::size_t> pages_of(const void* first, std::size_t bytes) {
    const auto begin = reinterpret_cast<std::uintptr_t>(first) / page * page;
    const auto end = reinterpret_cast<std::uintptr_t>(first) + bytes;
    std::vector<void*> pages;
    for (std::uintptr_t at = begin; at < end; at += page) pages.push_back(reinterpret_cast<void*>(at));
    std::vector<int> where(pages.size());
    // Without a list of nodes it moves nothing, and tells where they are.
    if (syscall(SYS_move_pages, 0, pages.size(), pages.data(), nullptr, where.data(), 0) != 0)
        throw std::system_error(errno, std::generic_category(), "move_pages");
    std::map<int, std::size_t> all;
    for (const int node : where) ++all[node];
    return all;
}

// Fresh memory of its own, which nobody has touched. Between pages that nobody may touch, at a boundary of huge pages: else the kernel
// takes it and what lies beside it, a thread's stack say, for one range, and whoever touches that gets a huge page that reaches into this.
class fresh_memory {
public:
    explicit fresh_memory(std::size_t bytes) : bytes_(bytes), taken_(bytes + 2 * huge_page) {
        start_ = mmap(nullptr, taken_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
        const std::size_t beyond = reinterpret_cast<std::uintptr_t>(start_) % huge_page;
        at_ = static_cast<char*>(start_) + (huge_page - beyond);
        if (mprotect(at_, bytes_, PROT_READ | PROT_WRITE) == 0) return;
        (void)munmap(start_, taken_);
        throw std::system_error(errno, std::generic_category(), "mprotect");
    }
    fresh_memory(const fresh_memory&) = delete;
    fresh_memory& operator=(const fresh_memory&) = delete;
    ~fresh_memory() { (void)munmap(start_, taken_); }

    void touch() noexcept {
        for (std::size_t i = 0; i < bytes_; i += page) *const_cast<volatile char*>(at_ + i) = 1;
    }
    [[nodiscard]] std::map<int, std::size_t> pages() const { return pages_of(at_, bytes_); }

private:
    static constexpr std::size_t huge_page = 2 * 1024 * 1024;

    std::size_t bytes_;
    std::size_t taken_;
    void* start_ = nullptr;
    char* at_ = nullptr;
};

} // namespace numa::kernel
