// What cannot be meant is said at once, and names the culprit.
#include "supervision/tree.hpp"

#include <stdexcept>

using namespace tree;

namespace {

bastion::children plain(world& w) { return bastion::children().with_name("g").with_exec(element(w.events, "a")); }

} // namespace

TEST_CASE("Times below 0, and others that cannot be meant, are refused by whoever is given them") {
    world w;
    const auto refused = [&](bastion::children g, const char* why) {
        CHECK_THROWS_WITH(w.rt.spawn(std::move(g)), Catch::Contains("children(\"g\")") && Catch::Contains(why));
    };
    const auto strategy = bastion::restart_strategy::always();
    refused(plain(w).with_shutdown(bastion::shutdown::within(-1s)), "with_shutdown: a time below 0");
    refused(plain(w).with_restart_strategy(strategy.with_linear_backoff(-1s)), "a back-off below 0");
    refused(plain(w).with_restart_strategy(strategy.with_exponential_backoff(-1s, 1s)), "a back-off below 0");
    refused(plain(w).with_restart_strategy(strategy.with_exponential_backoff(2s, 1s)), "begins above its cap");
    refused(plain(w).with_restart_strategy(strategy.with_health(-1s)), "a time of health below 0");
    refused(plain(w).with_start(bastion::start_mode::at_first_suspend, 1s), "which only wait_ready has");
    refused(plain(w).with_start(bastion::wait_ready, 0s), "a time-out longer than 0");
    CHECK_THROWS_WITH(w.rt.spawn(bastion::supervisor().with_name("s").with_shutdown(bastion::shutdown::within(-1s))),
        Catch::Contains("supervisor(\"s\")") && Catch::Contains("with_shutdown: a time below 0"));
    CHECK_THROWS_WITH(
        w.rt.spawn(bastion::supervisor().with_restart_strategy(strategy.with_health(-1s)).with_children(plain(w))),
        Catch::Contains("a time of health below 0"));
    // What they may be.
    w.rt.spawn(plain(w).with_shutdown(bastion::shutdown::within(0s)).with_restart_strategy(strategy.immediate()));
    w.settle();
    CHECK(w.events.take() == lines{"start a0"});
}

TEST_CASE("A builder that was given away says so") {
    world w;
    const auto given_away = Catch::Contains("a builder was used after it was given away");
    auto g = plain(w);
    w.rt.spawn(std::move(g));
    // NOLINTBEGIN(bugprone-use-after-move): that is what is tested
    CHECK_THROWS_WITH(w.rt.spawn(std::move(g)), given_away);
    CHECK_THROWS_WITH(g.with_name("again"), given_away);
    auto s = bastion::supervisor();
    w.rt.spawn(std::move(s));
    CHECK_THROWS_WITH(w.rt.spawn(std::move(s)), given_away);
    CHECK_THROWS_WITH(s.with_children(plain(w)), given_away);
    auto p = bastion::partitions([](std::size_t) { return bastion::supervisor(); });
    w.rt.spawn(std::move(p));
    CHECK_THROWS_WITH(w.rt.spawn(std::move(p)), given_away);
    // NOLINTEND(bugprone-use-after-move)
}

TEST_CASE("An element that a group does not have") {
    world w;
    CHECK_THROWS_AS(bastion::children_ref()[0], std::out_of_range);
    CHECK_THROWS_WITH(w.rt.find_children("/typo")[0], Catch::Contains("a children_ref that names no group"));
    const auto group = w.rt.spawn(plain(w));
    CHECK_THROWS_WITH(group[1], Catch::Contains("element 1 of a children_ref with 1 elements"));
}

TEST_CASE("A significant child that cannot be one: the answer says why") {
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_specs_kept());
    w.settle();
    const auto no = w.rt.run(sup.start_child(plain(w).with_significant()));
    REQUIRE_FALSE(no.has_value());
    CHECK(no.error() == bastion::errc::invalid);
    CHECK_THAT(std::string(no.error().what()), Catch::Contains("significant"));
}
