#!/usr/bin/env bash
# An ASGI application that returns without a close: four servers, four ends, and none is Close 1000.
#
# The WebSocket handler accepts, sends a message and returns, without an error. uvicorn (all three of its WebSocket
# implementations) drops TCP without a close frame, so that the client sees 1006 as after a crash; hypercorn says Close 1011,
# "internal error"; granian sends a close frame without a code (1005); daphne keeps the connection open, answers pings and
# would do so for ever. So the same application looks crashed, broken, done or alive, by the server under it.
#
# Seen on 2026-11-30 with uvicorn 0.54.0 (websockets 17.4, wsproto 1.3.2), hypercorn 0.18.0, daphne 4.2.3, granian 2.8.9:
#   uvicorn/websockets: 0.0 s: text b'hello'; 0.0 s: end
#   uvicorn/websockets-sansio: 0.0 s: text b'hello'; 0.0 s: end
#   uvicorn/wsproto: 0.0 s: text b'hello'; 0.0 s: end
#   hypercorn: 0.0 s: text b'hello'; 0.0 s: close 1011 ''; 0.0 s: end
#   granian: 0.0 s: text b'hello'; 0.0 s: close without a code; 0.0 s: end
#   daphne: 0.0 s: text b'hello'; 1.0 s: pong b'there?'
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 websockets==17.4 wsproto==1.3.2 hypercorn==0.18.0 daphne==4.2.3 granian==2.8.9 || cannot "PyPI does not give uvicorn==0.54.0 websockets==17.4 wsproto==1.3.2 hypercorn==0.18.0 daphne==4.2.3 granian==2.8.9"
cat > "$folder/application.py" <<'END'
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "hello"})
    if scope["path"] == "/return":
        return
    while (await receive())["type"] != "websocket.disconnect":
        pass
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

def end(name, *command):
    port = free()
    server = subprocess.Popen([f"{bin}/{command[0]}", *[word.format(port=port) for word in command[1:]], "application:app"], cwd=folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait(port)
        s, _ = connect(port, "/return")
        seen = frames(s, 1)
        if "end" not in kinds(seen) and "close" not in kinds(seen):
            s.sendall(frame(9, b"there?"))
            seen += [(1.0 + at, kind, data) for at, kind, data in frames(s, 1)]
        print(f"{name}:", words(seen))
        return [kind if kind != "close" else struct.unpack(">H", data[:2])[0] if data else 1005 for _, kind, data in seen]
    finally:
        os.killpg(server.pid, 9)
        server.wait()

uvicorn = [end(f"uvicorn/{ws}", "uvicorn", "--ws", ws, "--lifespan", "off", "--port", "{port}") for ws in ("websockets", "websockets-sansio", "wsproto")]
hypercorn = end("hypercorn", "hypercorn", "-b", "127.0.0.1:{port}")
granian = end("granian", "granian", "--interface", "asginl", "--port", "{port}")
daphne = end("daphne", "daphne", "-b", "127.0.0.1", "-p", "{port}")
verdict(uvicorn == [["text", "end"]] * 3 and hypercorn == ["text", 1011, "end"] and granian == ["text", 1005, "end"] and daphne == ["text", "pong"])
END

"$folder/venv/bin/python" "$folder/try.py" "$folder/venv/bin" "$folder"
