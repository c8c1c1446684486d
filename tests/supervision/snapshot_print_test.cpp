// A snapshot as text and as JSON: golden texts of a tree that is always the same, odd names, and the schema.
#include "supervision/tree.hpp"
#include "support/schema.hpp"

#include <boost/json/src.hpp>

#include <fstream>
#include <sstream>
#include <string>

using namespace tree;

namespace {

bastion::source_location line(int n) { return bastion::source_location::at("/src/app.cpp", n); }

bastion::process one(bastion::context ctx) {
    for (;;) {
        auto got = co_await ctx.recv<die>();
        bastion::panic(got.why);
    }
}

bastion::process waits_long(bastion::context ctx) {
    (void)co_await ctx.recv<int>();
    co_await ctx.sleep_for(1h);
}

bastion::children group(const char* name, int n) { return bastion::children(line(n)).with_name(name).with_exec(one); }

// Something of everything, after three seconds.
bastion::snapshot example(world& w) {
    const auto slow = bastion::restart_strategy::always().with_linear_backoff(1min);
    w.settle();
    w.rt.spawn(bastion::supervisor(line(10))
            .with_name("app")
            .with_strategy(bastion::strategy::rest_for_one)
            .with_auto_shutdown(bastion::auto_shutdown::all_significant)
            .with_children(group("workers", 20)
                    .with_redundancy(3)
                    .with_restart_scope(bastion::restart_scope::element)
                    .with_restart_strategy(at_once()))
            .with_supervisor(bastion::supervisor(line(30)).with_name("io").with_significant(true).with_children(
                group("sockets", 40).with_redundancy(4).with_restart(bastion::temporary)))
            .with_children(group("clock", 50).with_restart(bastion::permanent)));
    const auto late =
        w.rt.spawn(bastion::children(line(60)).with_name("late").with_exec(one).with_restart_strategy(slow));
    w.rt.root().spawn(waits_long, line(70));
    w.settle();
    w.advance(1s);
    const auto workers = w.rt.find_children("/app/workers");
    workers[1].tell(die{"once"});
    for (int i = 0; i < 5; ++i) (void)workers[2].tell(i);
    late[0].tell(die{"say \"ouch\""});
    const auto tmp = w.rt.snapshot().root.children[0].children[0].ref;
    tmp.tell(1);
    w.settle();
    w.advance(2s);
    bastion::snapshot s = w.rt.snapshot(bastion::snapshot_limits().elements(3));
    s.resumes = 100; // of the machinery, not of the tree
    s.steals = 2;
    s.parks = 10;
    return s;
}

const test::schema& snapshot_schema() {
    static const test::schema schema = [] {
        std::ifstream file(BASTION_SCHEMAS "/snapshot.schema.json");
        std::ostringstream text;
        text << file.rdbuf();
        return test::schema(text.str());
    }();
    return schema;
}

lines faults_of(const std::string& json) { return snapshot_schema().faults_of(boost::json::parse(json)); }

} // namespace

TEST_CASE("A snapshot prints as a tree, and its JSON fits the schema") {
    world w;
    const bastion::snapshot s = example(w);
    CHECK(to_string(s) == R"(runtime: running, up 3 s, 1 worker, 3 supervisors, 6 groups, 6 elements, 0 dead letters
/: running, one_for_one
|- temporary: running, temporary, 1 element
|  `- 0: waiting, handles int, app.cpp:70
|- app/: running, rest_for_one, transient, up 3 s, app.cpp:10
|  |- workers: running, transient, 3 elements, up 3 s, app.cpp:20
|  |  |- 0: waiting, up 3 s
|  |  |- 1: waiting, 1 restart, up 2 s
|  |  `- 2: waiting, 5 unread, up 3 s
|  |- io/: running, one_for_one, transient, significant, 1 restart, up 2 s, app.cpp:30
|  `- clock: running, permanent, 1 element, 1 restart, up 2 s, app.cpp:50
|     `- 0: waiting, 1 restart, up 2 s
`- late: restarting, transient, 1 element, up 3 s, app.cpp:60
   `- 0: restarting after panic: say "ouch"
)");
    std::ostringstream streamed;
    streamed << s;
    CHECK(streamed.str() == to_string(s));
    CHECK(faults_of(to_json(s)) == lines{});
}

