// What stands in docs/coming_from_rust.md: coming_from_rust.awk makes that page from the marks in here. The C++ between a mark and
// the next one is the counterpart that the page shows, and it compiles.
//
//   //| what Rust's Bastion has | remark      a row; its counterpart is what follows
//   //- what Rust's Bastion has | why         a row without a counterpart
//   //# heading                               begins a table
//   //> text                                  a line of prose
//   //.                                       what follows is not shown
//
// clang-format off: what a row shows stands on as few lines as it needs.

//> # Coming from Rust's Bastion
//>
//> Every item of the public API of [Rust's Bastion](https://github.com/bastion-rs/bastion) (0.4.6-alpha.0, commit 48d4c73), with its counterpart here, or with the reason why there
//> is none. The counterparts compile: this page is made from [tests/docs/coming_from_rust.cpp](../tests/docs/coming_from_rust.cpp), and a test compares the two.
//>
//> What differs in spirit:
//>
//> * **A restart keeps the mailbox.** What was not read waits for the next incarnation, in order; only the messages in hand at the fault are lost, and the report names them.
//> * **A ref stays good.** A `child_ref` names the element, not the incarnation. When the element has ended for good, the ref says `noproc`, always.
//> * **No global system.** A `bastion::runtime` is an object: several may live in one program, one after another or at once. Nothing runs before its parent runs.
//> * **A stop is graceful.** `stop()` asks; a process ends at its next `recv`, in reverse start order, within its deadline. `kill()` destroys its frame, and destructors run.
//> * **A group restarts as a whole** after the fault of one element, as the original's did up to 0.3, and its documentation still says;
//>   `with_restart_scope(bastion::restart_scope::element)` restarts only the one that failed.
//> * **Whoever restarts too often fails upwards**: `with_intensity` bounds the restarts of a supervisor, and the supervisor above decides.
//> * **A question always ends**: with the answer, or with an error that says why there is none. The default time-out is 30 s.
//> * **Messages are moved, not shared**: any movable type, without `Send + Sync + Debug`. Only what is broadcast is shared, and const.
//> * **No hidden elements.** A group has the elements that it was given; a broadcast reaches nobody else.
//>
//> In the tables `rt` is a `bastion::runtime`, `ctx` a `bastion::context`, `sup` a `supervisor_ref`, `group` a `children_ref`, `ref` a `child_ref`, `m` and `q` a message and a
//> question, `body` a process, `work` a task, `slow` a function that blocks; `note` is a type of messages, `price` one of questions whose answer is an `int`, `untyped` one of
//> questions that do not say. The [guide](guide/README.md) explains them.
//.
#include <bastion/base/random.hpp>
#include <bastion/bastion.hpp>
#include <bastion/topology/machine.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coming_from_rust {

using namespace std::chrono_literals;

struct note {
    std::string text;
};
struct price {
    using answer_type = int;
    int of = 0;
};
struct untyped {
    int of = 0;
};

bastion::process body(bastion::context ctx) { auto msg = co_await ctx.recv(); msg.unhandled(); }
bastion::task<int> work() { co_return 42; }
int slow() { return 42; }
void use(const note&) {}

void systems() {
//# `Bastion`: the system
//| `Bastion::init()`, `Bastion::start()` | The constructor starts everything. After this runtime there may be another, or beside it.
    bastion::runtime rt;
//| `Bastion::init_with(config)` |
    bastion::runtime configured(bastion::config().with_workers(2));
//.
}
void the_system(bastion::runtime& rt, const note& m) {
//| `Bastion::supervisor(\|s\| ...)` | Builders are values, not closures; a bad one throws `bastion::bad_spec` at the call.
    auto sup = rt.spawn(bastion::supervisor().with_strategy(bastion::strategy::one_for_all));
//| `Bastion::children(\|c\| ...)` | Below the root supervisor. From inside a process, `ctx.spawn(...)` spawns below the supervisor of its group.
    auto group = rt.spawn(bastion::children().with_redundancy(4).with_exec(body));
//| `Bastion::spawn(\|ctx\| ...)` | A temporary element: it is never restarted. For one that is, spawn `children()`.
    auto ref = rt.spawn(body);
//- `Bastion::distributed(config, \|ctx\| ...)` | See "Distributed" below.
//| `Bastion::broadcast(m)` | To every element of every group; nobody hidden gets it.
    rt.broadcast(m);
//| `Bastion::stop()` | In reverse start order, each element within its deadline; a code for `wait()` may be given.
    rt.stop();
//| `Bastion::kill()` |
    rt.kill();
//| `Bastion::block_until_stopped()` | From a plain thread; gives the exit code. `BASTION_MAIN` does all of this.
    const int code = rt.wait();
//.
}

