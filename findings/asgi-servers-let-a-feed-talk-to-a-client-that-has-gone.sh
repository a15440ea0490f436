#!/usr/bin/env bash
# Under hypercorn, daphne and granian send() to a WebSocket client that has gone succeeds for ever, so a feed never ends.
#
# A handler that only sends (prices, log lines, progress) has no receive() that could bring "websocket.disconnect". Developed with
# uvicorn it ends at the first send after the client has gone, with an exception (an OSError, which Starlette and FastAPI make a
# WebSocketDisconnect). ASGI 2.4 says so: "If send is called on a closed connection the server should raise a server-specific
# subclass of OSError". The same application under hypercorn, daphne or granian is told nothing: each client that ever came leaves a
# task behind that works and sends for ever, whether it closed in order or was reset. They are within their version of the specification
# (scope["asgi"]["spec_version"] is below 2.4 or missing). So a feed needs a receive() beside it that waits for the disconnect.
#
# Here the client goes after half a second, by a close frame or by a reset; the feed sends 40 times more, every 0.1 s.
#
# Seen on 2026-12-01 with uvicorn 0.54.0 (websockets 17.4, wsproto 1.3.2), hypercorn 0.18.0, daphne 4.2.3, granian 2.8.9:
#   uvicorn (websockets), close frame: OSError
#   uvicorn (websockets), reset: OSError
#   uvicorn (wsproto), close frame: OSError
#   uvicorn (wsproto), reset: OSError
#   hypercorn, close frame: 40 sends without an error
#   hypercorn, reset: 40 sends without an error
#   daphne, close frame: 40 sends without an error
#   daphne, reset: 40 sends without an error
#   granian, close frame: 40 sends without an error
#   granian, reset: 40 sends without an error
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
packages="uvicorn==0.54.0 websockets==17.4 wsproto==1.3.2 hypercorn==0.18.0 daphne==4.2.3 granian==2.8.9"
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
# shellcheck disable=SC2086
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check $packages || cannot "PyPI does not give $packages"
cat > "$folder/feed.py" <<'END'
import asyncio

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown": return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "first"})
    # The client goes at 0.5 s.
    await asyncio.sleep(1)
    try:
        for _ in range(40):
            await send({"type": "websocket.send", "text": "more"})
            await asyncio.sleep(0.1)
        print("40 sends without an error, spec_version", scope["asgi"].get("spec_version"), flush=True)
    except OSError:
        print("OSError, spec_version", scope["asgi"].get("spec_version"), flush=True)
END
cat > "$folder/try.py" <<'END'
import base64, os, select, socket, struct, subprocess, sys, time

folder = sys.argv[1]
SERVERS = {
    "uvicorn (websockets)": "uvicorn --log-level critical --ws websockets --host 127.0.0.1 --port PORT feed:app",
    "uvicorn (wsproto)": "uvicorn --log-level critical --ws wsproto --host 127.0.0.1 --port PORT feed:app",
    "hypercorn": "hypercorn --bind 127.0.0.1:PORT feed:app",
    "daphne": "daphne --verbosity 0 --bind 127.0.0.1 --port PORT feed:app",
    "granian": "granian --interface asgi --no-log --host 127.0.0.1 --port PORT feed:app",
}

def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def connect(port):
    for _ in range(600):
        try: s = socket.create_connection(("127.0.0.1", port), 10); break
        except OSError: time.sleep(0.05)
    else: raise SystemExit("the server does not listen")
    s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
              + base64.b64encode(os.urandom(16)) + b"\r\nSec-WebSocket-Version: 13\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        head += s.recv(1000)
    if not head.endswith(b"first"): s.recv(1000)
    return s

def leave(s, how):
    if how == "close frame":
        s.sendall(b"\x88\x82\0\0\0\0" + struct.pack(">H", 1000))
        try:
            while s.recv(1000): pass
        except ConnectionResetError: pass
    else:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()

seen = []
for name, command in SERVERS.items():
    for how in ("close frame", "reset"):
        port = free()
        program, *arguments = command.replace("PORT", str(port)).split()
        server = subprocess.Popen([os.path.join(os.path.dirname(sys.executable), program), *arguments], cwd=folder,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        try:
            s = connect(port)
            time.sleep(0.5)
            leave(s, how)
            ready, _, _ = select.select([server.stdout], [], [], 30)
            outcome = server.stdout.readline().strip() if ready else "no end within 30 s"
        finally:
            os.killpg(server.pid, 9)
            server.wait()
        seen.append((name, outcome.split(",")[0]))
        print(f"{name}, {how}: {outcome}", flush=True)
raising = {name for name, outcome in seen if outcome == "OSError"}
silent = {name for name, outcome in seen if outcome == "40 sends without an error"}
as_described = raising == {"uvicorn (websockets)", "uvicorn (wsproto)"} and silent == {"hypercorn", "daphne", "granian"}
print("as described" if as_described else "CHANGED: it does not behave as described above")
sys.exit(0 if as_described else 1)
END

timeout 400 "$folder/venv/bin/python" "$folder/try.py" "$folder"
