%% The gen_server of ask_gen_server, and the child of restart_gen_server.
-module(card_server).
-behaviour(gen_server).
-export([start_link/0, start_link/1, init/1, handle_call/3, handle_cast/2, handle_info/2]).

start_link() -> gen_server:start_link(?MODULE, none, []).
start_link(Driver) -> gen_server:start_link(?MODULE, Driver, []).

init(none) -> {ok, none};
init(Driver) -> Driver ! {up, self()}, {ok, Driver}.
handle_call(Value, _, State) -> {reply, Value + 1, State}.
handle_cast(_, State) -> {noreply, State}.
handle_info(fail, _) -> exit(told_to_fail).
