%% A supervisor of one child, which may be started again so often in a second.
-module(card_supervisor).
-behaviour(supervisor).
-export([start_link/3, init/1]).

start_link(Strategy, Start, Intensity) -> supervisor:start_link(?MODULE, {Strategy, Start, Intensity}).
init({Strategy, Start, Intensity}) ->
    {ok, {#{strategy => Strategy, intensity => Intensity, period => 1},
          [#{id => child, start => Start, restart => permanent, shutdown => brutal_kill, type => worker}]}}.
