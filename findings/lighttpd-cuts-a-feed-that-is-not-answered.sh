#!/usr/bin/env bash
# lighttpd cuts an upgraded connection on which only the server sends: its idle time counts the client's bytes alone.
#
# server.max-read-idle (60 s by default) is the time lighttpd waits for a request's bytes, and it goes on after an upgrade: a
# WebSocket feed with two messages a second is cut after that time if the client sends nothing, without a close frame. What
# flows from the server does not count. A pong or any message from the client does. So a subscriber that only listens is cut off
# every minute behind lighttpd, however busy the feed; nginx's time-out of 60 s, beside it, would see the feed. Here with
# max-read-idle = 4.
#
# Seen on 2026-11-30 with lighttpd 1.4.69-1:
#   a silent client: 11 messages, then 5.0 s: end
#   a client that sends a pong every second: 16 messages in 8 s, and open
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
have=$(dpkg-query --show --showformat='${Version}' lighttpd 2>/dev/null || true)
[ "$have" = "1.4.69-1" ] || cannot "Debian's lighttpd 1.4.69-1 is needed (apt-get install lighttpd=1.4.69-1); here: ${have:-none}"
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

import base64, hashlib, threading

def backend(talks):
    """A WebSocket server that says something twice a second, or nothing, and answers nothing."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    def serve(s):
        head = b""
        while b"\r\n\r\n" not in head: head += s.recv(4096)
        key = next(line[18:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:"))
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        try:
            while talks:
                s.sendall(b"\x81\x04tick")
                time.sleep(0.5)
            while s.recv(4096): pass
        except OSError: pass

    def accept():
        while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]

import subprocess
folder = sys.argv[1]
port, server = free(), backend(talks=True)
with open(f"{folder}/conf", "w") as conf:
    conf.write(f"""server.document-root = "{folder}"
server.bind = "127.0.0.1"
server.port = {port}
server.max-read-idle = 4
server.modules = ("mod_proxy")
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {server})))
proxy.header = ("upgrade" => "enable")
""")
lighttpd = subprocess.Popen(["/usr/sbin/lighttpd", "-D", "-f", f"{folder}/conf"], stderr=subprocess.DEVNULL)
try:
    wait(port)
    silent = frames(connect(port)[0], 12)
    print("a silent client:", kinds(silent).count("text"), "messages, then", words(silent[-1:]))
    s, _ = connect(port)
    heard = []
    for _ in range(8):
        heard += frames(s, 1)
        if "end" in kinds(heard): break
        s.sendall(frame(10))
    print("a client that sends a pong every second:", kinds(heard).count("text"), "messages in 8 s, and", "cut off" if "end" in kinds(heard) else "open")
    verdict(kinds(silent)[-1] == "end" and 4 <= silent[-1][0] <= 7 and kinds(silent).count("text") > 6 and "end" not in kinds(heard))
finally:
    lighttpd.kill()
END

python3 "$folder/try.py" "$folder"