void the_configuration() {
//# `Config`
//| `Config::new()`, `Config::default()` | Environment variables (`BASTION_WORKERS` and the like) override it.
    auto c = bastion::config();
//| `show_backtraces()`, `hide_backtraces()` | Every fault is reported by one line, with path, reason and what happens next; this replaces or silences it; `with_crash_reports` tells more. Reports carry no backtraces ([what comes next](internals/next.md)).
    c.with_log([](const bastion::log_record&) {});
//.
}

bastion::supervisor supervisors(const bastion::supervisor_ref& above, bastion::children c, bastion::callbacks calls, const note& m) {
//# `Supervisor` and `SupervisorRef`
//- `Supervisor::id()`, `SupervisorRef::id()` | No identifiers: a ref is one; two refs to the same supervisor have equal `where()`, and a supervisor with a name is found by its path.
//.
    auto s =
//| `Supervisor::supervisor(\|s\| ...)` | Nested builders start in the order written.
    bastion::supervisor().with_supervisor(bastion::supervisor().with_name("below"))
//.
    ;
//| `Supervisor::children(\|c\| ...)` | Dispatchers and distributors are registered wherever the group is made.
    s.with_children(std::move(c));
//| `Supervisor::supervisor_ref(\|s\| ...)`, `SupervisorRef::supervisor(\|s\| ...)` | A ref comes from `spawn`: what has not been spawned has none.
    auto below = above.spawn(bastion::supervisor());
//| `Supervisor::children_ref(\|c\| ...)`, `SupervisorRef::children(\|c\| ...)` | Late additions start in the order they came.
    auto group = above.spawn(bastion::children().with_exec(body));
//| `with_strategy(SupervisionStrategy)` | Stops in reverse start order and waits, then starts in order: never two incarnations at once.
    s.with_strategy(bastion::strategy::rest_for_one);
//| `with_restart_strategy(RestartStrategy)` | The default of its children, and of supervisors among them.
    s.with_restart_strategy(bastion::restart_strategy::tries(3));
//| `with_callbacks(Callbacks)` | They speak of the supervisor itself.
    s.with_callbacks(std::move(calls));
//- `SupervisorRef::strategy(...)` | A strategy is fixed when the supervisor is spawned. To change it, stop the supervisor and spawn another one.
//| `SupervisorRef::broadcast(m)` | In order with other changes of the tree.
    above.broadcast(m);
//| `SupervisorRef::stop()` | Stopped means stopped: it does not come back.
    above.stop();
//| `SupervisorRef::kill()` |
    above.kill();
//| `SupervisorRef: Eq` |
    const bool same = above.where() == below.where();
//.
    (void)same, (void)group;
    return s;
}

void strategies(std::chrono::nanoseconds t, std::chrono::nanoseconds cap) {
//# Strategies
//| `SupervisionStrategy::OneForOne` | The default.
    auto one_for_one = bastion::strategy::one_for_one;
//| `SupervisionStrategy::OneForAll` |
    auto one_for_all = bastion::strategy::one_for_all;
//| `SupervisionStrategy::RestForOne` | Nested supervisors that were started later are among the rest.
    auto rest_for_one = bastion::strategy::rest_for_one;
//| `RestartPolicy::Always` | The default.
    auto always = bastion::restart_strategy::always();
//| `RestartPolicy::Never` |
    auto never = bastion::restart_strategy::never();
//| `RestartPolicy::Tries(n)` | In a row: after 10 s of health (`with_health`) the count starts anew. Out of tries an element ends for good and is reported.
    auto tries = bastion::restart_strategy::tries(3);
//| `RestartStrategy::new(policy, strategy)`, `with_restart_policy`, `with_actor_restart_strategy` | Policy first, then the delay. Unless told, the first restart is at once, the others after 1 ms to 1 s, exponentially.
    auto both = bastion::restart_strategy::tries(3).with_linear_backoff(t);
//| `restart_policy()`, `strategy()` | The delay is known by `delay(...)`, below.
    const bool limited = both.limited(); const auto most = both.max_tries();
//| `ActorRestartStrategy::Immediate` |
    auto at_once = both.immediate();
//| `ActorRestartStrategy::LinearBackOff { timeout }` | t, 2t, 3t, ... as in the original.
    auto linear = both.with_linear_backoff(t);
//| `ActorRestartStrategy::ExponentialBackOff { timeout, multiplier }` | t, 2t, 4t, ... up to the cap, less a random quarter (`without_jitter()`). The original's was linear. The factor is always 2; there is no `multiplier`.
    auto exponential = both.with_exponential_backoff(t, cap);
//.
    bastion::random_source random;
//| `ActorRestartStrategy::calculate(n)` | Counts from 1, where the original counts from 0. The waiting is a timer: the supervisor stays responsive.
    const auto wait = exponential.delay(1, random);
//.
    (void)one_for_one, (void)one_for_all, (void)rest_for_one, (void)always, (void)never, (void)tries, (void)limited, (void)most;
    (void)at_once, (void)linear, (void)wait;
}

