#!/usr/bin/env bash
# nginx: what the client sends resets proxy_read_timeout of an upgraded connection.
#
# The documentation says of proxy_read_timeout: "set only between two successive read operations ... If the proxied server does
# not transmit anything within this time, the connection is closed", and everybody tells operators to have the *server* ping
# within those 60 s. After an upgrade it is an idle time-out of both directions together: a client that sends something (a pong
# of its own will, a ping whose answer is lost) keeps a connection whose server says nothing at all. So a server that hangs
# behind nginx, and reads, is not cut off by it as long as clients talk.
#
# Seen on 2026-11-30 with nginx 1.22.1-9+deb12u11, proxy_read_timeout 2s and a server that never sends:
#   nobody sends: 2.0 s: end
#   the client sends twice a second: open after 6 s; then 1.5 s: end
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
have=$(dpkg-query --show --showformat='${Version}' nginx-common 2>/dev/null || true)
[ "$have" = "1.22.1-9+deb12u11" ] || cannot "Debian's nginx-common 1.22.1-9+deb12u11 is needed (apt-get install nginx-common=1.22.1-9+deb12u11); here: ${have:-none}"
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
port, server = free(), backend(talks=False)
paths = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
with open(f"{folder}/nginx.conf", "w") as conf:
    conf.write(f"""daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; events {{}}
http {{ access_log off; {paths} server {{ listen 127.0.0.1:{port}; location / {{
    proxy_pass http://127.0.0.1:{server}; proxy_read_timeout 2s;
    proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }} }} }}""")
nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL)
try:
    wait(port)
    idle = frames(connect(port)[0], 10)
    print("nobody sends:", words(idle))
    s, _ = connect(port)
    heard = []
    for _ in range(12):
        s.sendall(frame(10))
        heard += frames(s, 0.5)
    after = frames(s, 10)
    print("the client sends twice a second:", f"{'cut off' if heard else 'open'} after 6 s; then", words(after))
    verdict(kinds(idle) == ["end"] and 1.5 <= idle[0][0] <= 4 and not heard and kinds(after) == ["end"])
finally:
    nginx.kill()
END

python3 "$folder/try.py" "$folder"
