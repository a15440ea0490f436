#!/usr/bin/env bash
# nchan 1.3.6 publishes the first fragment of a message as a message, and hangs up at the second.
#
# A WebSocket publisher of nchan (the pub/sub module of nginx) that sends one message in two fragments, as RFC 6455 section 5.4
# allows any endpoint and as many libraries do above some size, is heard as a whole message with the first fragment alone;
# at the continuation frame the connection is closed, with two close frames in a row: one without a code, one with 1000 and a
# reason that is cut short ("410 Gon"). Subscribers receive half a message and no sign that it is one.
#
# Seen on 2026-11-30 with libnginx-mod-nchan 1:1.3.6+dfsg-2 and nginx 1.22.1-9+deb12u11:
#   the subscriber: 0.0 s: text b'hel'
#   the publisher: 0.0 s: text b'hel'; 0.0 s: close without a code; 0.0 s: close 1000 '410 Gon'; 0.0 s: end
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
have=$(dpkg-query --show --showformat='${Version}' libnginx-mod-nchan 2>/dev/null || true)
[ "$have" = "1:1.3.6+dfsg-2" ] || cannot "Debian's libnginx-mod-nchan 1:1.3.6+dfsg-2 is needed (apt-get install libnginx-mod-nchan=1:1.3.6+dfsg-2); here: ${have:-none}"
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

import subprocess
folder, port = sys.argv[1], free()
paths = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
with open(f"{folder}/nginx.conf", "w") as conf:
    conf.write(f"""load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; events {{}}
http {{ access_log off; {paths} server {{ listen 127.0.0.1:{port}; location / {{ nchan_pubsub websocket; nchan_channel_id one; }} }} }}""")
nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL)
try:
    wait(port)
    publisher, subscriber = connect(port)[0], connect(port)[0]
    time.sleep(0.3)
    publisher.sendall(frame(1, b"hel", fin=False) + frame(0, b"lo"))
    heard, answer = frames(subscriber, 1), frames(publisher, 1)
    print("the subscriber:", words(heard))
    print("the publisher:", words(answer))
    verdict([data for _, _, data in heard] == [b"hel"] and kinds(answer) == ["text", "close", "close", "end"])
finally:
    nginx.kill()
END

python3 "$folder/try.py" "$folder"
