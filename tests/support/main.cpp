// The main function of every Catch2 test program, compiled once. Serves Catch2 2 and 3.

#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
using listener_base = Catch::EventListenerBase;
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
using listener_base = Catch::TestEventListenerBase;
#endif

#include "support/acceptance.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>

namespace {

std::set<std::string, std::less<>>& rows_of_test() {
    static std::set<std::string, std::less<>> rows;
    return rows;
}
std::string& folder_of_program() {
    static std::string folder;
    return folder;
}

// One file a test case, so that programs that run at once do not write over one another's.
void write_rows(const std::string& test, const Catch::Counts& assertions) {
    const char* const where = std::getenv("TEST_ACCEPTANCE");
    // The programs "...-fibers" hold tests of others once more.
    if (where == nullptr || rows_of_test().empty() || folder_of_program() == "fibers") return;
    std::filesystem::create_directories(where);
    const std::string name = folder_of_program() + "." + test;
    std::ofstream file(std::filesystem::path(where) / std::to_string(std::hash<std::string>()(name)));
    for (const std::string& row : rows_of_test())
        file << row << '\t' << name << '\t' << assertions.passed << '\t' << assertions.failed << '\n';
}

class acceptance_listener : public listener_base {
public:
    using listener_base::listener_base;
    void testCaseStarting(const Catch::TestCaseInfo& test) override {
        rows_of_test().clear();
        name_ = test.name;
    }
    void testCaseEnded(const Catch::TestCaseStats& stats) override { write_rows(name_, stats.totals.assertions); }

private:
    std::string name_;
};
CATCH_REGISTER_LISTENER(acceptance_listener)

} // namespace

void test::acceptance(std::string_view id) { rows_of_test().emplace(id); }

int main(int argc, char** argv) {
    folder_of_program() = std::filesystem::path(argv[0]).filename().string();
    if (const auto prefix = folder_of_program().rfind('-'); prefix != std::string::npos)
        folder_of_program().erase(0, prefix + 1);
    return Catch::Session().run(argc, argv);
}
