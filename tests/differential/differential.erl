%% Replays scripts of supervision (script.hpp) on OTP's supervisor and prints what happened, in the words of replay.cpp.
%%
%% With one scheduler all signals that a process sends at its end are sent in one turn, so the order in which a script's
%% collector hears of starts and ends is the order in which they were.
-module(differential).
-export([main/0, init/1, start_supervisor/2, start_worker/2, worker/3]).
-behaviour(supervisor).

-define(at_once, 64). % so many scripts run at a time: what deaf children cost is waiting

main() ->
    logger:set_primary_config(level, none),
    [File] = init:get_plain_arguments(),
    {ok, Text} = file:read_file(File),
    Scripts = scripts(string:lexemes(Text, "\n"), none, []),
    run(Scripts, #{}, []),
    halt(0).

%% ---- reading

scripts([], none, Done) -> lists:reverse(Done);
scripts([Line | Rest], Script, Done) ->
    case [binary_to_list(W) || W <- string:lexemes(Line, " ")] of
        ["script", Number] -> scripts(Rest, #{number => Number, nodes => [], steps => []}, Done);
        ["end"] ->
            #{nodes := Nodes, steps := Steps} = Script,
            scripts(Rest, none, [Script#{nodes := lists:reverse(Nodes), steps := lists:reverse(Steps)} | Done]);
        ["step" | Words] -> scripts(Rest, maps:update_with(steps, fun(S) -> [Words | S] end, Script), Done);
        [Kind, Id, Home, Restart, Significant, Shutdown, When, A, B, C] ->
            Node = #{kind => Kind, id => Id, home => Home, restart => list_to_atom(Restart), significant => Significant =:= "1",
                shutdown => Shutdown, late => When =:= "late", a => A, b => B, c => C},
            scripts(Rest, maps:update_with(nodes, fun(N) -> [Node | N] end, Script), Done)
    end.

%% ---- many at once

run([], Running, _) when map_size(Running) =:= 0 -> ok;
run([Script | Rest], Running, Print) when map_size(Running) < ?at_once ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({trace, replay(Script)}) end),
    run(Rest, Running#{Ref => {Pid, maps:get(number, Script)}}, Print);
run(Scripts, Running, Print) ->
    receive
        {'DOWN', Ref, process, _, End} ->
            {{_, Number}, Left} = maps:take(Ref, Running),
            Lines = case End of
                {trace, L} -> L;
                Other -> [io_lib:format("the replay failed: ~0p", [Other])]
            end,
            io:put_chars(["script ", Number, "\n", [[L, "\n"] || L <- Lines], "end\n"]),
            run(Scripts, Left, Print)
    end.

%% ---- one script

replay(#{nodes := Nodes, steps := Steps}) ->
    process_flag(trap_exit, true),
    Book = ets:new(book, [public]), % how often each child has started, and who it is now
    Collector = spawn_link(fun() -> collect([], #{}, #{}) end),
    World = #{nodes => Nodes, book => Book, collector => Collector},
    Top = maps:get(id, hd(Nodes)),
    Started = case start_supervisor(World, Top) of
        {ok, Pid} -> put(top, Pid), "ok";
        {error, {shutdown, {failed_to_start_child, Id, _}}} -> ["failed ", Id]
    end,
    rest(World),
    Begin = ["> start" | after_step(Started, World, Top)],
    Told = [told(Step, World, Top) || Step <- Steps],
    Ends = call(Collector, ends),
    exit(Collector, kill),
    [lists:flatten(L) || L <- lists:append([Begin | Told]) ++ Ends].

told(Step, World, Top) ->
    Result = do(Step, World, Top),
    rest(World),
    [["> ", lists:join(" ", Step)] | after_step(Result, World, Top)].

%% What the collector has heard since, the answer, and the tree.
after_step(Result, World = #{collector := Collector}, Top) ->
    call(Collector, take) ++ [["= ", Result] || Result =/= none] ++ [["tree ", tree(Top, get(top), World)]].

do(["stop"], _, _) ->
    case get(top) of
        undefined -> ok;
        Top ->
            Ref = monitor(process, Top),
            exit(Top, shutdown),
            receive {'DOWN', Ref, process, _, _} -> ok end
    end,
    none;
do(["exit", Id, How], World, _) -> strike(Id, {exit_now, How}, World);
do(["signal", Id, How], World, _) ->
    Reason = case How of "normal" -> normal; "shutdown" -> shutdown; "error" -> error_by("signal"); "kill" -> kill end,
    strike(Id, {signal, Reason}, World);
do(["hold", Id, Call], World, _) -> hold(Id, Call, World);
do([Call, Sup | Rest], World, _) ->
    try
        Pid = case who(Sup, World) of nobody -> exit(noproc); P -> P end,
        answer(case {Call, Rest} of
            {"start_child", [Id]} ->
                case is_simple(Sup, World) of
                    false -> supervisor:start_child(Pid, spec(node_of(Id, World), World));
                    true ->
                        case lives(Id, World) of
                            true -> unasked(Pid, lives);
                            false -> supervisor:start_child(Pid, [Id])
                        end
                end;
            {"start_wrong", [Id]} ->
                case is_simple(Sup, World) of
                    false -> supervisor:start_child(Pid, [Id]);
                    true -> {error, _} = supervisor:start_child(Pid, #{id => Id}), {error, simple_one_for_one}
                end;
            {"terminate_pid", [Id]} ->
                case who(Id, World) of
                    nobody -> unasked(Pid, nobody);
                    Child -> supervisor:terminate_child(Pid, Child)
                end;
            {"get_childspec", [Id]} ->
                case {is_simple(Sup, World), lives(Id, World)} of
                    {false, _} -> {spec, supervisor:get_childspec(Pid, Id)};
                    {true, true} -> {spec, supervisor:get_childspec(Pid, who(Id, World))};
                    {true, false} -> unasked(Pid, nobody)
                end;
            {"restart_child", [Id]} -> supervisor:restart_child(Pid, Id);
            {"terminate_child", [Id]} -> supervisor:terminate_child(Pid, Id);
            {"delete_child", [Id]} -> supervisor:delete_child(Pid, Id);
            {"change", Words} -> is_process_alive(Pid) orelse exit(noproc), change(Sup, Pid, description(Words, World), World);
            {"which_children", []} -> {children, named(supervisor:which_children(Pid), World)};
            {"count_children", []} -> {counts, supervisor:count_children(Pid)}
        end)
    catch
        exit:_ -> "noproc"
    end.

%% It ends with an error, and the start that follows is held. The call lies in its supervisor's mailbox before that start fails, so
%% before it sends itself the message to try again. For terminate_child it does not fail: Bastion's does not wait for it, and those
%% behind it start without it; here they start, then it is terminated, and nobody speaks of that.
hold(Id, Call, World = #{book := Book}) ->
    #{home := Home} = node_of(Id, World),
    case lives(Id, World) of
        false -> "nobody";
        true ->
            Sup = who(Home, World),
            ets:insert(Book, {{hold, Id}, Sup, self()}),
            none = strike_living(who(Id, World), {exit_now, "error"}),
            Resting = spawn_monitor(fun() -> rest(World) end),
            Said = held(Id, Call, Sup, Resting, World),
            ets:delete(Book, {hold, Id}),
            Said
    end.

held(Id, Call, Sup, {Resting, Ref}, World) ->
    receive
        {'DOWN', Ref, process, Resting, _} -> "nobody"; % it is not started again, or not by this supervisor
        {held, Child} ->
            Answer = gen_server:send_request(Sup, request(Call, Id, World)),
            Child ! case Call of "terminate_child" -> go_on; _ -> fail_now end,
            Said = case {gen_server:receive_response(Answer, infinity), Call} of
                {{reply, All}, "which_children"} -> answer({children, up_to(Id, named(All, World))});
                {{reply, Counts}, "count_children"} -> answer({counts, Counts});
                {{reply, Reply}, _} -> answer(Reply);
                {{error, _}, _} -> "noproc"
            end,
            receive {'DOWN', Ref, process, Resting, _} -> Said end
    end.

request("start_child", Id, World) -> {start_child, spec(node_of(Id, World), World)};
request("which_children", _, _) -> which_children;
request("count_children", _, _) -> count_children;
request(Call, Id, _) -> {list_to_atom(Call), Id}.

up_to(Id, [{Id, _, _, _} = Last | _]) -> [Last];
up_to(Id, [Other | Rest]) -> [Other | up_to(Id, Rest)].

%% Those below that are mentioned are asked, too, and say what they did.
change(Id, Pid, New = {_, Below}, World = #{book := Book}) ->
    Old = described(Id, World),
    ets:insert(Book, {{described, Id}, New}),
    sys:suspend(Pid),
    Result = sys:change_code(Pid, ?MODULE, undefined, []),
    sys:resume(Pid),
    case Result of
        {error, _} -> ets:insert(Book, {{described, Id}, Old}), {error, invalid};
        ok ->
            [ok = change(I, P, described(I, World), World) || {I, P, supervisor, _} <- supervisor:which_children(Pid),
                is_pid(P), lists:any(fun(#{id := Mentioned}) -> Mentioned =:= I end, Below)],
            ok
    end.

description([Strategy, Intensity, Auto, Period | Below], World) ->
    {flags(Strategy, Intensity, Auto, case Period of "wide" -> 3600; "none" -> 0 end),
        [begin
            [Id, Restart, Significant, Shutdown] = string:split(Word, ",", all),
            (node_of(Id, World))#{restart => list_to_atom(Restart), significant => Significant =:= "1", shutdown => Shutdown}
        end || Word <- Below]}.

%% Why a supervisor is not asked, if it is there.
unasked(Pid, Why) ->
    case is_process_alive(Pid) of
        true -> Why;
        false -> exit(noproc)
    end.

%% The end of a child, seen before we go on; of a signal only `kill` is one.
strike(Id, What, World) ->
    case who(Id, World) of
        nobody -> "nobody";
        Pid ->
            case is_process_alive(Pid) of
                false -> "nobody";
                true when What =:= {signal, kill} ->
                    case has_children(Id, Pid, World) of
                        true -> "has children";
                        false -> strike_living(Pid, What)
                    end;
                true -> strike_living(Pid, What)
            end
    end.

%% One that is killed leaves its children to their links, in no order.
has_children(Id, Pid, World) ->
    #{kind := Kind} = node_of(Id, World),
    Kind =:= "sup" andalso proplists:get_value(active, supervisor:count_children(Pid)) > 0.

strike_living(Pid, What) ->
    Ref = monitor(process, Pid),
    case What of
        {signal, Reason} -> exit(Pid, Reason);
        _ -> Pid ! What
    end,
    case What of
        {signal, Reason2} when Reason2 =/= kill -> demonitor(Ref, [flush]);
        _ -> receive {'DOWN', Ref, process, _, _} -> ok end
    end,
    none.

answer(lives) -> "lives";
answer(nobody) -> "nobody";
answer({spec, {ok, #{restart := Restart, significant := Significant, shutdown := Shutdown, type := Type}}}) ->
    io_lib:format("spec ~s ~b ~p ~s", [Restart, case Significant of true -> 1; false -> 0 end, Shutdown, Type]);
answer({spec, Error}) -> answer(Error);
answer({error, simple_one_for_one}) -> "simple_one_for_one";
answer({error, invalid}) -> "invalid";
answer({error, {invalid_child_spec, _}}) -> "invalid";
answer(ok) -> "ok";
answer({ok, undefined}) -> "ok undefined";
answer({ok, _}) -> "ok";
answer({error, {already_started, _}}) -> "already_started";
answer({error, {bad_combination, _}}) -> "invalid";
answer({error, A}) when A =:= not_found; A =:= running; A =:= restarting; A =:= already_present -> atom_to_list(A);
answer({error, _}) -> "start_failed";
answer({children, All}) -> ["children ", lists:join(" ", [[Id, mark(Pid)] || {Id, Pid, _, _} <- All])];
answer({counts, C}) ->
    lists:join(" ", [integer_to_list(proplists:get_value(K, C)) || K <- [specs, active, supervisors, workers]]).

%% In start order; children of a template by the names that they were started with.
named([{undefined, _, _, _} | _] = All, #{book := Book}) ->
    lists:sort([{ets:lookup_element(Book, {name, Pid}, 2), Pid, Type, Modules} || {_, Pid, Type, Modules} <- All]);
named(All, _) -> lists:reverse(All).

mark(undefined) -> "-";
mark(restarting) -> "~";
mark(_) -> "".

%% Nothing happens any more: all supervisors have answered twice, and nothing was heard between.
rest(World) -> rest(World, none).
rest(World = #{collector := Collector}, Before) ->
    Look = [ask(P) || P <- call(Collector, supervisors)],
    Now = {call(Collector, heard), Look},
    case Now =:= Before andalso not lists:member(again, Look) of
        true -> ok;
        false -> rest(World, Now)
    end.

ask(Pid) ->
    try supervisor:which_children(Pid) of
        All -> case lists:keymember(restarting, 2, All) of true -> again; false -> {Pid, All} end
    catch
        exit:_ -> gone
    end.

tree(Id, Pid, World) ->
    try supervisor:which_children(Pid) of
        All -> [Id, "(", lists:join(" ", [branch(C, World) || C <- named(All, World)]), ")"]
    catch
        exit:_ -> "gone"
    end.
branch({Id, Pid, supervisor, _}, World) when is_pid(Pid) -> tree(Id, Pid, World);
branch({Id, Pid, _, _}, _) -> [Id, mark(Pid)].

%% ---- the tree

node_of(Id, #{nodes := Nodes}) ->
    [Node] = [N || N = #{id := I} <- Nodes, I =:= Id],
    Node.

who(Id, #{book := Book}) ->
    case ets:lookup(Book, {who, Id}) of
        [{_, Pid}] -> Pid;
        [] -> nobody
    end.

is_simple(Id, World) ->
    case node_of(Id, World) of
        #{kind := "sup", a := "simple_one_for_one"} -> true;
        _ -> false
    end.

lives(Id, World) ->
    case who(Id, World) of
        nobody -> false;
        Pid -> is_process_alive(Pid)
    end.

spec(#{kind := Kind, id := Id, restart := Restart, significant := Significant, shutdown := Shutdown, b := AtStop}, World) ->
    {Arguments, Start, Type} = case Kind of
        "sup" -> {[World, Id], start_supervisor, supervisor};
        "work" -> {[World, Id], start_worker, worker};
        "temp" -> {[World], start_worker, worker}
    end,
    Time = case Shutdown of
        "brutal_kill" -> brutal_kill;
        "infinity" -> infinity;
        "time" when Kind =/= "sup", AtStop =:= "deaf" -> 20;
        "time" -> 60000
    end,
    #{id => Id, start => {?MODULE, Start, Arguments}, restart => Restart, significant => Significant, shutdown => Time,
        type => Type}.

start_supervisor(World, Id) -> supervisor:start_link(?MODULE, {World, Id}).

init({World, Id}) ->
    case put(?MODULE, runs) of
        undefined -> hear(World, Id, supervisor, ["start ", Id]);
        runs -> ok % it changes
    end,
    {Flags, Below} = described(Id, World),
    {ok, {Flags, [spec(N, World) || N <- Below]}}.

%% How a supervisor is now: as in the script, until a change.
described(Id, World = #{nodes := Nodes, book := Book}) ->
    case ets:lookup(Book, {described, Id}) of
        [{_, Now}] -> Now;
        [] ->
            #{a := Strategy, b := Intensity, c := Auto} = node_of(Id, World),
            {flags(Strategy, Intensity, Auto, 3600), [N || N = #{home := Home, late := Late} <- Nodes, Home =:= Id, not Late]}
    end.

flags(Strategy, Intensity, Auto, Period) ->
    #{strategy => list_to_atom(Strategy), intensity => list_to_integer(Intensity), period => Period,
        auto_shutdown => list_to_atom(Auto)}.

%% A child writes that it has started before its supervisor goes on.
hear(#{collector := Collector, book := Book}, Id, Kind, Text) ->
    ets:insert(Book, [{{who, Id}, self()}, {{name, self()}, Id}]),
    ok = call(Collector, {begins, Id, Kind, self(), Text}).

start_worker(World = #{book := Book}, Id) ->
    Sup = self(),
    case ets:lookup(Book, {hold, Id}) of
        [{Key, Sup, Who}] ->
            ets:delete(Book, Key),
            proc_lib:start_link(?MODULE, worker, [World, Id, {held_by, Who}]);
        _ -> start_in_turn(World, Id)
    end.

start_in_turn(World = #{book := Book, collector := Collector}, Id) ->
    #{a := Starts} = node_of(Id, World),
    Turn = ets:update_counter(Book, {starts, Id}, 1, {{starts, Id}, 0}),
    How = case Turn =< length(Starts) andalso lists:nth(Turn, Starts) of
        false -> $o;
        $- -> $o;
        Letter -> Letter
    end,
    case How of
        $i -> ok = call(Collector, {line, ["start ", Id, " ignore"]}), ignore;
        $e -> ok = call(Collector, {line, ["start ", Id, " error"]}), {error, no_start};
        _ -> proc_lib:start_link(?MODULE, worker, [World, Id, How])
    end.

worker(#{collector := Collector}, Id, $c) ->
    ok = call(Collector, {line, ["start ", Id, " crash"]}),
    exit(crash);
worker(#{collector := Collector}, Id, {held_by, Who}) ->
    ok = call(Collector, {line, ["start ", Id, " held"]}),
    Who ! {held, self()},
    receive
        fail_now -> exit(held);
        go_on ->
            proc_lib:init_ack({ok, self()}),
            receive never -> ok end
    end;
worker(World, Id, How) ->
    process_flag(trap_exit, true),
    #{b := AtStop, c := Victim} = node_of(Id, World),
    How =:= $d andalso kill(Victim, World),
    hear(World, Id, worker, ["start ", Id, " ok"]),
    [Parent | _] = get('$ancestors'),
    proc_lib:init_ack({ok, self()}),
    work(Id, Parent, AtStop, Victim, World).

work(Id, Parent, AtStop, Victim, World) ->
    receive
        {exit_now, "normal"} -> exit(normal);
        {exit_now, "shutdown"} -> exit(shutdown);
        {exit_now, "shutdown2"} -> exit({shutdown, why});
        {exit_now, How} -> exit(error_by(How));
        {'EXIT', Parent, _} ->
            case AtStop of
                "ends" -> exit(shutdown);
                "normal" -> % an ordered end without a reason of its own: to Bastion that is a stop
                    ok = call(maps:get(collector, World), {ordered, self()}),
                    exit(normal);
                "error" -> exit(error_by("stop"));
                "deaf" -> receive after infinity -> ok end;
                "drag" -> kill(Victim, World), exit(shutdown)
            end;
        {'EXIT', _, _} -> work(Id, Parent, AtStop, Victim, World)
    end.

error_by(What) -> {bad, What}.

kill("-", _) -> ok;
kill(Id, World) ->
    case who(Id, World) of
        nobody -> ok;
        Pid ->
            Ref = monitor(process, Pid),
            exit(Pid, kill),
            receive {'DOWN', Ref, process, _, _} -> ok end
    end.

%% ---- the collector: hears of starts, watches for ends

collect(Lines, Known, Ends) ->
    receive
        {From, Ref, {begins, Id, Kind, Pid, Text}} ->
            monitor(process, Pid),
            From ! {Ref, ok},
            collect([Text | Lines], Known#{Pid => {Id, Kind}}, Ends);
        {From, Ref, {line, Text}} ->
            From ! {Ref, ok},
            collect([Text | Lines], Known, Ends);
        {From, Ref, {ordered, Pid}} ->
            From ! {Ref, ok},
            collect(Lines, maps:update_with(Pid, fun({Id, worker}) -> {Id, ordered} end, Known), Ends);
        {'DOWN', _, process, Pid, Reason} ->
            case maps:take(Pid, Known) of
                {{Id, ordered}, Left} -> collect([["stop ", Id, " shutdown"] | Lines], Left, Ends);
                {{Id, worker}, Left} -> collect([["stop ", Id, " ", reason(Reason)] | Lines], Left, Ends);
                {{Id, supervisor}, Left} ->
                    collect(Lines, Left, maps:update_with(Id, fun(R) -> R ++ [reason(Reason)] end, [reason(Reason)], Ends))
            end;
        {From, Ref, take} -> From ! {Ref, lists:reverse(Lines)}, collect([], Known, Ends);
        {From, Ref, heard} -> From ! {Ref, {length(Lines), maps:size(Known)}}, collect(Lines, Known, Ends);
        {From, Ref, supervisors} ->
            From ! {Ref, [P || {P, {_, supervisor}} <- maps:to_list(Known)]},
            collect(Lines, Known, Ends);
        {From, Ref, ends} ->
            From ! {Ref, [["ends ", Id, ": ", lists:join(", ", lists:sort(R))] || {Id, R} <- lists:sort(maps:to_list(Ends))]},
            collect(Lines, Known, Ends)
    end.

call(Collector, What) ->
    Ref = make_ref(),
    Collector ! {self(), Ref, What},
    receive {Ref, Answer} -> Answer end.

reason(normal) -> "normal";
reason(shutdown) -> "shutdown";
reason({shutdown, {failed_to_start_child, Id, _}}) -> "failed " ++ Id;
reason({shutdown, _}) -> "shutdown";
reason(killed) -> "killed";
reason({bad, What}) -> "error " ++ What;
reason(Other) -> lists:flatten(io_lib:format("~0p", [Other])).
