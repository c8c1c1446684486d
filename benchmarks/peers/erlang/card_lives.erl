%% Rows of processes that come and go: spawn, idle, skynet, fork.
-module(card_lives).
-compile([inline, {inline_size, 100}]).
-export([row/2, leaf/2, nothing/0, waiter/2, sleeper/2, awake/2, node/3, fork_child/2]).
-import(card, [now_ns/0, status/1]).

%% The last act of each is to count itself off; the last one tells.
row(spawn, N) ->
    Self = self(),
    T = now_ns(),
    Left = atomics:new(1, []),
    ok = atomics:put(Left, 1, N),
    spawn_leaves(N, Self, Left),
    receive all_done -> 0 = atomics:get(Left, 1) end,
    {N, now_ns() - T, ""};
%% The same by the language's own means.
row(spawn_monitor, N) ->
    T = now_ns(),
    spawn_monitored(N),
    await_downs(N),
    {N, now_ns() - T, ""};
%% N processes that wait; one message to each.
row(idle, N) -> idle(N, sleeper, 1000);
row(idle_plain, N) -> idle(N, waiter, 0);
%% A tree, 10 children a node, N leaves.
row(skynet, N) ->
    Self = self(),
    T = now_ns(),
    spawn(?MODULE, node, [Self, 0, N]),
    receive Sum -> Sum = N * (N - 1) div 2 end,
    {count_processes(N), now_ns() - T, ""};
%% fib(N), one branch of each call forked. The op is a call.
row(fork, N) ->
    T = now_ns(),
    Value = fork_fib(N),
    {Value, Next} = fib_by_loop(N, 0, 1),
    {2 * Next - 1, now_ns() - T, ""}.

leaf(Driver, Left) ->
    case atomics:sub_get(Left, 1, 1) of 0 -> Driver ! all_done; _ -> ok end.
spawn_leaves(0, _, _) -> ok;
spawn_leaves(N, Driver, Left) ->
    if N rem 100 =:= 0 -> erlang:yield(); true -> ok end,
    spawn(?MODULE, leaf, [Driver, Left]),
    spawn_leaves(N - 1, Driver, Left).

nothing() -> ok.
spawn_monitored(0) -> ok;
spawn_monitored(N) -> spawn_monitor(?MODULE, nothing, []), spawn_monitored(N - 1).
await_downs(0) -> ok;
await_downs(N) -> receive {'DOWN', _, process, _, normal} -> await_downs(N - 1) end.

%% Not timed: the collection before the resident set is read, and the wait until those who hibernate do so.
idle(N, Body, Wait) ->
    erlang:garbage_collect(),
    Counts = atomics:new(3, []),
    ok = atomics:put(Counts, 1, N),
    ok = atomics:put(Counts, 2, N),
    Self = self(),
    Before = status("VmRSS"),
    T1 = now_ns(),
    Waiting = spawn_waiting(N, Body, [Self, Counts], []),
    receive all_up -> ok end,
    Spawning = now_ns() - T1,
    timer:sleep(Wait),
    erlang:garbage_collect(),
    Bytes = (status("VmRSS") - Before) * 1024 div N,
    T2 = now_ns(),
    [P ! 1 || P <- Waiting],
    receive all_done -> 0 = atomics:get(Counts, 2) end,
    N = atomics:get(Counts, 3),
    Messages = now_ns() - T2,
    {N, Spawning + Messages, io_lib:format(" bytes_per_actor=~b messages_ns=~.1f", [Bytes, Messages / N])}.
spawn_waiting(0, _, _, All) -> All;
spawn_waiting(N, Body, Arguments, All) ->
    spawn_waiting(N - 1, Body, Arguments, [spawn(?MODULE, Body, Arguments) | All]).
up(Driver, Counts) ->
    case atomics:sub_get(Counts, 1, 1) of 0 -> Driver ! all_up; _ -> ok end.
await_one(Driver, Counts) ->
    receive Value -> ok = atomics:add(Counts, 3, Value) end,
    case atomics:sub_get(Counts, 2, 1) of 0 -> Driver ! all_done; _ -> ok end.
waiter(Driver, Counts) ->
    up(Driver, Counts),
    await_one(Driver, Counts).
sleeper(Driver, Counts) ->
    up(Driver, Counts),
    erlang:hibernate(?MODULE, awake, [Driver, Counts]).
awake(Driver, Counts) -> await_one(Driver, Counts).

node(Parent, First, 1) -> Parent ! First;
node(Parent, First, Leaves) ->
    branch(10, self(), First, Leaves div 10),
    Parent ! add(10, 0).
branch(0, _, _, _) -> ok;
branch(Left, Self, First, Share) ->
    spawn_opt(?MODULE, node, [Self, First, Share], [{priority, depth_first(Share)}]),
    branch(Left - 1, Self, First + Share, Share).
%% A queue would run a tree in its breadth, with all its leaves alive at once: what lies deeper comes first.
depth_first(1) -> max;
depth_first(10) -> high;
depth_first(_) -> normal.
add(0, Sum) -> Sum;
add(Left, Sum) -> receive Value -> add(Left - 1, Sum + Value) end.
count_processes(1) -> 1;
count_processes(N) -> 0 = N rem 10, N + count_processes(N div 10).

fib_by_loop(0, Now, Next) -> {Now, Next};
fib_by_loop(N, Now, Next) -> fib_by_loop(N - 1, Next, Now + Next).
fork_fib(N) when N < 2 -> N;
fork_fib(N) ->
    Child = spawn_opt(?MODULE, fork_child, [self(), N - 1], [{priority, fork_priority(N)}]),
    B = fork_fib(N - 2),
    receive {Child, A} -> A + B end.
%% As depth_first.
fork_priority(N) when N < 6 -> max;
fork_priority(N) when N < 14 -> high;
fork_priority(_) -> normal.
fork_child(Parent, N) -> Parent ! {self(), fork_fib(N)}.
