#include "support/catch.hpp"

#include <bastion/base/result.hpp>
#include <bastion/process/exit_reason.hpp>

#include <memory>
#include <string>

using bastion::errc;
using bastion::result;

TEST_CASE("a result holds a value or an error") {
    result<int> good = 7;
    REQUIRE(good);
    CHECK(*good == 7);
    CHECK(good.value_or(1) == 7);

    result<int> bad = bastion::fail(errc::timeout);
    REQUIRE_FALSE(bad);
    CHECK(bad.error() == errc::timeout);
    CHECK(bad.value_or(1) == 1);
    CHECK_THROWS_AS(bad.value(), bastion::bad_result_access);
}

TEST_CASE("a result of nothing still says why") {
    result<void> good;
    CHECK(good);
    result<void> bad = bastion::fail("no");
    REQUIRE_FALSE(bad);
    CHECK(bad.error().what() == "no");
    CHECK(bad.error() == errc::failed);
}

TEST_CASE("a result moves what cannot be copied") {
    result<std::unique_ptr<int>> r = std::make_unique<int>(3);
    std::unique_ptr<int> taken = *std::move(r);
    CHECK(*taken == 3);
}

TEST_CASE("results chain") {
    auto half = [](int n) -> result<int> {
        if (n % 2 != 0) return bastion::fail("odd");
        return n / 2;
    };
    const result<int> eight = 8;
    auto two = eight.and_then(half).and_then(half);
    REQUIRE(two);
    CHECK(*two == 2);
    auto text = eight.transform([](int n) { return std::to_string(n); });
    REQUIRE(text);
    CHECK(*text == "8");
    const result<int> three = 3;
    auto odd = three.and_then(half);
    REQUIRE_FALSE(odd);
    auto mended = std::move(odd).or_else([](const bastion::error&) -> result<int> { return 0; });
    REQUIRE(mended);
    CHECK(*mended == 0);
}

TEST_CASE("an error carries the reason of an end") {
    const auto why = bastion::exit_reason::panic("broken", {}, {});
    const bastion::error e(errc::target_died, why);
    CHECK(e.what() == "panic: broken");
    CHECK(e.reason().kind() == bastion::exit_kind::panic);
    CHECK(e.reason().text() == "broken");
    CHECK(bastion::error(errc::timeout).reason().kind() == bastion::exit_kind::normal);
}

TEST_CASE("every code has a text of its own") {
    std::string all;
    for (int c = 1; c <= static_cast<int>(errc::invalid); ++c) {
        const std::string text(to_string(static_cast<errc>(c)));
        CHECK(text != "unknown error");
        CHECK(all.find("|" + text + "|") == std::string::npos);
        all += "|" + text + "|";
    }
}
