#!/usr/bin/env bash
# Cowboy 2.8.0 cuts a WebSocket on which it sends all the time, with Close 1000, since only what it receives counts as activity.
#
# idle_timeout (60 s by default; RabbitMQ's Web STOMP and Web MQTT, Phoenix and EMQX stand on it) is reset by the client's frames
# alone. A subscriber that only listens to a feed with two messages a second is closed after that time, and the code is 1000,
# "normal closure": a client that takes 1000 for the end of the feed, as the code says, stops for good. A ping of the client's
# every so often keeps it. Here with idle_timeout 2 s, as Debian's rabbitmq-server ships Cowboy.
#
# Seen on 2026-11-30 with Cowboy 2.8.0 of rabbitmq-server 3.10.8-1.1+deb12u1, Erlang/OTP 25.2.3:
#   a client that only listens: 3 messages, then 2.0 s: close 1000 ''; 2.0 s: end
#   a client that pings every second: 12 messages in 6 s, and open
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v erl > /dev/null && command -v erlc > /dev/null || cannot "Erlang is needed (apt-get install erlang-base erlang-ssl erlang-crypto)"
# Only the library is wanted, not the broker: the package is unpacked, not installed.
(cd "$folder" && apt-get download --quiet=2 rabbitmq-server=3.10.8-1.1+deb12u1 2> log && dpkg-deb --extract rabbitmq-server_*.deb .) ||
    cannot "Debian's rabbitmq-server 3.10.8-1.1+deb12u1 can't be had"
plugins=$(echo "$folder"/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins)
paths="-pa $folder $(for name in cowboy-2.8.0 cowlib-2.9.1 ranch-2.1.0; do echo "-pa $plugins/$name/ebin"; done)"
cat > "$folder/feed.erl" <<'END'
-module(feed).
-export([main/1, init/2, websocket_init/1, websocket_handle/2, websocket_info/2]).

main(Port) ->
    {ok, _} = application:ensure_all_started(cowboy),
    Routes = cowboy_router:compile([{'_', [{"/", feed, []}]}]),
    {ok, _} = cowboy:start_clear(feed, [{ip, {127, 0, 0, 1}}, {port, Port}], #{env => #{dispatch => Routes}}),
    receive stop -> ok end.

init(Request, State) -> {cowboy_websocket, Request, State, #{idle_timeout => 2000}}.
websocket_init(State) -> tick(), {ok, State}.
websocket_handle(_, State) -> {ok, State}.
websocket_info(tick, State) -> tick(), {reply, {text, <<"tick">>}, State}.
tick() -> erlang:send_after(500, self(), tick).
END
cat > "$folder/try.py" <<'END'
import base64, os, socket, struct, sys, time

def connect(port, path="/", fields=""):
    """A connection after the opening handshake, and the head of the answer."""
    s = socket.create_connection(("127.0.0.1", port), 5)
    key = base64.b64encode(os.urandom(16)).decode()
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{fields}\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = s.recv(1)
        if not byte: raise SystemExit(f"no answer to the request: {head!r}")
        head += byte
    return s, head.decode()

def frame(op, data=b"", fin=True, rsv1=False):
    mask, n = os.urandom(4), len(data)
    length = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n)
    return bytes([op | 0x80 * fin | 0x40 * rsv1]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))

NAMES = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}

def frames(s, seconds, most=10**9):
    """What comes within so many seconds: (seconds, kind, payload); at the end of the stream (seconds, "end", b"")."""
    start, buffer, seen = time.monotonic(), b"", []
    while len(seen) < most and (left := start + seconds - time.monotonic()) > 0:
        s.settimeout(left)
        try: data = s.recv(1 << 16)
        except socket.timeout: break
        except ConnectionError: data = b""
        now = round(time.monotonic() - start, 1)
        if not data: return seen + [(now, "end", b"")]
        buffer += data
        while len(buffer) >= 2:
            n, at = buffer[1] & 127, 2
            if n == 126: n, at = struct.unpack(">H", buffer[2:4])[0], 4
            if len(buffer) < at + n: break
            kind = NAMES[buffer[0] & 15]
            seen.append((now, kind, buffer[at:at + n])); buffer = buffer[at + n:]
    return seen

def words(seen):
    told = []
    for at, kind, data in seen:
        if kind == "close": data = f"{struct.unpack('>H', data[:2])[0]} {data[2:].decode()!r}" if data else "without a code"
        told.append(f"{at} s: {kind}" + (f" {data}" if data else ""))
    return "; ".join(told) or "nothing"

def kinds(seen):
    return [kind for _, kind, _ in seen]

def wait(port):
    for _ in range(400):
        try: return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError: time.sleep(0.05)
    raise SystemExit("the server does not listen")

def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def verdict(as_described):
    print("as described" if as_described else "CHANGED: it does not behave as described above")
    sys.exit(0 if as_described else 1)

import subprocess
port = free()
erlang = subprocess.Popen(["erl", "-noinput", *sys.argv[1:], "-eval", f"feed:main({port})."], stderr=subprocess.DEVNULL)
try:
    wait(port)
    silent = frames(connect(port)[0], 10)
    print("a client that only listens:", kinds(silent).count("text"), "messages, then", words([one for one in silent if one[1] != "text"]))
    s, _ = connect(port)
    heard = []
    for _ in range(6):
        heard += [one for one in frames(s, 1) if one[1] != "pong"]
        if "end" in kinds(heard): break
        s.sendall(frame(9))
    print("a client that pings every second:", kinds(heard).count("text"), "messages in 6 s, and", "cut off" if "end" in kinds(heard) else "open")
    closed = [data for _, kind, data in silent if kind == "close"]
    verdict(closed and closed[0][:2] == b"\x03\xe8" and kinds(silent).count("text") >= 2 and set(kinds(heard)) == {"text"})
finally:
    erlang.kill()
END

erlc -o "$folder" "$folder/feed.erl" || cannot "erlc can't compile"
# shellcheck disable=SC2086
ERL_CRASH_DUMP=/dev/null python3 "$folder/try.py" $paths
