%% Rows of questions and of failures: ask, restart.
-module(card_answers).
-compile([inline, {inline_size, 100}]).
-export([row/2, serve/0, start_child/1, child/1]).
-import(card, [now_ns/0]).

%% N questions, one after the other, each with its deadline of 5 s armed and its server monitored. By hand what
%% gen_server:call does: a monitor whose reference is an alias, which an answer takes away, so that a late one goes nowhere.
row(ask, N) ->
    T = now_ns(),
    Server = spawn_link(?MODULE, serve, []),
    asked(fun(Value) -> call(Server, Value) end, N, T);
row(ask_gen_server, N) ->
    T = now_ns(),
    {ok, Server} = card_server:start_link(),
    asked(fun(Value) -> gen_server:call(Server, Value) end, N, T);
%% A supervisor of OTP, and children that are bare processes and exit. The op is a cycle: a new child says that it is there,
%% gets a message, exits.
row(restart_error, N) -> supervised(one_for_one, {?MODULE, start_child, [self()]}, N, 200);
row(restart_simple, N) -> supervised(simple_one_for_one, {?MODULE, start_child, []}, N, 200);
row(restart_gen_server, N) -> supervised(one_for_one, {card_server, start_link, [self()]}, N, 200);
row(restart_all_kept, N) -> supervised(one_for_one, {?MODULE, start_child, [self()]}, N, N + 1);
%% No supervisor: a process that traps exits and starts the next one.
row(restart_by_hand, N) ->
    Self = self(),
    T = now_ns(),
    spawn_link(fun() -> process_flag(trap_exit, true), guard(Self) end),
    cycles(N, 0),
    {N, now_ns() - T, ""}.

serve() -> receive {Ref, Value} -> Ref ! {Ref, Value + 1}, serve() end.
call(Server, Value) ->
    Ref = monitor(process, Server, [{alias, reply_demonitor}]),
    Server ! {Ref, Value},
    receive
        {Ref, Answer} -> Answer;
        {'DOWN', Ref, _, _, Why} -> exit(Why)
    after 5000 -> exit(timeout)
    end.

asked(Ask, N, T) ->
    Self = self(),
    spawn_link(fun() -> Self ! {last, ask_often(Ask, N, 0)} end),
    receive {last, Last} -> Last = N end,
    {N, now_ns() - T, ""}.
ask_often(_, 0, Value) -> Value;
ask_often(Ask, Left, Value) -> ask_often(Ask, Left - 1, Ask(Value)).

guard(Driver) ->
    Child = spawn_link(?MODULE, child, [Driver]),
    receive {'EXIT', Child, told_to_fail} -> guard(Driver) end.

%% A supervisor keeps the time of each restart of its period and walks through all of them at each restart, so that N
%% restarts that are allowed in a period cost the more the more there were: restart_all_kept shows it. The others
%% empty that list after each `Kept` restarts (field 8 of the state, in OTP 25), which leaves the restart itself.
supervised(Strategy, Start, N, Kept) ->
    process_flag(trap_exit, true),
    T = now_ns(),
    {ok, Sup} = card_supervisor:start_link(Strategy, Start, N + 1),
    case Strategy of
        simple_one_for_one -> {ok, _} = supervisor:start_child(Sup, [self()]);
        _ -> ok
    end,
    cycles(N, 0, Sup, Kept),
    Ns = now_ns() - T,
    true = is_process_alive(Sup),
    {N, Ns, ""}.
cycles(N, N, _, _) -> receive {up, _} -> ok end;
cycles(N, K, Sup, Kept) ->
    if K rem Kept =:= Kept - 1 -> sys:replace_state(Sup, fun(State) -> setelement(8, State, []) end);
       true -> ok end,
    receive {up, Child} -> Child ! fail end,
    cycles(N, K + 1, Sup, Kept).
cycles(N, N) -> receive {up, _} -> ok end;
cycles(N, K) ->
    receive {up, Child} -> Child ! fail end,
    cycles(N, K + 1).

start_child(Driver) -> {ok, spawn_link(?MODULE, child, [Driver])}.
child(Driver) ->
    Driver ! {up, self()},
    receive fail -> exit(told_to_fail) end.
