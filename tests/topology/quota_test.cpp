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
    files& link(const std::string& file, const std::string& to) {
        fs::create_directory_symlink(to, root_ / file);
        return *this;
    }
    // Of version 1: a group's quota, with a period of 100 ms.
    files& with_v1(const std::string& group, const std::string& quota) {
        return with(group + "/cpu.cfs_quota_us", quota).with(group + "/cpu.cfs_period_us", "100000");
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

TEST_CASE("a controller of version 1 is found whatever its mount is called") {
    for (const char* line : {"4:cpuacct,cpu:/docker/x", "4:cpu,cpuacct:/docker/x", "4:cpu:/docker/x"}) {
        INFO(line);
        // Of both, with the usual links.
        CHECK(files()
                  .with("proc/self/cgroup", line)
                  .with_v1("sys/fs/cgroup/cpu,cpuacct/docker/x", "150000")
                  .link("sys/fs/cgroup/cpu", "cpu,cpuacct")
                  .link("sys/fs/cgroup/cpuacct", "cpu,cpuacct")
                  .quota() == 1.5);
        for (const char* mount : {"cpu", "cpu,cpuacct", "cpuacct,cpu"})
            CHECK(files()
                      .with("proc/self/cgroup", line)
                      .with_v1("sys/fs/cgroup/" + std::string(mount) + "/docker", "250000")
                      .quota() == 2.5);
        for (const char* other : {"cpuacct", "cpuset", "cp", "unified", "net_cls,net_prio"})
            CHECK(files()
                      .with("proc/self/cgroup", line)
                      .with_v1("sys/fs/cgroup/" + std::string(other) + "/docker/x", "150000")
                      .quota() == 0);
    }
    CHECK(files().with("proc/self/cgroup", "4:cpuacct:/x").with_v1("sys/fs/cgroup/cpu/x", "150000").quota() == 0);
}

TEST_CASE("a group of version 2 that is mounted beside those of version 1 is found") {
    files f;
    f.with("proc/self/cgroup", "4:cpu,cpuacct:/a\n0::/user/b").with_v1("sys/fs/cgroup/cpu,cpuacct/a", "300000");
    CHECK(f.quota() == 3);
    f.with("sys/fs/cgroup/unified/user/cpu.max", "200000 100000");
    CHECK(f.quota() == 2);
    f.with("sys/fs/cgroup/unified/user/b/cpu.max", "50000 100000");
    CHECK(f.quota() == 0.5);
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
