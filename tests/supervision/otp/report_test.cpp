// supervisor_SUITE: the text of what is told of a child's end.
#include "supervision/otp/suite.hpp"

#include <condition_variable>

using namespace otp;

// OTP prints a supervisor's report: in several lines or in one, of bounded depth, with at most so many characters. Here it is the crash
// report, a value that prints itself (tests/supervision/crash_format_test.cpp has the exact texts).
TEST_CASE("format_log_2") {
    std::mutex mutex;
    std::condition_variable came;
    std::vector<bastion::crash_report> reports;
    tree::world w(1, bastion::config().with_crash_reports([&](const bastion::crash_report& r) {
        const std::lock_guard lock(mutex);
        reports.push_back(r);
        came.notify_all();
    }));
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("sup_test").with_otp_defaults());
    const auto started = w.rt.run(sup.start_child(tree::named(w.events, "child1")));
    REQUIRE(started.has_value());
    const bastion::child_ref child = started->group[0];
    child.tell(tree::die{"first line\nsecond line"});
    for (int i = 0; i < 5; ++i) child.tell(i);
    w.settle();
    std::unique_lock lock(mutex);
    came.wait(lock, [&] { return !reports.empty(); });
    const bastion::crash_report& r = reports.front();

    const std::string lines = to_string(r);
    CHECK_THAT(lines, Catch::StartsWith("crash of /sup_test/child1/0\n") && Catch::Contains("panic: first line\n") &&
                          Catch::Contains("\n    ancestors:   /sup_test/child1, /sup_test, /\n") &&
                          Catch::Contains("next:        restarts now"));
    const std::string line = to_string(r, bastion::crash_format().single_line());
    CHECK(line.find('\n') == std::string::npos);
    CHECK_THAT(line, Catch::StartsWith("crash of /sup_test/child1/0; ") && Catch::Contains("first line second line"));
    const std::string shallow = to_string(r, bastion::crash_format().single_line().depth(1));
    CHECK_THAT(shallow, Catch::Contains("ancestors: /sup_test/child1, ...") && !Catch::Contains("/sup_test, /"));
    CHECK(shallow.size() < line.size());
    const std::string bounded = to_string(r, bastion::crash_format().single_line().characters(80));
    CHECK(bounded.size() <= 80);
    CHECK(line.compare(0, 40, bounded, 0, 40) == 0);
}
