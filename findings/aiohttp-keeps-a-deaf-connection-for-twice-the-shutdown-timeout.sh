#!/usr/bin/env bash
# aiohttp's run_app keeps a WebSocket open for twice its shutdown_timeout after SIGTERM, and answers nothing meanwhile.
#
# web.run_app(app, shutdown_timeout=2) and SIGTERM: the listener closes at once, but an open WebSocket stays open for 4 s, twice
# the time-out (by default 2 x 60 s). In that time no ping and no message is answered, and then TCP ends without a close frame.
# So for two minutes clients are connected to a server that has stopped, unless their own heartbeat finds out.
#
# Seen on 2026-11-30 with aiohttp 3.14.5, Python 3.11:
#   before: 0.0 s: text b'one'
#   after SIGTERM, with a ping and a message: 4.0 s: end
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5 || cannot "PyPI does not give aiohttp==3.14.5"
cat > "$folder/server.py" <<'END'
import sys
from aiohttp import web

async def echo(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket

app = web.Application()
app.router.add_get("/", echo)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), shutdown_timeout=2, print=None)
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

import signal, subprocess
port = free()
server = subprocess.Popen([sys.executable, sys.argv[1], str(port)])
try:
    wait(port)
    s, _ = connect(port)
    s.sendall(frame(1, b"one"))
    print("before:", words(frames(s, 5, most=1)))
    server.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    s.sendall(frame(9, b"alive?") + frame(1, b"two"))
    seen = [(round(at + 0.3, 1), kind, data) for at, kind, data in frames(s, 15)]
    print("after SIGTERM, with a ping and a message:", words(seen))
    verdict(kinds(seen) == ["end"] and 3.5 <= seen[0][0] <= 6)
finally:
    server.kill()
END

"$folder/venv/bin/python" "$folder/try.py" "$folder/server.py"
