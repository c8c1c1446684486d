// How a crash report is printed.
#include "support/catch.hpp"

#include <bastion/bastion.hpp>

#include <chrono>
#include <sstream>
#include <string>

using namespace std::chrono_literals;

namespace {

bastion::crash_report example() {
    bastion::crash_report r;
    r.path = "/pool/workers/3";
    r.name = "clerk";
    r.incarnation = r.restarts = 1;
    r.spawned_at = bastion::source_location::at("src/main.cpp", 12);
    r.ancestors = {"/pool/workers", "/pool", "/"};
    r.reason = bastion::exit_reason::panic("first\nsecond", "std::runtime_error", {});
    r.in_hand = "divide";
    r.lost = 1;
    r.unread = 3;
    r.mailbox = {"int", "double"};
    r.links.resize(2);
    r.linked = 2;
    r.monitors = 2;
    r.next = "restarts in 3 ms";
    r.at = 12'345ms;
    r.dropped_before = 7;
    return r;
}

} // namespace

TEST_CASE("A crash report is printed in several lines, or in one") {
    CHECK(to_string(example()) ==
          "crash of /pool/workers/3\n"
          "    process:     <0.0> \"clerk\", incarnation 1, restarted 1 time, spawned at main.cpp:12\n"
          "    reason:      panic: first\n"
          "                 second [std::runtime_error]\n"
          "    in hand:     divide\n"
          "    lost:        1 message\n"
          "    ancestors:   /pool/workers, /pool, /\n"
          "    mailbox:     3 unread: int, double, ...\n"
          "    links:       <0.0>, <0.0>\n"
          "    watched by:  2 monitors\n"
          "    traps exits: no\n"
          "    next:        restarts in 3 ms\n"
          "    time:        12.345 s\n"
          "    before this: 7 reports dropped");
    CHECK(
        to_string(example(), bastion::crash_format().single_line()) ==
        "crash of /pool/workers/3; process: <0.0> \"clerk\", incarnation 1, restarted 1 time, spawned at main.cpp:12; "
        "reason: panic: first second [std::runtime_error]; in hand: divide; lost: 1 message; "
        "ancestors: /pool/workers, /pool, /; mailbox: 3 unread: int, double, ...; links: <0.0>, <0.0>; "
        "watched by: 2 monitors; traps exits: no; next: restarts in 3 ms; time: 12.345 s; "
        "before this: 7 reports dropped");
    std::ostringstream out;
    out << example();
    CHECK(out.str() == to_string(example()));
    SECTION("of nobody there is little to say") {
        CHECK(to_string(bastion::crash_report(), bastion::crash_format().single_line()) ==
              "crash of ; process: <0.0>, incarnation 0; reason: normal; mailbox: 0 unread; traps exits: no; "
              "time: 0.000 s");
    }
    SECTION("its lists no longer than asked for") {
        const std::string text = to_string(example(), bastion::crash_format().single_line().depth(1));
        CHECK(text.find("ancestors: /pool/workers, ...;") != std::string::npos);
        CHECK(text.find("mailbox: 3 unread: int, ...;") != std::string::npos);
        CHECK(text.find("links: <0.0>, ...;") != std::string::npos);
        const std::string none = to_string(example(), bastion::crash_format().single_line().depth(0));
        CHECK(none.find("ancestors: ...;") != std::string::npos);
    }
    SECTION("more unread than were counted") {
        bastion::crash_report r = example();
        r.unread = 1'000;
        r.more_unread = true;
        const std::string text = to_string(r, bastion::crash_format().single_line());
        CHECK(text.find("mailbox: more than 1000 unread: int, double, ...;") != std::string::npos);
    }
    SECTION("cut, but not in the midst of a character") {
        const auto most = [](std::size_t n) { return bastion::crash_format().single_line().characters(n); };
        CHECK(to_string(example(), most(12)) == "crash of ...");
        CHECK(to_string(example(), most(2)) == "..");
        CHECK(to_string(example(), most(0)).empty());
        bastion::crash_report r;
        r.path = "/\xc3\xa4\xc3\xb6"; // two letters of two bytes
        CHECK(to_string(r, most(14)) == "crash of /...");
        CHECK(to_string(r, most(15)) == "crash of /\xc3\xa4...");
        const std::string all = to_string(r, most(1'000));
        CHECK(to_string(r, most(all.size())) == all);
    }
}
