#!/usr/bin/env bash
# tornado 6.6.1 agrees to permessage-deflate with server_no_context_takeover, leaves the parameter out, and keeps its context.
#
# A client offers "permessage-deflate; server_no_context_takeover" since it wants no memory for the server's window. RFC 7692
# section 7.1.1.1: a server that accepts such an offer includes the parameter and does not use context takeover; one that will
# not declines the offer. tornado answers "permessage-deflate" alone and compresses its second message with the context of the
# first. A client that did as it said, and forgot the first, can't decompress the second ("invalid distance too far back").
# The same with client_no_context_takeover is allowed (a hint). aiohttp, beside it, keeps the parameter and the promise.
#
# Seen on 2026-11-30 with tornado 6.6.1 and aiohttp 3.14.5:
#   tornado answers: permessage-deflate
#     first message alone: read; second message alone: invalid distance too far back
#   aiohttp answers: permessage-deflate; server_no_context_takeover
#     first message alone: read; second message alone: read
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tornado==6.6.1 aiohttp==3.14.5 || cannot "PyPI does not give tornado==6.6.1 aiohttp==3.14.5"
cat > "$folder/server.py" <<'END'
import asyncio, sys
import aiohttp.web, tornado.web, tornado.websocket

class Echo(tornado.websocket.WebSocketHandler):
    def get_compression_options(self):
        return {}
    def on_message(self, message):
        self.write_message(message)

async def echo(request):
    socket = aiohttp.web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(message.data)
    return socket

async def main():
    tornado.web.Application([("/", Echo)]).listen(int(sys.argv[1]), "127.0.0.1")
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

import subprocess, zlib
ports = free(), free()
server = subprocess.Popen([sys.executable, sys.argv[1], *map(str, ports)])

def try_one(name, port):
    wait(port)
    s, head = connect(port, fields="Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n")
    answer = [line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-extensions")]
    print(name, "answers:", *answer)
    told = []
    for _ in range(2):
        # Uncompressed messages are allowed at any time (RFC 7692 section 6).
        s.sendall(frame(1, b"the same words again and again, the same words again and again"))
        (_, kind, data), = frames(s, 3, most=1)
        try:
            zlib.decompressobj(wbits=-15).decompress(data + b"\x00\x00\xff\xff")
            told.append("read")
        except zlib.error as error:
            told.append(str(error).split(": ")[-1])
    print(f"  first message alone: {told[0]}; second message alone: {told[1]}")
    return answer, told

try:
    tornado, aiohttp = try_one("tornado", ports[0]), try_one("aiohttp", ports[1])
    verdict(tornado == (["permessage-deflate"], ["read", "invalid distance too far back"]) and aiohttp[1] == ["read", "read"])
finally:
    server.kill()
END

"$folder/venv/bin/python" "$folder/try.py" "$folder/server.py"