bastion::children groups(bastion::callbacks calls, bastion::resizer by) {
//# `Children`
//.
    auto c = bastion::children();
//- `Children::id()` | No identifiers. A group with a name is found by its path.
//| `with_name(name)` | Unique among the children of a supervisor; part of the path of each element.
    c.with_name("workers");
//| `with_exec(\|ctx\| ...)` | A coroutine `bastion::process f(bastion::context)`, called again at each restart. Or `with_handlers<state>(...)`: the smallest and fastest body.
    c.with_exec([](bastion::context ctx) -> bastion::process { co_await ctx.sleep_for(1s); });
//| the body's `Ok(())` | Falling off the end, or `co_return;`. When all its elements have ended, the group ends too.
    auto ok = [](bastion::context) -> bastion::process { co_return; };
//| the body's `Err(())` | An error with a text, without an exception.
    auto err = [](bastion::context ctx) -> bastion::process { co_return ctx.fail("why"); };
//| `panic!("...")` in a body | Or any exception. Reports, monitors and askers are told its text, its type and its place.
    auto gives_up = [](bastion::context) -> bastion::process { bastion::panic("why"); co_return; };
//| `with_redundancy(n)` | 0 counts as 1, as in the original.
    c.with_redundancy(4);
//| `with_dispatcher(Dispatcher)` | Several are allowed.
    c.with_dispatcher(bastion::dispatcher::named("jobs"));
//| `with_distributor(Distributor)` | Several are allowed.
    c.with_distributor("quotes");
//| `with_resizer(OptimalSizeExploringResizer)` | Without a cargo feature.
    c.with_resizer(by);
//| `with_callbacks(Callbacks)` | They speak of each element, not of the group.
    c.with_callbacks(std::move(calls));
//- `with_heartbeat_tick(duration)` | No heartbeat: nothing polls. A resizer looks once an interval, `with_interval`.
//.
    (void)ok, (void)err, (void)gives_up;
    return c;
}

void refs(bastion::runtime& rt, bastion::supervisor_ref sup, bastion::children_ref group, const note& m) {
//# `ChildrenRef`
//- `ChildrenRef::id()` | No identifiers; see `Eq`.
//- `dispatchers()`, `distributors()` | A ref does not list what its group is a member of: whoever wrote the group knows. A set lists its members: `rt.distributor("x").members()`.
//| `elems()` | Those that there are now, also when a resizer changes them. `group[0]`, `group.size()`: those when the ref was made.
    for (bastion::child_ref e : group.current()) e.tell(m);
//| `broadcast(m)` | Returns how many mailboxes took it. One value, shared.
    group.broadcast(m);
//| `stop()` |
    group.stop();
//| `kill()` |
    group.kill();
//| `path()` | The other way round: a path finds its group. Callbacks, reports and `dead_letter`s say the path or the ref.
    auto found = rt.find_children("/shop/workers");
//| `ChildrenRef: Eq` |
    const bool same = group.where() == found.where();
//.
    (void)same, (void)sup;
}

bastion::process child_refs(bastion::context ctx, bastion::runtime& rt, bastion::child_ref ref, bastion::child_ref other, const note& m) {
//# `ChildRef`
//- `ChildRef::id()` | No identifiers: compare refs, or give the process a name (`ctx.register_name`).
//- `is_public()` | There are no hidden elements.
//- `name()` | A name belongs to the group. `path()` of a callback's event says it.
//| `path()` | The other way round: a path finds its element, here number 0 of the group.
    auto found = rt.whereis("/shop/workers/0");
//| `addr()` | A ref is the address: 16 bytes, copied freely, safe for ever.
    bastion::child_ref address = ref;
//| `tell_anonymously(m)` | Always returns at once. The sender is the running process; from a plain thread there is none.
    ref.tell(m);
//| `try_tell_anonymously(m)` | `accepted`, `noproc`, `full`, `dropped`: what is not delivered is a dead letter, counted, and can be subscribed to.
    const bastion::delivery said = ref.tell(m);
//| `ask_anonymously(q)`, `try_ask_anonymously(q)` | There is no anonymous form: a question names who waits for its answer (`q.asker()`); one from a plain thread names nobody. That the target is gone is told by the answer's error.
    auto answer = co_await ref.ask(price{1}).within(1s);
//| `stop()` | Asks; the element does not come back. It takes effect at its next `recv`, before unread mail.
    ref.stop();
//| `kill()` | Destroys its frame at the next suspension; destructors run.
    ref.kill();
//| `ChildRef: Eq` |
    const bool same = ref == other;
//| `ChildRef: Hash` |
    const auto hash = std::hash<bastion::child_ref>()(ref);
//.
    (void)found, (void)address, (void)said, (void)same, (void)hash, (void)ctx;
    if (answer) co_return;
}

