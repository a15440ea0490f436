#!/usr/bin/env bash
# mosquitto 2.0.11 answers only the first of several pings that arrive together.
#
# Debian's mosquitto serves WebSockets by libwebsockets. Of five pings in one write it answers the first and forgets the other
# four, also when MQTT packets stand between them (each of which is answered). RFC 6455 section 5.5.3 lets an endpoint answer
# only the most recent ping of several; the first is what nobody expects: a client that waits for the pong to its latest ping,
# or that uses a pong as proof that everything before its ping was read, waits for ever. Pings 50 ms apart are all answered.
#
# Seen on 2026-11-30 with mosquitto 2.0.11-1.2+deb12u2:
#   five pings in one write: 0.0 s: pong b'0'
#   ping, PINGREQ, ping, PINGREQ in one write: 0.0 s: pong b'a'; 0.0 s: binary b'\xd0\x00'; 0.0 s: binary b'\xd0\x00'
#   three pings 50 ms apart: 0.0 s: pong b'x'; 0.0 s: pong b'y'; 0.0 s: pong b'z'
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
have=$(dpkg-query --show --showformat='${Version}' mosquitto 2>/dev/null || true)
[ "$have" = "2.0.11-1.2+deb12u2" ] || cannot "Debian's mosquitto 2.0.11-1.2+deb12u2 is needed (apt-get install mosquitto=2.0.11-1.2+deb12u2); here: ${have:-none}"
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

port = int(sys.argv[1])
wait(port)
s, _ = connect(port, "/mqtt", "Sec-WebSocket-Protocol: mqtt\r\n")
s.sendall(frame(2, bytes([0x10, 13, 0, 4]) + b"MQTT" + bytes([4, 2, 0, 60, 0, 1]) + b"c"))
assert frames(s, 2, most=1)[0][2][:1] == b"\x20", "no CONNACK"
s.sendall(b"".join(frame(9, b"%d" % i) for i in range(5)))
together = frames(s, 1)
print("five pings in one write:", words(together))
pingreq = frame(2, b"\xc0\x00")
s.sendall(frame(9, b"a") + pingreq + frame(9, b"b") + pingreq)
mixed = frames(s, 1)
print("ping, PINGREQ, ping, PINGREQ in one write:", words(mixed))
for data in (b"x", b"y", b"z"):
    s.sendall(frame(9, data)); time.sleep(0.05)
apart = frames(s, 1)
print("three pings 50 ms apart:", words(apart))
verdict([data for _, _, data in together] == [b"0"] and kinds(mixed) == ["pong", "binary", "binary"] and kinds(apart) == ["pong"] * 3)
END

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
web=$(port)
# A listener of plain MQTT must stand beside the one for WebSockets, or this version does not start.
printf 'listener %s 127.0.0.1\nlistener %s\nprotocol websockets\nallow_anonymous true\n' "$(port)" "$web" > "$folder/conf"
chmod 755 "$folder"
/usr/sbin/mosquitto -c "$folder/conf" > "$folder/log" 2>&1 &
python3 "$folder/try.py" "$web"
