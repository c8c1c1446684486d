#include "testing/random_routing.hpp"

#include "testing/random_tree.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <unordered_set>

namespace trees {

using namespace bastion;
using namespace std::chrono_literals;

// Gives to all members, and knows who they are by what it is told.
class notary final : public dispatcher_handler {
public:
    explicit notary(ledger& l) : ledger_(l) {}
    void notify(const child_ref& who, const recipients& members, notification what) override;
    std::size_t broadcast_message(const recipients& members, const dispatched_message& message) override;
    [[nodiscard]] std::size_t size() const { return members_.size(); }
    [[nodiscard]] std::uint64_t given() const { return given_; }
    // How many of these found no member.
    [[nodiscard]] std::uint64_t to_nobody() const noexcept { return to_nobody_; }

private:
    ledger& ledger_;
    std::unordered_set<child_ref> members_; // looked up only: no order may depend on an address
    std::uint64_t given_ = 0;
    std::uint64_t to_nobody_ = 0;
};

void notary::notify(const child_ref& who, const recipients& members, notification what) {
    if (what == notification::attention) ++ledger_.routing.attentions;
    else if (what == notification::joined && !members_.insert(who).second) ledger_.wrong("a member joins twice");
    else if (what == notification::left && members_.erase(who) == 0) ledger_.wrong("one leaves that was no member");
    if (what != notification::attention && members.size() != members_.size())
        ledger_.wrong("a dispatcher has not told of all who came and went");
}

std::size_t notary::broadcast_message(const recipients& members, const dispatched_message& message) {
    ++given_; // also if there is no memory for what follows: that is reported, and the sender goes on
    const parcel* p = message.get<parcel>();
    if (p == nullptr) {
        ledger_.wrong("a dispatcher was given another message");
        return 0;
    }
    const std::vector<child_ref> all = members.all();
    p->of->to = p->of->may_get = all;
    if (all.empty()) ++to_nobody_;
    std::size_t taken = 0;
    for (const child_ref& who : all) {
        if (message.to(who) == delivery::accepted) ++taken;
        ++ledger_.routing.parcels.sent;
    }
    return taken;
}

namespace {

constexpr const char* own_names[] = {"a", "b", "c", "d", "a name that is too long for its short place", "f"};
constexpr const char* given_names[] = {"g", "h", "another name that is too long for its place", "j"};
constexpr const char* topics[] = {"news", "weather"};
constexpr const char* distributors[] = {"desk", "counter"};
constexpr const char* by_turns = "by turns";
constexpr const char* to_all = "to all";

template <class T, std::size_t N>
const T& any_of(ledger& l, const T (&all)[N]) {
    return all[l.below(static_cast<std::uint32_t>(N))];
}

// What there was no memory to send was made and lost, and is no dead letter.
template <class Send>
auto counting_unsent(ledger& l, Send send) {
    const auto lost = l.sent.lost - l.dead;
    try {
        return send();
    } catch (const std::bad_alloc&) {
        l.not_sent += l.sent.lost - l.dead - lost;
        throw;
    }
}

// ---- names

void register_own(context ctx, ledger& l) {
    const std::uint32_t i = l.below(std::size(own_names));
    name_account& a = l.routing.names[i];
    const auto r = ctx.register_name(own_names[i]);
    if (r) {
        if (a.is == name_account::state::held) l.wrong("a name is given twice");
        a = {name_account::state::held, ctx.self(), l.routing.last_body[ctx.self()]};
    } else if (r.error() == errc::name_taken) {
        if (a.is == name_account::state::free) l.wrong("a name is taken, and nobody has it");
    } else {
        l.wrong("a name is refused: " + r.error().what());
    }
}

void unregister_some(context ctx, ledger& l) {
    const std::uint32_t i = l.below(std::size(own_names));
    name_account& a = l.routing.names[i];
    const bool had = ctx.unregister_name(own_names[i]);
    if (had && a.is == name_account::state::free) l.wrong("a name is taken back that nobody had");
    if (!had && a.is == name_account::state::held) l.wrong("a name that somebody has is not taken back");
    if (had) ++l.routing.taken_back;
    a.is = name_account::state::free;
}

void look_up(context ctx, ledger& l) {
    const std::uint32_t i = l.below(std::size(own_names));
    const name_account& a = l.routing.names[i];
    const child_ref who = ctx.whereis(own_names[i]);
    if (a.is == name_account::state::held && who != a.who) l.wrong("a name is lost");
    if (a.is == name_account::state::free && who != child_ref()) l.wrong("a name finds one that has not got it");
    if (a.is == name_account::state::going && who != a.who && who != child_ref()) l.wrong("a name finds another one");
    if (who == child_ref()) return;
    ++l.routing.found;
    (void)who.tell<job>(l);
}

void give_name(context ctx, ledger& l) {
    const std::uint32_t i = l.below(std::size(given_names));
    const child_ref now = l.routing.given[i];
    if (now.alive() && ctx.whereis(given_names[i]) != now) l.wrong("a name that was given is lost");
    if (l.below(4) == 0) {
        const bool had = ctx.unregister_name(given_names[i]);
        if (!had && now.alive()) l.wrong("a name that was given is not taken back");
        l.routing.given[i] = child_ref();
        return;
    }
    const child_ref who = l.anybody();
    if (who == ctx.self()) return; // that would be its own
    const auto r = ctx.runtime().register_name(given_names[i], who);
    if (r && now.alive()) l.wrong("a name is given to a second one");
    if (r) l.routing.given[i] = who;
    else if (r.error() == errc::name_taken && now == child_ref()) l.wrong("a name is taken, and nobody was given it");
    else if (r.error() == errc::noproc && who.alive()) l.wrong("one that is there cannot be given a name");
}

// ---- members

template <class Set>
void come_or_go(context ctx, ledger& l, const Set& set) {
    const bool itself = l.below(2) == 0;
    const child_ref who = itself ? ctx.self() : l.anybody();
    const bool was = set.contains(who);
    if (l.below(3) != 0) {
        const bool joined = set.subscribe(who);
        if (joined && !set.contains(who)) l.wrong("one that has joined is no member");
        if (itself && !joined) l.wrong("a process cannot join");
        if (!joined && set.contains(who) != was) l.wrong("one that could not join is a member");
    } else if (set.unsubscribe(who) != was || set.contains(who)) {
        l.wrong("a member has not left");
    }
}

void publish(context ctx, ledger& l) {
    const topic on = ctx.topic(any_of(l, topics));
    const child_ref but = l.below(2) == 0 ? ctx.self() : child_ref();
    std::vector<child_ref> to = on.members();
    std::erase(to, but);
    round& r = l.routing.rounds.emplace_back(to);
    shares& account = l.routing.bulletins;
    account.sent += to.size();
    account.unsure += to.size();
    const std::size_t taken = on.broadcast_from(but, bulletin{&r});
    account.unsure -= to.size();
    if (taken > to.size()) l.wrong("more have taken a bulletin than there are");
}

void tell_in_turn(context ctx, ledger& l) {
    const distributor to = ctx.distributor(any_of(l, distributors));
    std::vector<child_ref> members = to.members();
    std::erase_if(members, [](const child_ref& c) { return !c.alive(); });
    round& r = l.routing.rounds.emplace_back(members);
    const std::size_t once = std::max<std::size_t>(1, members.size()); // to nobody, too
    for (std::size_t i = 0; i < once; ++i) (void)counting_unsent(l, [&] { return to.tell_one(in_turn(l, r)); });
}

void tell_all(context ctx, ledger& l) {
    const distributor to = ctx.distributor(any_of(l, distributors));
    round& r = l.routing.rounds.emplace_back(to.members());
    const circular c(l, r);
    if (to.tell_everyone(c) > r.to.size()) l.wrong("more have taken a copy than there are");
}

task<void> ask_one(context ctx, ledger& l) {
    const distributor to = ctx.distributor(any_of(l, distributors));
    const std::uint64_t number = l.below(1000);
    test::asking mark(l);
    const bool by_request = l.below(2) == 0;
    auto coming = counting_unsent(
        l, [&] { return by_request ? to.request<std::uint64_t>(query(l, number)) : to.ask_one<query>(l, number); });
    auto r = co_await std::move(coming).within(1ms + l.time_below(20ms));
    mark.ends(r, number + 1);
}

// One result from each member, in their order.
task<void> ask_all(context ctx, ledger& l) {
    const distributor to = ctx.distributor(any_of(l, distributors));
    round& r = l.routing.rounds.emplace_back(to.members());
    const poll p(l, r);
    std::vector<answer<std::uint64_t>> coming = counting_unsent(l, [&] { return to.ask_everyone(p); });
    if (coming.size() != r.to.size()) l.wrong("not each member is asked once");
    std::deque<test::asking> marks;
    for (std::size_t i = 0; i < coming.size(); ++i) marks.emplace_back(l);
    for (std::size_t i = 0; i < coming.size(); ++i) {
        auto one = co_await std::move(coming[i]).within(1ms + l.time_below(5ms));
        // An heir answers for itself first, whichever question comes first.
        const bool by_kin = one && *one < r.to.size() && l.sizes.are_kin(r.to[i], r.to[*one]);
        marks[i].ends(one, by_kin ? *one : i);
        ++l.routing.polled;
    }
}

void dispatch(context ctx, ledger& l) {
    shares& account = l.routing.parcels;
    const bool all = l.below(2) == 0;
    round* const of = all ? &l.routing.rounds.emplace_back(std::vector<child_ref>()) : nullptr;
    const std::uint64_t given = l.routing.handler ? l.routing.handler->given() : 0;
    const std::uint64_t to_nobody = l.routing.handler ? l.routing.handler->to_nobody() : 0;
    const std::size_t taken = ctx.broadcast_message(broadcast_target::group(all ? to_all : by_turns), parcel{of});
    const bool handled = all && l.routing.handler && l.routing.handler->given() != given;
    if (!handled || l.routing.handler->to_nobody() != to_nobody) ++account.sent; // to the next in turn, or to nobody
    if (taken > (handled ? of->to.size() : 1)) l.wrong("more have taken a parcel than there are");
}

} // namespace

// ---- messages

std::optional<child_ref> round::arrives_at(ledger& l, const child_ref& who) {
    auto found = std::find(may_get.begin(), may_get.end(), who);
    if (found == may_get.end()) {
        found =
            std::find_if(may_get.begin(), may_get.end(), [&](const child_ref& c) { return l.sizes.inherits(who, c); });
        if (found == may_get.end()) return {};
        ++l.sizes.inherited;
    }
    const child_ref whose = *found;
    may_get.erase(found);
    return whose;
}

in_turn::in_turn(ledger& l, round& r) : ticket(l.sent), of(&r) {}
circular::circular(ledger& l, round& r) : ticket(l.sent), of(&r) {}
poll::poll(ledger& l, round& r) : ticket(l.sent), of(&r) {}

std::uint64_t answer_poll(ledger& l, context ctx, poll& p) {
    p.ticket.handle();
    const auto whose = p.of->arrives_at(l, ctx.self());
    if (!whose) l.wrong("one is asked twice, or was not to be asked");
    ++l.replies;
    const auto place = std::find(p.of->to.begin(), p.of->to.end(), whose.value_or(ctx.self()));
    return static_cast<std::uint64_t>(place - p.of->to.begin());
}

void take_bulletin(ledger& l, context ctx, const bulletin& b) {
    ++l.routing.bulletins.handled;
    if (!b.of->arrives_at(l, ctx.self())) l.wrong("a bulletin comes twice, or to one that has not subscribed");
}

bool take_routed(ledger& l, context ctx, message& m) {
    if (auto* t = m.told<in_turn>()) {
        t->ticket.handle();
        ++l.routing.in_turn;
        if (!t->of->arrives_at(l, ctx.self())) l.wrong("it was not the turn of who was told");
    } else if (auto* c = m.told<circular>()) {
        c->ticket.handle();
        ++l.routing.circulars;
        if (!c->of->arrives_at(l, ctx.self())) l.wrong("one of everyone is told twice");
    } else if (auto q = m.asked<poll>()) {
        const std::uint64_t place = answer_poll(l, ctx, *q);
        q.reply(place);
    } else if (const auto* b = m.broadcast<bulletin>()) {
        take_bulletin(l, ctx, *b);
    } else if (const auto* p = m.broadcast<parcel>()) {
        ++l.routing.parcels.handled;
        if (p->of != nullptr && !p->of->arrives_at(l, ctx.self())) l.wrong("a parcel comes twice, or to a stranger");
    } else {
        return false;
    }
    return true;
}

// ---- what is known of others

std::uint64_t routing_book::born(const child_ref& who) { return last_body[who] = ++births; }

void routing_book::body_over(std::uint64_t body) noexcept {
    for (name_account& a : names)
        if (a.is == name_account::state::held && a.body == body) a.is = name_account::state::going;
}

void routing_book::watches(const child_ref& watcher, const child_ref& whom) {
    watched[watcher].emplace_back(whom, last_body[whom]);
}

void check_gone(ledger& l, context ctx, const down& d) {
    if (d.who() == child_ref()) return;
    // Of several monitors that it had, perhaps some were cancelled: then the first is not later than the one that speaks.
    auto& watched = l.routing.watched[ctx.self()];
    const auto of = std::find_if(watched.begin(), watched.end(), [&d](const auto& w) { return w.first == d.who(); });
    const std::uint64_t body = of != watched.end() ? of->second : 0;
    if (of != watched.end()) watched.erase(of);
    for (std::size_t i = 0; i < std::size(own_names); ++i) {
        name_account& a = l.routing.names[i];
        if (a.is == name_account::state::free || a.who != d.who() || a.body > body) continue;
        if (a.is == name_account::state::held) l.wrong("the end of a process is told while it is there");
        ++l.routing.ends_checked;
        if (ctx.whereis(own_names[i]) == d.who()) l.wrong("a name finds one whose end was told");
        a.is = name_account::state::free;
    }
    if (d.returns()) return;
    for (const char* name : given_names)
        if (ctx.whereis(name) == d.who()) l.wrong("a name that was given finds one whose end was told");
    for (const char* name : topics)
        if (ctx.topic(name).contains(d.who())) l.wrong("one whose end was told is a subscriber");
    for (const char* name : distributors)
        if (ctx.distributor(name).contains(d.who())) l.wrong("one whose end was told is a member");
}

// ---- all of them

task<void> route(context ctx, ledger& l) {
    switch (l.below(14)) {
    case 0:
    case 1: register_own(ctx, l); break;
    case 2: unregister_some(ctx, l); break;
    case 3: look_up(ctx, l); break;
    case 4: give_name(ctx, l); break;
    case 5: come_or_go(ctx, l, ctx.topic(any_of(l, topics))); break;
    case 6: come_or_go(ctx, l, ctx.distributor(any_of(l, distributors))); break;
    case 7: publish(ctx, l); break;
    case 8: tell_in_turn(ctx, l); break;
    case 9: tell_all(ctx, l); break;
    case 10: co_await ask_one(ctx, l); break;
    case 11: co_await ask_all(ctx, l); break;
    case 12: dispatch(ctx, l); break;
    default: ctx.notify(broadcast_target::all());
    }
}

void join_some(children& group, ledger& l) {
    if (l.below(4) == 0) group.with_topic(any_of(l, topics));
    if (l.below(4) == 0) group.with_distributor(any_of(l, distributors));
    const std::uint32_t way = l.below(8);
    if (way == 0) group.with_dispatcher(by_turns);
    if (way == 1) group.with_dispatcher(dispatcher::anonymous());
    if (way > 3) return;
    if (l.routing.handler == nullptr) l.routing.handler = std::make_shared<notary>(l);
    group.with_dispatcher(dispatcher::named(to_all).with_handler(l.routing.handler));
}

void count_routed(runtime& rt, ledger& l) {
    test::count_dead_letters<bulletin>(rt, l.routing.bulletins.dead);
    test::count_dead_letters<parcel>(rt, l.routing.parcels.dead);
}

std::string shares::faults(const std::string& which) const {
    std::uint64_t ended = handled + lost_in_hand;
    for (const test::count& n : dead) ended += n;
    if (ended <= sent && ended + unsure >= sent) return "";
    return test::mismatch(which + " sent, and handled or dead", sent, ended);
}

std::string routing_book::faults() const {
    return bulletins.faults("bulletins") + parcels.faults("parcels") +
           test::mismatch("members of a dispatcher, and none at the end", handler ? handler->size() : 0, 0);
}

} // namespace trees
