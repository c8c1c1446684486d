#include "support/catch.hpp"

#include <bastion/base/function.hpp>
#include <bastion/base/intrusive_list.hpp>
#include <bastion/base/random.hpp>
#include <bastion/base/ref_counted.hpp>
#include <bastion/base/type_name.hpp>

#include <array>
#include <list>
#include <memory>
#include <vector>

namespace {

struct item {
    int n = 0;
    bastion::detail::list_hook<item> hook;
};
using item_list = bastion::detail::intrusive_list<item, &item::hook>;

std::vector<int> content(const item_list& list) {
    std::vector<int> all;
    for (item* i = list.front(); i != nullptr; i = item_list::next(i)) all.push_back(i->n);
    return all;
}

class counted final : public bastion::detail::ref_counted {
public:
    explicit counted(int& alive) : alive_(alive) { ++alive_; }
    ~counted() override { --alive_; }

private:
    int& alive_;
};

} // namespace

TEST_CASE("an intrusive list behaves like a list under random changes") {
    bastion::random_source random(7);
    std::array<item, 50> items;
    for (int i = 0; i < 50; ++i) items[static_cast<std::size_t>(i)].n = i;
    item_list list;
    std::list<int> model;
    std::array<bool, 50> in{};
    for (int step = 0; step < 20000; ++step) {
        const auto i = static_cast<std::size_t>(random.below(50));
        if (in[i]) {
            list.erase(&items[i]);
            model.remove(static_cast<int>(i));
        } else {
            list.push_back(&items[i]);
            model.push_back(static_cast<int>(i));
        }
        in[i] = !in[i];
        REQUIRE(list.size() == model.size());
    }
    CHECK(content(list) == std::vector<int>(model.begin(), model.end()));
    while (list.pop_front() != nullptr) model.pop_front();
    CHECK(model.empty());
}

TEST_CASE("a shared object goes with its last owner") {
    int alive = 0;
    {
        auto a = bastion::detail::make_shared_object<counted>(alive);
        auto b = a;
        auto c = std::move(a);
        CHECK(alive == 1);
        b.reset();
        CHECK(alive == 1);
        c = {};
        CHECK(alive == 0);
    }
    CHECK(alive == 0);
}

TEST_CASE("a unique_function owns small and big callables alike") {
    auto token = std::make_shared<int>(1);
    std::array<char, 100> big{};
    big[99] = 5;
    {
        bastion::detail::unique_function<int(int)> small = [token](int n) { return n + *token; };
        bastion::detail::unique_function<int(int)> large = [token, big](int n) { return n + big[99]; };
        CHECK(small(1) == 2);
        CHECK(large(1) == 6);
        auto moved = std::move(large);
        CHECK(moved(2) == 7);
        CHECK_FALSE(static_cast<bool>(large)); // NOLINT: the state after the move is part of the promise
        moved = std::move(small);
        CHECK(moved(2) == 3);
        CHECK(token.use_count() == 2);
    }
    CHECK(token.use_count() == 1);
}

TEST_CASE("random numbers repeat with their seed and stay below their bound") {
    bastion::random_source a(3);
    bastion::random_source b(3);
    for (int i = 0; i < 1000; ++i) {
        const auto n = a.below(10);
        CHECK(n == b.below(10));
        CHECK(n < 10);
    }
    CHECK(a.below(0) == 0);
}

TEST_CASE("types have readable names") {
    CHECK(bastion::type_name<int>() == "int");
    CHECK(std::string(bastion::type_name<std::vector<int>>()).find("vector<int") != std::string::npos);
}