bastion::process contexts(bastion::context ctx, bastion::child_ref ref) {
//# `BastionContext`
//| `current()`, `signature()` |
    bastion::child_ref me = ctx.self();
//| `parent()` |
    bastion::children_ref group = ctx.parent();
//| `supervisor()` | Always one: at the top it is the root supervisor.
    bastion::supervisor_ref above = ctx.supervisor();
//| `try_recv().await` | A plain call.
    std::optional<bastion::message> at_hand = ctx.try_recv();
//| `recv().await` | Awaits nothing but mail, and cannot fail.
    auto msg = co_await ctx.recv();
//| `try_recv_timeout(d).await` | `.within` and `.until(stop_token)` bound whatever can be awaited.
    auto in_time = co_await ctx.recv().within(10ms);
//| `tell(&addr, m)` |
    ref.tell(note{"hello"});
//| `ask(&addr, q)` | Sent at the call; always ends.
    auto answer = ref.ask(price{1});
//| `notify(&[DispatcherType], NotificationType)` | Calls the handlers with this process and `notification::attention`. The other two kinds, `joined` and `left`, are the library's.
    ctx.notify(bastion::broadcast_target::group("jobs"));
//| `broadcast_message(BroadcastTarget, m)` | Returns how many mailboxes took it.
    ctx.broadcast_message(bastion::broadcast_target::group("jobs"), note{"hello"});
//- `BastionId` | No identifiers: a `child_ref` is unique in the program and never used again.
//| `NIL_ID` | A ref that names nobody.
    bastion::child_ref nobody;
//.
    msg.unhandled();
    if (at_hand) at_hand->unhandled();
    (void)me, (void)group, (void)above, (void)answer, (void)nobody;
    if (in_time) co_return;
}

//# Messages
//| `trait Message: Any + Send + Sync + Debug` | Any movable type, without registration. A question names the type of its answer; const access to what is broadcast must be safe from many threads.
struct halve { using answer_type = int; int number; };
//.
bastion::process messages(bastion::context ctx, bastion::child_ref ref, bastion::message msg) {
//| `Msg`, `SignedMessage` | Belongs to the process that received it.
    bastion::message received = co_await ctx.recv();
//| `Msg::is_tell`, `is`, `downcast` | The value stays in the message; move it out.
    if (auto* n = msg.told<note>()) ref.tell(std::move(*n));
//| `Msg::is_ask`, `take_sender` | Owns the question and the right to answer, now or later.
    auto question = msg.asked<price>();
//| `Msg::is_broadcast`, `downcast_ref` |
    const note* shared = msg.broadcast<note>();
//| `SignedMessage::signature()` | Of questions too, while their asker waits. Nobody for messages from plain threads.
    bastion::child_ref sender = msg.sender();
//- `SignedMessage::extract()` | A message is not wrapped.
//| `RefAddr` | A ref is the address.
    bastion::child_ref address = ref;
//- `RefAddr::path()` | A ref does not know its path; `rt.whereis(path)` knows the ref.
//| `RefAddr::is_sender_identified()` | In the original it is inverted.
    const bool known = msg.sender() != bastion::child_ref();
//| `Answer` | A `result<int>`: the value, or an error. No message to take apart.
    bastion::result<int> answer = co_await ref.ask(price{1});
//| an answer that is a message | A question that does not know its answer's type.
    auto any = co_await ref.ask(untyped{1});
//| the question was dropped: `Err(())` | Which kind: `timeout`, `target_died` (and `reason()` of what), `noproc`, `dropped`, `unhandled`, ...
    if (!answer && answer.error() == bastion::errc::dropped) co_return;
//| `AnswerSender::reply(value)` | Once; the type is checked when compiling.
    if (question) question.reply(42);
//| `MessageHandler::new(msg)`, `on_tell`, `on_question`, `on_broadcast`, `on_fallback` | The first that fits takes it; without `otherwise` the message is unhandled: a dead letter, counted. An arm cannot await; an if-chain can. `with_handlers` takes the same arms as a body.
    msg.match(bastion::on_tell([](note) {}), bastion::on_question([](price p) { return 2 * p.of; }), bastion::on_broadcast([](const std::string&) {}), bastion::otherwise([](bastion::message& m) { m.unhandled(); }));
//| `ReceiveError::Timeout(d)` |
    auto in_time = co_await ctx.recv<note>().within(1s); const bool late = !in_time && in_time.error() == bastion::errc::timeout;
//- `ReceiveError::Other` | Never made, in the original.
//| `SendError::Disconnected(m)` | The message is not given back: it is a dead letter.
    const bool gone = ref.tell(note()) == bastion::delivery::noproc;
//| `SendError::Full(m)` | Only with `with_mailbox(bastion::mailbox::bounded(...))`. `co_await ref.send(m)` waits for room.
    const bool full = ref.tell(note()) == bastion::delivery::full;
//| `SendError::Other(e)` | For a wrong type of an answer.
    auto code = bastion::errc::wrong_type;
//| `SendError::NoDistributor(name)`, `SendError::EmptyRecipient` | A set is made when it is first named, so it is there, and empty. A question to an empty one ends with `errc::noproc`.
    const bool nobody = ctx.distributor("nobody").tell_one(note()) == bastion::delivery::noproc;
//.
    (void)received, (void)shared, (void)sender, (void)address, (void)known, (void)late, (void)gone, (void)full, (void)code, (void)nobody;
    if (any) co_return;
}

