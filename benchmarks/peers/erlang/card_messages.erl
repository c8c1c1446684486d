%% Rows of messages between few, and hotload.
-module(card_messages).
-compile([inline, {inline_size, 100}]).
-export([row/2, ring_node/3, receiver/3]).
-import(card, [now_ns/0, sum_to/1]).

%% Two processes, one message in flight, N round trips; each adds one.
row(pingpong, N) ->
    Self = self(),
    T = now_ns(),
    spawn(fun() ->
        Me = self(),
        Last = ping(spawn(fun() -> pong(Me) end), N, 0),
        Self ! {hops, Last}
    end),
    receive {hops, Hops} -> Hops = 2 * N end,
    {2 * N, now_ns() - T, ""};
%% 503 processes pass one token on, N times. The first one makes the others.
row(ring, N) ->
    Self = self(),
    T = now_ns(),
    spawn(fun() ->
        Second = lists:foldl(fun(I, Next) -> spawn(?MODULE, ring_node, [Next, Self, I]) end,
                             self(), lists:seq(502, 1, -1)),
        Second ! N - 1,
        ring_node(Second, Self, 0)
    end),
    receive {stopped_at, Where} -> Where = N rem 503 end,
    {N, now_ns() - T, ""};
%% One producer, one consumer, which counts and then answers a question for the sum.
row(counting, N) -> counting(N);
%% 100 producers send N each to one consumer, which comes first wherever it has something to do: there is no backlog.
row(fanin, N) -> fanin(N, [{priority, high}, {message_queue_data, off_heap}]);
row(fanin_plain, N) -> fanin(N, []);
%% 120 processes: each sends N pings to random others, one outstanding, and answers every ping.
row(big, N) ->
    Self = self(),
    T = now_ns(),
    Players = [spawn(fun() -> receive {go, All} -> play(All, I, N, Self) end end) || I <- lists:seq(1, 120)],
    All = list_to_tuple(Players),
    [P ! {go, All} || P <- Players],
    [receive {finished, _} -> ok end || _ <- Players],
    [P ! {over, Self} || P <- Players],
    Answered = lists:sum([receive {answered, A} -> A end || _ <- Players]),
    Answered = 120 * N,
    {120 * N, now_ns() - T, ""};
%% N processes get 100 messages each, round robin, from one thread that is none of the schedulers'.
row(hotload, N) ->
    Self = self(),
    T = now_ns(),
    Left = atomics:new(2, []),
    ok = atomics:put(Left, 1, N),
    Receivers = [spawn_opt(?MODULE, receiver, [Self, Left, 100], [{message_queue_data, off_heap}]) || _ <- lists:seq(1, N)],
    card_nif:blast(Receivers, 100),
    receive all_done -> ok end,
    Sum = N * sum_to(100),
    Sum = atomics:get(Left, 2),
    {N * 100, now_ns() - T, ""}.

pong(Peer) -> receive Value -> Peer ! Value + 1, pong(Peer) end.
ping(_, 0, Value) -> Value;
ping(Peer, N, Value) -> Peer ! Value + 1, receive Next -> ping(Peer, N - 1, Next) end.

ring_node(Next, Driver, Index) ->
    receive
        0 -> Driver ! {stopped_at, Index};
        Left -> Next ! Left - 1, ring_node(Next, Driver, Index)
    end.

counting(N) ->
    Self = self(),
    T = now_ns(),
    Consumer = spawn(fun() -> Sum = add(N, 0), receive {total, From} -> From ! {sum, Sum} end end),
    spawn(fun() ->
        produce(Consumer, N),
        Consumer ! {total, self()},
        receive {sum, Sum} -> Self ! {sum, Sum} end
    end),
    receive {sum, Sum} -> Sum = sum_to(N) end,
    {N, now_ns() - T, ""}.

fanin(N, Options) ->
    Self = self(),
    T = now_ns(),
    Consumer = spawn_opt(fun() -> Self ! {sum, add(100 * N, 0)} end, Options),
    [spawn(fun() -> produce(Consumer, N) end) || _ <- lists:seq(1, 100)],
    receive {sum, Sum} -> Sum = 100 * sum_to(N) end,
    {100 * N, now_ns() - T, ""}.

add(0, Sum) -> Sum;
add(Left, Sum) -> receive Value -> add(Left - 1, Sum + Value) end.
produce(_, 0) -> ok;
produce(To, Left) -> To ! Left, produce(To, Left - 1).

play(All, Me, N, Driver) -> throw_ping(All, Me, N, rand:mwc59_seed(Me * 7919), 0, Driver, self()).
throw_ping(_, Me, 0, _, Answered, Driver, _) ->
    Driver ! {finished, Me},
    serve(Answered);
throw_ping(All, Me, Left, State, Answered, Driver, Self) ->
    X = (State band 16#7fffffff) rem (tuple_size(All) - 1) + 1,
    To = if X >= Me -> X + 1; true -> X end,
    element(To, All) ! Self,
    await_pong(All, Me, Left, rand:mwc59(State), Answered, Driver, Self).
%% A ping is the address of who sent it, a pong an atom: nothing to copy.
await_pong(All, Me, Left, State, Answered, Driver, Self) ->
    receive
        pong -> throw_ping(All, Me, Left - 1, State, Answered, Driver, Self);
        From -> From ! pong, await_pong(All, Me, Left, State, Answered + 1, Driver, Self)
    end.
serve(Answered) ->
    receive
        {over, Driver} -> Driver ! {answered, Answered};
        From -> From ! pong, serve(Answered + 1)
    end.

receiver(Driver, Left, Rounds) ->
    Sum = add(Rounds, 0),
    ok = atomics:add(Left, 2, Sum),
    case atomics:sub_get(Left, 1, 1) of 0 -> Driver ! all_done; _ -> ok end.
