#include "support/catch.hpp"

#include <bastion/topology/machine.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace fs = std::filesystem;
using bastion::topology::read_quota;

namespace {

// A file system of its own, with what it is told.
class files {
public:
    files() : root_(fs::temp_directory_path() / ("bastion-quota-" + std::to_string(getpid()))) {
        fs::remove_all(root_);
    }
    files(const files&) = delete;
    files& operator=(const files&) = delete;
    ~files() {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }
    files& with(const std::string& file, const std::string& text) {
        fs::create_directories((root_ / file).parent_path());
        std::ofstream(root_ / file) << text << "\n";
        return *this;
    }
    [[nodiscard]] double quota() const { return read_quota(root_); }

private:
    fs::path root_;
};

} // namespace

TEST_CASE("the quota of a cgroup of version 2 is the tightest on the way up") {
    files f;
    CHECK(f.quota() == 0);
    f.with("proc/self/cgroup", "0::/outer/inner");
    CHECK(f.quota() == 0);
    f.with("sys/fs/cgroup/outer/inner/cpu.max", "max 100000");
    CHECK(f.quota() == 0);
    f.with("sys/fs/cgroup/outer/cpu.max", "150000 100000");
    CHECK(f.quota() == 1.5);
    f.with("sys/fs/cgroup/outer/inner/cpu.max", "400000 100000");
    CHECK(f.quota() == 1.5);
    f.with("sys/fs/cgroup/outer/inner/cpu.max", "50000 100000");
    CHECK(f.quota() == 0.5);
}

TEST_CASE("the quota of a container is at the mount") {
    files f;
    f.with("proc/self/cgroup", "0::/").with("sys/fs/cgroup/cpu.max", "250000 100000");
    CHECK(f.quota() == 2.5);
}

TEST_CASE("the quota of a cgroup of version 1, and of both") {
    files f;
    f.with("proc/self/cgroup", "12:cpuset:/elsewhere\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/user\n0::/");
    f.with("sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "-1")
        .with("sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000");
    CHECK(f.quota() == 0);
    f.with("sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "300000")
        .with("sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "200000");
    CHECK(f.quota() == 1.5);
    f.with("sys/fs/cgroup/cpu.max", "100000 100000");
    CHECK(f.quota() == 1);
}

TEST_CASE("what is no quota is none") {
    files f;
    f.with("proc/self/cgroup", "nonsense\n0::relative\n:::\n0::/a//b/");
    CHECK(f.quota() == 0);
    for (const char* text : {"", "nonsense", "100", "100 0", "-5 100000", "0 100000"}) {
        f.with("sys/fs/cgroup/cpu.max", text);
        CHECK(f.quota() == 0);
    }
}