//# Macros
//.
bastion::process macros(bastion::context ctx, bastion::runtime& rt) {
    auto msg = co_await ctx.recv();
//| `msg! { msg, x: T => ...; x: T =!> ...; ref x: T => ...; _: _ => ...; }` | Plain code: each branch may await.
    if (auto* n = msg.told<note>()) use(*n); else if (auto q = msg.asked<price>()) q.reply(2 * q->of); else if (auto* b = msg.broadcast<note>()) use(*b); else msg.unhandled();
//| `signature!()` |
    bastion::child_ref sender = msg.sender();
//| `answer!(ctx, value)` |
    if (auto q = msg.asked<price>()) q.reply(42);
//| `children! { redundancy: 2, action: \|msg\| ... }` | Handlers are the body that only reacts.
    auto group = ctx.spawn(bastion::children().with_redundancy(2).with_handlers(bastion::on_tell([](note) {})));
//| `supervisor! { strategy: ... }` | One default everywhere: `one_for_one`. The original's macro has `OneForAll`.
    auto sup = ctx.spawn(bastion::supervisor().with_strategy(bastion::strategy::one_for_all));
//| `spawn! { ... }` |
    auto handle = ctx.spawn(work());
//| `blocking! { ... }` | On a thread of its own.
    const int value = co_await bastion::blocking(slow);
//| `run! { ... }` | From a plain thread. In a process, `co_await`.
    const int waited = rt.run(work());
//.
    (void)sender, (void)group, (void)sup, (void)value, (void)waited;
    auto joined = co_await handle;
    if (joined) co_return;
}

//# `bastion::executor`
//.
bastion::process executor(bastion::context ctx, bastion::runtime& rt) {
//| `executor::spawn(future)` | A process of its own runs the task. From a plain thread, `rt.spawn(task)`.
    bastion::join_handle<int> handle = ctx.spawn(work());
//| `executor::blocking(f)` | At most 512 threads, made as they are needed.
    const int value = co_await bastion::blocking(slow);
//| `executor::run(future)` | The task must be able to run on a worker.
    const int waited = rt.run(work());
//| `RecoverableHandle<T>` | The value, or `errc::target_died` and of what. Dropped, it leaves the task alone, as there.
    bastion::result<int> joined = co_await handle;
//- `bastion::io` (nuclei) | No I/O of its own yet: `blocking`, or a thread of yours that tells a process. Sockets are for a later component, `net`.
//.
    (void)value, (void)waited;
    if (joined) co_return;
}

void callback_rows(bastion::children c) {
//# `Callbacks`
//| `Callbacks::new()` | [callbacks.md](callbacks.md) says when each is called.
    auto calls = bastion::callbacks();
//| `with_before_start(f)` | Each is given an event: who, its path, why the last incarnation ended, how many restarts. Exactly once per event.
    calls.before_start([](const bastion::event& e) { (void)e.who(); });
//| `with_after_start(f)` | Also of supervisors.
    calls.after_start([](const bastion::event& e) { (void)e.path(); });
//| `with_before_restart(f)` | Unset, nothing is called: the original then calls `after_stop`.
    calls.before_restart([](const bastion::event& e) { (void)e.reason(); });
//| `with_after_restart(f)` | Unset, nothing is called: the original then calls `before_start`.
    calls.after_restart([](const bastion::event& e) { (void)e.restarts(); });
//| `with_after_stop(f)` | At the end for good, also at a normal one.
    calls.after_stop([](const bastion::event& e) { (void)e.reason(); });
//| `has_before_start()`, `has_before_restart()`, `has_after_restart()`, `has_after_stop()` | And of `after_start`.
    const bool has = static_cast<bool>(calls.at(bastion::callbacks::moment::before_start));
//.
    (void)has, (void)c;
}

