%% The benchmark card in Erlang/OTP: ROW WORKERS [N], one line of output. A message is the smallest natural one: a small
%% integer, which is copied nowhere, but where the work needs an address for the answer. README.md beside this file says what
%% was tried to make it fast.
%%
%% A row checks its own result: a wrong one is a failed match, and ends the program with exit code 1. One run is one figure,
%% from the first spawn to the last checked answer, as in docs/benchmarks.md; what a row leaves out of its time is said where
%% it does.
-module(card).
-compile([inline, {inline_size, 100}]).
-export([main/0, now_ns/0, status/1, sum_to/1]).

main() ->
    logger:set_primary_config(level, none), % reports of failures are not what is measured
    [Name, Workers | Rest] = init:get_plain_arguments(),
    Row = list_to_atom(Name),
    W = list_to_integer(Workers),
    W = erlang:system_info(schedulers_online),
    {Module, Default} = row(Row),
    N = case Rest of [Given] -> list_to_integer(Given); [] -> Default end,
    {P, Ref} = spawn_opt(fun() -> exit({ok, Module:row(Row, N)}) end, [monitor]),
    receive
        {'DOWN', Ref, process, P, {ok, {Ops, Ns, Extra}}} ->
            io:format("bench=~s threads=~b n=~b ns_per_op=~.1f rss_mb=~.1f~s~n",
                      [Name, W, N, Ns / Ops, status("VmHWM") / 1024, Extra]),
            halt(0);
        {'DOWN', Ref, process, P, Why} ->
            io:format(standard_error, "~s failed: ~p~n", [Name, Why]),
            halt(1)
    end.

row(pingpong) -> {card_messages, 1000000};
row(ring) -> {card_messages, 5000000};
row(counting) -> {card_messages, 5000000};
row(fanin) -> {card_messages, 20000};
row(big) -> {card_messages, 5000};
row(hotload) -> {card_messages, 10000};
row(spawn) -> {card_lives, 1000000};
row(idle) -> {card_lives, 1000000};
row(skynet) -> {card_lives, 1000000};
row(fork) -> {card_lives, 30};
row(ask) -> {card_answers, 500000};
row(restart_error) -> {card_answers, 100000};
%% Beside the card: what README.md compares.
row(fanin_plain) -> {card_messages, 20000};
row(spawn_monitor) -> {card_lives, 1000000};
row(idle_plain) -> {card_lives, 1000000};
row(ask_gen_server) -> {card_answers, 500000};
row(restart_gen_server) -> {card_answers, 100000};
row(restart_simple) -> {card_answers, 100000};
row(restart_by_hand) -> {card_answers, 100000};
row(restart_all_kept) -> {card_answers, 10000}.

now_ns() -> erlang:monotonic_time(nanosecond).

sum_to(N) -> N * (N + 1) div 2.

%% A line of /proc/self/status, in kB.
status(Key) ->
    {ok, File} = file:open("/proc/self/status", [raw, read, binary]),
    {ok, Text} = file:read(File, 65536),
    ok = file:close(File),
    {match, [Value]} = re:run(Text, [Key, ":\\s*(\\d+)"], [{capture, all_but_first, list}]),
    list_to_integer(Value).
