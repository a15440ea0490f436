%% The same with Cowboy; at /feed a message twice a second to a client that is never asked. `cowboy_peer:main(Port, IdleTimeout)`.
-module(cowboy_peer).
-export([main/2, init/2, websocket_init/1, websocket_handle/2, websocket_info/2]).

main(Port, IdleTimeout) ->
    {ok, _} = application:ensure_all_started(cowboy),
    Options = #{idle_timeout => IdleTimeout},
    Routes = cowboy_router:compile([{'_', [{"/", cowboy_peer, {echo, Options}}, {"/feed", cowboy_peer, {feed, Options}}]}]),
    {ok, _} = cowboy:start_clear(peer, [{ip, {127, 0, 0, 1}}, {port, Port}], #{env => #{dispatch => Routes}}),
    io:format("127.0.0.1:~b~n", [ranch:get_port(peer)]),
    receive stop -> ok end.

init(Request, {Kind, Options}) -> {cowboy_websocket, Request, Kind, Options}.

websocket_init(feed) -> tick();
websocket_init(echo) -> {ok, echo}.

websocket_handle({text, <<"return">>}, State) -> {stop, State};
websocket_handle({text, <<"work">>}, State) -> timer:sleep(2000), {reply, {text, <<"work">>}, State};
websocket_handle({text, Text}, State) -> {reply, {text, Text}, State};
websocket_handle(_, State) -> {ok, State}.

websocket_info(tick, feed) ->
    {ok, feed} = tick(),
    {reply, {text, <<"tick">>}, feed}.

tick() ->
    erlang:send_after(500, self(), tick),
    {ok, feed}.