TEST_CASE("A snapshot's JSON, to the letter") {
    world w;
    w.settle();
    w.rt.spawn(group("g", 20).with_redundancy(2).with_restart_strategy(
        bastion::restart_strategy::always().with_linear_backoff(1min)));
    w.settle();
    w.rt.find_children("/g")[0].tell(die{"x"});
    w.settle();
    bastion::snapshot s = w.rt.snapshot();
    s.resumes = 7;
    s.steals = s.parks = 0;
    s.root.children[1].children[1].unread->exact = false;
    s.root.children[1].children[1].in_hand = "int";
    CHECK(to_json(s) ==
          R"({"schema":"bastion.snapshot/1","partial":false,"runtime":{"stage":"running","time_ns":0,"uptime_ns":0,)"
          R"("workers":1,"resumes":7,"steals":0,"parks":0,"dead_letters":{"noproc":0,"stale":0,"unread":0,"full":0,)"
          R"("unhandled":0,"limit":0,"stopped":0},"blocking":{"queued":0,"running":0,"threads":0,"idle":0,)"
          R"("peak_threads":0,"completed":0,"cancelled":0}},"processes":{"supervisors":1,"groups":2,"elements":2,)"
          R"("missing":0},"root":{"name":"","path":"/","kind":"supervisor","status":"running","known":"whole",)"
          R"("significant":false,"strategy":"one_for_one","total":2,"children":[{"name":"temporary",)"
          R"("path":"/temporary","kind":"group","status":"running","known":"whole","implicit":true,)"
          R"("significant":false,"restart":"temporary","restarts":0,"total":0,"children":[]},{"name":"g",)"
          R"("path":"/g","kind":"group","status":"restarting","known":"whole","implicit":false,"significant":false,)"
          R"("restart":"transient","restarts":0,"age_ns":0,"where":{"file":"/src/app.cpp","line":20},"total":2,)"
          R"("children":[{"name":"0","path":"/g/0","kind":"element","status":"restarting","restart":"transient",)"
          R"("restarts":0,"incarnation":0,"reason":{"kind":"panic","what":"panic: x"},"unread":{"messages":0,)"
          R"("exact":true},"where":{"file":"/src/app.cpp","line":20}},{"name":"1","path":"/g/1","kind":"element",)"
          R"("status":"waiting","restart":"transient","restarts":0,"incarnation":0,"age_ns":0,"unread":)"
          R"({"messages":0,"exact":false},"in_hand":"int","where":{"file":"/src/app.cpp","line":20}}]}]}})");
    CHECK(faults_of(to_json(s)) == lines{});
}