//# Dispatchers
//.
class to_all : public bastion::dispatcher_handler {
public:
//| `DispatcherHandler::notify(child, entries, type)` | A virtual function of `bastion::dispatcher_handler`.
    void notify(const bastion::child_ref& who, const bastion::recipients& members, bastion::notification what) override { (void)who, (void)members, (void)what; }
//| `DispatcherHandler::broadcast_message(entries, m)` | Returns how many mailboxes took it. Who is gone is skipped; nobody panics.
    std::size_t broadcast_message(const bastion::recipients& members, const bastion::dispatched_message& m) override { std::size_t n = 0; for (const auto& who : members.all()) n += m.to(who) == bastion::delivery::accepted; return n; }
//.
};

void dispatchers(const bastion::recipients& members) {
//| `Dispatcher::with_type(type)`, `with_dispatcher_type(type)` | Groups that name the same dispatcher share it.
    auto named = bastion::dispatcher::named("jobs");
//| `DispatcherType::Anonymous` | Each group has its own; reached by `broadcast_target::all()`.
    auto anonymous = bastion::dispatcher::anonymous();
//| `DispatcherType::Named(name)` | A name alone is enough.
    auto c = bastion::children().with_dispatcher("jobs");
//| `with_handler(Box<dyn DispatcherHandler>)` | The first that is given to a name stays.
    named.with_handler(std::make_shared<to_all>());
//| `dispatcher_type()` | Empty: anonymous.
    const std::string& name = named.name();
//| `handler()` |
    const auto& handler = named.handler();
//- `Dispatcher::notify`, `Dispatcher::broadcast_message` | `ctx.notify` and `ctx.broadcast_message` go to the dispatchers that run; a builder has no members.
//| `NotificationType::Register` | By the library.
    auto joined = bastion::notification::joined;
//| `NotificationType::Remove` | By the library.
    auto left = bastion::notification::left;
//| `BroadcastTarget::All` |
    auto all = bastion::broadcast_target::all();
//| `BroadcastTarget::Group(name)` | Nobody there: a dead letter.
    auto one = bastion::broadcast_target::group("jobs");
//| `Recipient::next()` | In turn; who has just ended is passed over.
    bastion::child_ref next = members.next();
//| `Recipient::all()` |
    std::vector<bastion::child_ref> everybody = members.all();
//- `Recipient::register`, `Recipient::remove`, `RecipientHandler` | The library enters and removes members itself: an element joins before anybody can know it, and leaves when it ends for good.
//| `RoundRobinHandler` | What a dispatcher without a handler does.
    auto in_turn = std::make_shared<bastion::dispatcher_handler>();
//- `DispatcherMap`, `RecipientMap` | The tables are the library's own.
//.
    (void)anonymous, (void)c, (void)name, (void)handler, (void)joined, (void)left, (void)all, (void)one, (void)next, (void)everybody, (void)in_turn;
}

//# Distributors
//.
bastion::process distributors(bastion::context ctx, bastion::runtime& rt, bastion::child_ref ref) {
//| `Distributor::named(name)` | Of one runtime, not of the program.
    auto quotes = ctx.distributor("quotes");
//| `tell_one(m)` | To the next in turn.
    quotes.tell_one(note{"hello"});
//| `ask_one(q)` |
    auto one = co_await quotes.ask_one(price{1});
//| `tell_everyone(m)` | A copy each; returns how many mailboxes took one. A topic shares one value.
    quotes.tell_everyone(note{"hello"});
//| `ask_everyone(q)` | An answer, or an error, from each.
    for (auto& a : quotes.ask_everyone(price{1})) { auto r = co_await a; if (r) break; }
//| `request::<R>(q)` | For a question that does not know its answer's type.
    auto typed = co_await quotes.request<int>(untyped{1});
//| `request_sync::<R>(q)` | From a plain thread.
    auto waited = rt.run(rt.distributor("quotes").request<int>(untyped{1}));
//| `subscribe(child)` | Until it ends for good; itself, until it ends or is restarted.
    quotes.subscribe(ref);
//| `unsubscribe(child)` |
    quotes.unsubscribe(ref);
//.
    if (one && typed && waited) co_return;
}

