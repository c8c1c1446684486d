%% The plain thread of hotload.
-module(card_nif).
-export([blast/2]).
-nifs([blast/2]).
-on_load(load/0).

load() -> erlang:load_nif(filename:join(filename:dirname(code:which(?MODULE)), "card_nif"), 0).
blast(_, _) -> erlang:nif_error(not_loaded).