TEST_CASE("A snapshot prints where processes are at home, where there are several nodes") {
    const std::string machine = GENERATE("numa:2 core:1 pu:1", "core:2 pu:1");
    using bastion::placement;
    world w(2, bastion::config().with_machine(machine));
    const bool has_nodes = machine.find("numa") == 0;
    const placement second = placement::node(has_nodes ? 1 : 0);
    const auto bound = w.rt.spawn(group("bound", 1).with_placement(second));
    w.rt.spawn(group("soft", 2).with_placement(second.soft()));
    w.rt.spawn(group("near", 3).with_placement(placement::near(bound[0]).bound()));
    w.rt.spawn(group("spread", 4).with_placement(placement::spread().bound()));
    w.rt.spawn(group("any", 5));
    w.rt.root().spawn(one, second, line(6));
    w.settle();
    const bastion::snapshot s = w.rt.snapshot();
    const std::string text = to_string(s.root);
    const std::string json = to_json(s);
    CHECK(faults_of(json) == lines{});
    if (!has_nodes) {
        for (const char* word : {"home", "bound to", "spread,", "near another"})
            CHECK_THAT(text, !BASTION_CATCH_CONTAINS(std::string(word)));
        CHECK_THAT(json, !BASTION_CATCH_CONTAINS(std::string("placement")));
        return;
    }
    CHECK(text == R"(/: running, one_for_one
|- temporary: running, temporary, 1 element
|  `- 0: waiting, bound to node 1, app.cpp:6
|- bound: running, transient, 1 element, bound to node 1, up 0 us, app.cpp:1
|  `- 0: waiting, bound to node 1, up 0 us
|- soft: running, transient, 1 element, at home on node 1, up 0 us, app.cpp:2
|  `- 0: waiting, at home on node 1, up 0 us
|- near: running, transient, 1 element, near another process, bound, up 0 us, app.cpp:3
|  `- 0: waiting, bound to node 1, up 0 us
|- spread: running, transient, 1 element, spread, bound, up 0 us, app.cpp:4
|  `- 0: waiting, bound to node 0, up 0 us
`- any: running, transient, 1 element, up 0 us, app.cpp:5
   `- 0: waiting, up 0 us
)");
    for (const char* part : {R"("placement":{"kind":"node","node":1,"bound":true},"where")",
             R"("placement":{"kind":"node","node":1,"bound":false},"where")",
             R"("placement":{"kind":"spread","bound":true},"where")",
             R"("placement":{"kind":"near","bound":true},"where")"})
        CHECK_THAT(json, BASTION_CATCH_CONTAINS(std::string(part)));
}

TEST_CASE("What a snapshot does not list is said in a line, and so is who has not answered") {
    world w;
    w.rt.spawn(bastion::supervisor(line(1)).with_name("s").with_children(group("many", 2).with_redundancy(5)));
    w.settle();
    bastion::snapshot s = w.rt.snapshot(bastion::snapshot_limits().elements(1).depth(2));
    CHECK(to_string(s.root.children[1]) == R"(s/: running, one_for_one, transient, up 0 us, app.cpp:1
`- many: running, transient, 5 elements, up 0 us, app.cpp:2
   |- 0: waiting, up 0 us
   `- and 4 more
)");
    CHECK(faults_of(to_json(s)) == lines{});
    s = w.rt.snapshot(bastion::snapshot_limits().depth(1));
    CHECK(to_string(s.root.children[1]) == R"(s/: running, one_for_one, transient, up 0 us, app.cpp:1
|- temporary: running, temporary, not asked
`- many: running, transient, up 0 us, not asked
)");
    CHECK(faults_of(to_json(s)) == lines{});
    s.missing = 2;
    s.root.children[1].children.clear();
    s.root.children[1].known = bastion::snapshot_knowledge::missing;
    s.root.children[1].children.clear();
    s.root.children[1].total = 0;
    const std::string text = to_string(s);
    CHECK(text.find("\npartial: 2 did not answer in time\n") != std::string::npos);
    CHECK(text.find("s/: running, one_for_one, transient, up 0 us, did not answer, app.cpp:1\n") != std::string::npos);
    CHECK(faults_of(to_json(s)) == lines{});
}

