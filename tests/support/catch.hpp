#pragma once

// Catch2, version 2 or 3. Tests include this header instead of Catch2's own.
// Never await inside an assertion: write `auto v = co_await x; REQUIRE(v);` (see docs/pitfalls.md).

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#define BASTION_CATCH_CONTAINS(text) ::Catch::Matchers::ContainsSubstring(text)
#else
#include <catch2/catch.hpp>
#define BASTION_CATCH_CONTAINS(text) ::Catch::Matchers::Contains(text)
#endif
