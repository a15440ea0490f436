#!/usr/bin/env bash
# hypercorn 0.18.0: one busy WebSocket handler stalls all the others of the same HTTP/2 connection, PINGs of HTTP/2 included.
#
# WebSockets over HTTP/2 (RFC 8441) share one TCP connection, and each stream has a flow-control window of its own so that a slow
# one holds up no other. hypercorn hands what it reads to a queue of ten events (max_app_queue_size) for each application; at the
# eleventh small message that a handler has not taken yet, far below the window of 64 KiB, the task that reads the whole connection waits.
# Other WebSockets get no answer, new ones do not open, and PING frames of HTTP/2 are not answered, so that a client or proxy with
# a keep-alive drops the connection with everything on it. By HTTP/1.1 the same handler would delay itself alone.
#
# Here the handler of one stream sleeps for 4 s; the other, on the same connection, echoes.
#
# Seen on 2026-11-30 with hypercorn 0.18.0, h2 4.4.1:
#   5 messages unread on the busy one: echo on the other after 0.0 s, the PING's answer after 0.0 s
#   20 messages unread on the busy one: echo on the other after 3.5 s, the PING's answer after 3.5 s
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hypercorn==0.18.0 h2==4.4.1 || cannot "PyPI does not give hypercorn==0.18.0 h2==4.4.1"
cat > "$folder/application.py" <<'END'
import asyncio

async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/busy":
        await asyncio.sleep(4)
    while (await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": "echo"})
END
cat > "$folder/try.py" <<'END'
import os, select, socket, subprocess, sys, time
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, PingAckReceived, RemoteSettingsChanged, ResponseReceived

def message(text):
    return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text

class Connection:
    def __init__(self, port):
        self.authority = f"127.0.0.1:{port}"
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.h2 = H2Connection(H2Configuration(client_side=True))
        self.h2.initiate_connection()
        self.flush()
        self.until([RemoteSettingsChanged])

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def until(self, wanted, stream=None, seconds=10):
        """The seconds until each of the wanted events (of the stream, where it has one) has come; None for what has not."""
        start, seen = time.monotonic(), {}
        while len(seen) < len(wanted) and (left := start + seconds - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]: break
            data = self.socket.recv(1 << 16)
            if not data: break
            for event in self.h2.receive_data(data):
                if type(event) in wanted and getattr(event, "stream_id", None) in (stream, None):
                    seen.setdefault(type(event), time.monotonic() - start)
            self.flush()
        return [seen.get(kind) for kind in wanted]

    def open(self, path):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path),
                                      (":authority", self.authority), ("sec-websocket-version", "13")])
        self.flush()
        if self.until([ResponseReceived], stream) == [None]: raise SystemExit("the WebSocket does not open")
        return stream

def waited(port, messages):
    connection = Connection(port)
    busy, other = connection.open("/busy"), connection.open("/echo")
    for _ in range(messages): connection.h2.send_data(busy, message(b"hello"))
    connection.flush()
    time.sleep(0.5)
    connection.h2.send_data(other, message(b"hello"))
    connection.h2.ping(b"12345678")
    connection.flush()
    echo, pong = connection.until([DataReceived, PingAckReceived], other)
    if echo is None or pong is None: raise SystemExit("no answer in 10 s")
    print(f"{messages} messages unread on the busy one: echo on the other after {echo:.1f} s, the PING's answer after {pong:.1f} s")
    return echo, pong

with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
server = subprocess.Popen([f"{sys.argv[1]}/hypercorn", "-b", f"127.0.0.1:{port}", "application:app"], cwd=sys.argv[2],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
try:
    for _ in range(400):
        try: socket.create_connection(("127.0.0.1", port), 1).close(); break
        except OSError: time.sleep(0.05)
    few, many = waited(port, 5), waited(port, 20)
    as_described = max(few) < 1 and min(many) > 2
    print("as described" if as_described else "CHANGED: it does not behave as described above")
    sys.exit(0 if as_described else 1)
finally:
    os.killpg(server.pid, 9)
END
timeout 60 "$folder/venv/bin/python" "$folder/try.py" "$folder/venv/bin" "$folder"