void resizers() {
//# Resizer (feature `scaling`)
//| `OptimalSizeExploringResizer::default()` | The same defaults. Looks every 100 ms (`with_interval`).
    auto r = bastion::resizer();
//| `with_lower_bound(n)` | 0 counts as 1. Elements that come to their end by themselves are not replaced.
    r = r.with_lower_bound(2);
//| `with_upper_bound(UpperBound::Limit(n))` | Never exceeded.
    r = r.with_upper_bound(50);
//| `UpperBound::Unlimited` | As many as a group may have.
    r = r.with_upper_bound(bastion::resizer::unlimited);
//| `with_upscale_strategy(UpscaleStrategy::MailboxSizeThreshold(n))` |
    r = r.with_mailbox_size_threshold(3);
//| `with_upscale_rate(x)` |
    r = r.with_upscale_rate(0.1);
//| `with_downscale_threshold(x)` | Read: it shrinks while less than this part of its elements has something to do.
    r = r.with_downscale_threshold(0.3);
//| `with_downscale_rate(x)` | Stops the youngest of those that idle; what they have not read goes to another.
    r = r.with_downscale_rate(0.1);
//.
}

void paths(bastion::runtime& rt) {
//# Paths
//| `BastionPath`, its `Display` | Text made of names, not of numbers: `/shop/workers/0`. Unnamed children are called `group-1`, `supervisor-1`, ...
    auto calls = bastion::callbacks().after_start([](const bastion::event& e) { std::string path(e.path()); });
//- `BastionPath::id()`, `BastionPath::elem()` | A path is text, without identifiers.
//- `BastionPath::is_dead_letters()` | Dead letters are counted and told (`rt.subscribe_dead_letters`); they have no address.
//| `BastionPathElement::Supervisor`, `is_supervisor()` | What a path names is known by which look-up finds it.
    auto sup = rt.find_supervisor("/shop");
//| `BastionPathElement::Children`, `is_children()` |
    auto group = rt.find_children("/shop/workers");
//| `BastionPathElement::Child`, `is_child()` |
    auto ref = rt.whereis("/shop/workers/0");
//.
    (void)calls, (void)sup, (void)group, (void)ref;
}

//# Distributed (feature `distributed`)
//> One runtime is one program here. Several machines are for a later component, `cluster`; nothing of it exists yet.
//- `Bastion::distributed(config, \|ctx\| ...)` | For `cluster`.
//- `DistributedContext::local_ctx()`, `current()`, `members()` | For `cluster`.
//- `DistributedContext::tell(node, m)`, `recv()` | For `cluster`. A `child_ref` has no address on another machine.
//- `ClusterMessage` | For `cluster`.
//.

//# lightproc
//.
bastion::process lightproc(bastion::context ctx, bastion::child_ref ref) {
//| `LightProc::recoverable(future, schedule, stack)` | A panic of the task is told to whoever joins it. No schedule function: the workers run it.
    auto handle = ctx.spawn(work());
//| `LightProc::build(future, schedule, stack)` | Runs inside the process that awaits it; what it throws, the process throws.
    const int here = co_await work();
//- `LightProc::schedule()`, `run()`, `stack()` | The workers schedule and resume; nobody else may.
//| `LightProc::cancel()`, `ProcHandle::cancel()` | Or `stop()`, which asks.
    handle.kill();
//| `ProcHandle<R>`, `RecoverableHandle<R>` | `result<T>` instead of `Option`: an error says of what the task died.
    bastion::result<int> joined = co_await handle;
//- `ProcHandle::state()`, `stack()` | No shared state: what a task needs it is given, what it makes it returns.
//- `ProcStack::with_pid`, `get_pid` | No numbers: `handle.ref()` names the process.
//| `ProcStack::with_state(s)`, `get_state` | One object per element, survives its restarts; another type is a panic.
    auto c = bastion::children().with_data(note{"kept"}).with_exec([](bastion::context own) -> bastion::process { own.data<note>().text += "!"; co_return; });
//| `with_before_start(f)` | Once, not at every poll.
    c.with_callbacks(bastion::callbacks().before_start([](const bastion::event&) {}));
//| `with_after_complete(f)`, `with_after_panic(f)` | At once, whether or not anybody looks at a handle. Or watch from another process:
    auto watch = ctx.monitor(ref); auto end = co_await ctx.recv<bastion::down>();
//- `proc_state::{State, ProcState, AsAny, EmptyProcState, EmptyState}` | `with_data` takes any type.
//- the state word (`SCHEDULED`, `RUNNING`, ...) | Internal here, too: [life_cycle.md](internals/life_cycle.md).
//.
    (void)here, (void)c, (void)watch, (void)end;
    if (joined) co_return;
}