TEST_CASE("Odd names make neither JSON that is none, nor a line that is two") {
    struct sample {
        std::string name;
        std::string json; // what a parser makes of it
        std::string text;
    };
    const std::string bad = "\xef\xbf\xbd"; // U+FFFD
    const std::string bad_text = "\\ufffd";
    const sample samples[] = {
        {"plain", "plain", "plain"}, {"a \"b\" \\c", "a \"b\" \\c", "a \"b\" \\c"},
        {std::string("\0\x01\n\t\x1f\x7f", 6), std::string("\0\x01\n\t\x1f\x7f", 6),
            "\\u0000\\u0001\\u000a\\u0009\\u001f\\u007f"},
        {"\u00e4\u20ac\U0001f600", "\u00e4\u20ac\U0001f600", "\u00e4\u20ac\U0001f600"},
        {"\u0085\u2028", "\u0085\u2028", "\\u0085\\u2028"},
        {"a\x80z", "a" + bad + "z", "a" + bad_text + "z"}, // a byte that only goes on
        {"\xc3", bad, bad_text}, // an end too early
        {"\xe2\x82", bad + bad, bad_text + bad_text}, {"\xc0\xaf", bad + bad, bad_text + bad_text}, // overlong
        {"\xe0\x80\xaf", bad + bad + bad, bad_text + bad_text + bad_text},
        {"\xf0\x80\x80\x80", bad + bad + bad + bad, bad_text + bad_text + bad_text + bad_text},
        {"\xed\xa0\x80", bad + bad + bad, bad_text + bad_text + bad_text}, // half a pair
        {"\xf4\x90\x80\x80", bad + bad + bad + bad, bad_text + bad_text + bad_text + bad_text}, // above U+10FFFF
        {"\xff\xfe", bad + bad, bad_text + bad_text},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}, // U+10FFFF
    };
    world w;
    const auto sup = w.rt.spawn(bastion::supervisor().with_name("s"));
    std::size_t i = 1; // behind the implicit group
    for (const sample& one : samples) {
        INFO(one.text);
        sup.spawn(group(one.name.c_str(), 1).with_name(one.name));
        w.settle();
        const auto s = w.rt.run(sup.snapshot());
        REQUIRE(s.has_value());
        const std::string json = to_json(*s);
        CHECK(json.find_first_not_of(" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
                                     "abcdefghijklmnopqrstuvwxyz{|}~") == std::string::npos);
        CHECK(faults_of(json) == lines{});
        const boost::json::value parsed = boost::json::parse(json);
        const auto& child = parsed.at_pointer("/root/children/" + std::to_string(i));
        CHECK(std::string(child.at("name").as_string()) == one.json);
        CHECK(to_string(s->root.children[i]).substr(0, one.text.size() + 2) == one.text + ": ");
        ++i;
    }
}

TEST_CASE("The check of the schema finds what is wrong") {
    world w;
    w.rt.spawn(group("g", 1));
    w.settle();
    const boost::json::value good = boost::json::parse(to_json(w.rt.snapshot()));
    const auto with = [&good](std::string_view place, const char* name, boost::json::value v) {
        boost::json::value changed = good;
        changed.at_pointer(place).as_object()[name] = std::move(v);
        return snapshot_schema().faults_of(changed);
    };
    CHECK(snapshot_schema().faults_of(good).empty());
    CHECK(with("", "schema", "bastion.snapshot/2") == lines{"/schema: is not \"bastion.snapshot/1\""});
    CHECK(with("", "extra", 1) == lines{"/extra: is not in the schema"});
    CHECK(with("/runtime", "workers", -1) == lines{"/runtime/workers: is too small"});
    CHECK(with("/runtime", "workers", 1.5) == lines{"/runtime/workers: is no integer"});
    CHECK_FALSE(with("/root/children/1", "status", "asleep").empty());
    CHECK_FALSE(with("/root/children/1/children/0", "unread", nullptr).empty());
    boost::json::value less = good;
    less.at_pointer("/runtime").as_object().erase("stage");
    CHECK(snapshot_schema().faults_of(less) == lines{"/runtime: has no stage"});
}

TEST_CASE("A snapshot has a word for each strategy, and one of a template fits the schema") {
    tree::world w;
    using bastion::strategy;
    for (const strategy s : {strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one})
        w.rt.spawn(bastion::supervisor().with_strategy(s));
    const auto body = [](bastion::context ctx, int) -> bastion::process { (void)co_await ctx.recv(); };
    const auto simple = w.rt.spawn(bastion::supervisor()
            .with_strategy(strategy::simple_one_for_one)
            .with_children(bastion::children().with_template(body)));
    const auto made = w.rt.run(simple.start_child(1));
    REQUIRE(made.has_value());
    const bastion::snapshot whole = w.rt.snapshot();
    CHECK(faults_of(to_json(whole)).empty());
    for (const char* word : {"one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"}) {
        CHECK_THAT(to_json(whole), Catch::Contains('"' + std::string(word) + '"'));
        CHECK_THAT(to_string(whole), Catch::Contains(word));
    }
}
