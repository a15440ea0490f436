#!/usr/bin/env bash
# hypercorn answers SIGTERM with 3 s of service as usual, then Close 1011.
#
# On SIGTERM hypercorn tells WebSocket clients nothing for its graceful_timeout (3 s by default): the application goes on
# echoing. Then the code is 1011, "the server met an unexpected condition" (RFC 6455 section 7.4.1), not 1001 or 1012. So a rolling
# restart shows as internal errors in every client, and monitoring that counts 1011 raises an alarm at each deployment.
# uvicorn, beside it, closes with 1012 at once.
#
# Seen on 2026-11-30 with hypercorn 0.18.0 and uvicorn 0.54.0 (websockets 17.4):
#   hypercorn after SIGTERM, with a message: 0.3 s: text b'still here'; 3.1 s: close 1011 ''; 3.1 s: end
#   uvicorn after SIGTERM: 0.1 s: close 1012 ''; 0.1 s: end
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hypercorn==0.18.0 uvicorn==0.54.0 websockets==17.4 || cannot "PyPI does not give hypercorn==0.18.0 uvicorn==0.54.0 websockets==17.4"
cat > "$folder/application.py" <<'END'
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": event["text"]})
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
bin, folder = sys.argv[1], sys.argv[2]

def stop(command, say):
    port = free()
    server = subprocess.Popen([f"{bin}/{command[0]}", *[word.format(port=port) for word in command[1:]], "application:app"], cwd=folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait(port)
        s, _ = connect(port)
        s.sendall(frame(1, b"before"))
        assert kinds(frames(s, 5, most=1)) == ["text"]
        server.send_signal(signal.SIGTERM)
        started = time.monotonic()
        if say:
            time.sleep(0.3)
            s.sendall(frame(1, b"still here"))
        skipped = time.monotonic() - started
        return [(round(at + skipped, 1), kind, data) for at, kind, data in frames(s, 12)]
    finally:
        os.killpg(server.pid, 9)
        server.wait()

late = stop(("hypercorn", "-b", "127.0.0.1:{port}"), True)
print("hypercorn after SIGTERM, with a message:", words(late))
prompt = stop(("uvicorn", "--ws", "websockets", "--lifespan", "off", "--port", "{port}"), False)
print("uvicorn after SIGTERM:", words(prompt))
verdict(kinds(late) == ["text", "close", "end"] and late[1][2][:2] == b"\x03\xf3" and 2.5 <= late[1][0] <= 6 and prompt[0][2][:2] == b"\x03\xf4")
END

"$folder/venv/bin/python" "$folder/try.py" "$folder/venv/bin" "$folder"
