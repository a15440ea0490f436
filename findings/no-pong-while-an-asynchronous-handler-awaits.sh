#!/usr/bin/env bash
# aiohttp, tornado and granian send no pong while a handler awaits something else, though nothing blocks their event loop.
#
# The handler of a message does `await asyncio.sleep(3)`. The event loop is free (other connections are served), the library
# answers pings by itself, and still the pong to a ping in the middle of it comes after the handler is done: these servers read
# frames only when the application asks for the next message. uvicorn and hypercorn read ahead and answer at once. A client with
# a heartbeat calls the server dead if a handler takes longer than its time-out; a handler that only sends and never receives
# never answers a ping at all.
#
# Seen on 2026-11-30 with aiohttp 3.14.5, tornado 6.6.1, granian 2.8.9, uvicorn 0.54.0 (websockets 17.4), hypercorn 0.18.0;
# a ping 0.2 s after the message:
#   aiohttp: 3.0 s: text b'work'; 3.0 s: pong b'?'
#   tornado: 3.0 s: text b'work'; 3.0 s: pong b'?'
#   granian: 3.0 s: text b'work'; 3.0 s: pong b'?'
#   uvicorn: 0.2 s: pong b'?'; 3.0 s: text b'work'
#   hypercorn: 0.2 s: pong b'?'; 3.0 s: text b'work'
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5 tornado==6.6.1 granian==2.8.9 uvicorn==0.54.0 websockets==17.4 hypercorn==0.18.0 || cannot "PyPI does not give aiohttp==3.14.5 tornado==6.6.1 granian==2.8.9 uvicorn==0.54.0 websockets==17.4 hypercorn==0.18.0"
cat > "$folder/application.py" <<'END'
import asyncio

async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] != "websocket.disconnect":
        await asyncio.sleep(3)
        await send({"type": "websocket.send", "text": event["text"]})
END
cat > "$folder/own.py" <<'END'
import asyncio, sys
import aiohttp.web, tornado.web, tornado.websocket

class Echo(tornado.websocket.WebSocketHandler):
    async def on_message(self, message):
        await asyncio.sleep(3)
        await self.write_message(message)

async def echo(request):
    socket = aiohttp.web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await asyncio.sleep(3)
        await socket.send_str(message.data)
    return socket

async def main():
    if sys.argv[1] == "tornado":
        tornado.web.Application([("/", Echo)]).listen(int(sys.argv[2]), "127.0.0.1")
    else:
        app = aiohttp.web.Application()
        app.router.add_get("/", echo)
        runner = aiohttp.web.AppRunner(app)
        await runner.setup()
        await aiohttp.web.TCPSite(runner, "127.0.0.1", int(sys.argv[2])).start()
    await asyncio.Event().wait()

asyncio.run(main())
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
bin, folder = sys.argv[1], sys.argv[2]

def pings(name, *command):
    port = free()
    server = subprocess.Popen([f"{bin}/{command[0]}", *[word.format(port=port) for word in command[1:]]], cwd=folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait(port)
        s, _ = connect(port)
        s.sendall(frame(1, b"work"))
        started = time.monotonic()
        time.sleep(0.2)
        skipped = time.monotonic() - started
        s.sendall(frame(9, b"?"))
        seen = [(round(at + skipped, 1), kind, data) for at, kind, data in frames(s, 6, most=2)]
        print(f"{name}:", words(seen))
        return kinds(seen)
    finally:
        os.killpg(server.pid, 9)
        server.wait()

late = [pings("aiohttp", "python", "own.py", "aiohttp", "{port}"), pings("tornado", "python", "own.py", "tornado", "{port}"),
        pings("granian", "granian", "--interface", "asginl", "--port", "{port}", "application:app")]
prompt = [pings("uvicorn", "uvicorn", "--ws", "websockets", "--lifespan", "off", "--port", "{port}", "application:app"),
          pings("hypercorn", "hypercorn", "-b", "127.0.0.1:{port}", "application:app")]
verdict(late == [["text", "pong"]] * 3 and prompt == [["pong", "text"]] * 2)
END

"$folder/venv/bin/python" "$folder/try.py" "$folder/venv/bin" "$folder"