//# bastion-executor
//.
bastion::process workers(bastion::context ctx, bastion::runtime& rt) {
//| `pool::spawn(future, stack)`, `Pool::spawn` |
    auto handle = ctx.spawn(work());
//| `pool::spawn_blocking`, `blocking::spawn_blocking` | A pool apart from the workers. `blocking_detached` owns its arguments.
    const int value = co_await bastion::blocking(slow);
//- `pool::get()` | A runtime has its workers; there is no global pool.
//| `BASTION_BLOCKING_THREADS` | The same variable, for the most threads that there may be; workers are `BASTION_WORKERS`.
    auto c = bastion::config().with_blocking_threads(512).with_workers(2);
//| `run::run(future, stack)` |
    const int waited = rt.run(work());
//- `thread_manager` | Private there; here workers are fixed in number and woken when there is work. [scheduler.md](internals/scheduler.md)
//| `placement::get_core_ids()` | The CPUs that this program may use, with caches and NUMA nodes.
    const auto& cpus = bastion::topology::this_machine().cpus;
//| `placement::get_num_cores()`, `load_balancer::core_count()`, `get_cores()` | Also bounded by the cgroup's quota.
    const int cores = bastion::topology::this_machine().workers();
//| `placement::set_for_current(core)` | Workers bind themselves, as planned: `config().with_pinning(topology::pinning)`.
    const bool pinned = bastion::topology::pin_this_thread(cpus.front());
//| `load_balancer::stats()`, `SmpStats`, `Stats` | Resumes, steals, parks, dead letters.
    const auto counters = rt.counters();
//- `load_balancer::update()` | Nobody has to call it: counts are kept as the work is done.
//- `run_queue::{Worker, Stealer, Injector, Steal}`, `sleepers` | Without a caller there; here at the heart, and internal: [scheduler.md](internals/scheduler.md).
//| `worker::current()` | A process has its context; plain code asks for its runtime.
    auto& mine = bastion::this_runtime();
//.
    (void)value, (void)c, (void)waited, (void)cores, (void)pinned, (void)counters, (void)mine;
    auto joined = co_await handle;
    if (joined) co_return;
}

//# Cargo features
//- `unstable` | Empty in the original.
//- `distributed` | See "Distributed" above.
//- `scaling` | Always there.
//- `docs` | For docs.rs only.
//- `tokio-runtime` | Bastion runs its own workers. Other libraries run on threads of their own and tell a process what has happened: any thread may use a ref.
//- `panic = "unwind"` in all profiles | Compile with exceptions, which is the default.
//.

bastion::process removed(bastion::context ctx, bastion::runtime& rt, bastion::child_ref ref) {
//# Removed from the original in the course of time
//| `Bastion::platform()`, `platform_from_config()` (0.1) |
    bastion::runtime another(bastion::config().with_seed(7));
//| `Bastion::spawn(closure, msg)` (0.1) | What a closure captures is called as const, again at each restart. Or tell it.
    ctx.spawn([first = note{"hello"}](bastion::context own) -> bastion::process { own.self().tell(first); co_return; });
//| `Bastion::supervisor(name, system)` with URNs, `.launch()` (0.1) |
    rt.spawn(bastion::supervisor().with_name("shop"));
//| `receive!` (0.1) | Selective: other messages wait, in order.
    auto n = co_await ctx.recv<note>();
//- `ctx.hook()`, `ctx.blocking_hook()` (0.1) | A stop takes effect at each `recv`; a long computation asks `ctx.stop_requested()`.
//| `ctx.spawn` (child of a child, 0.1) | It is stopped when its spawner ends; one of `ctx.spawn` is not.
    auto child = ctx.spawn_child(body);
//| group channel `bcast_tx`, `bcast_rx` (0.1) |
    ctx.parent().broadcast(note{"hello"});
//| `PoisonPill` (0.1) |
    ref.stop();
//| `force_shutdown` (0.1) |
    rt.kill();
//| log level in the config (0.1) | A function for every report; it may drop what it likes.
    auto c = bastion::config().with_log([](const bastion::log_record& r) { (void)r.path; });
//- work-stealing workers, load-balancer thread, the executor's `distributor` (0.3) | What the original removed, is here: [scheduler.md](internals/scheduler.md). No thread balances: who idles steals.
//- `allocator.rs` (numanji, 0.3) | Memory comes from pools of the library, without a knob.
//| kill, then restart of the whole group (0.3.4) | The default here, with a graceful stop. Identity and mailbox stay.
    auto g = bastion::children().with_restart_scope(bastion::restart_scope::group);
//- `with_id` (0.3.4) | No identifiers.
//- "Agnostik: run on any runtime" (announced for 0.4.0, never in the code) | Not here either.
//.
    (void)n, (void)child, (void)c, (void)g;
}

} // namespace coming_from_rust
