#!/usr/bin/env bash
# http-proxy 1.18.1 (npm) sends a refusal in chunks without the chunks, and a client's 503 becomes a 400 or no status at all.
#
# A server refuses an upgrade with 503, Retry-After and a body in chunks, as hypercorn and uvicorn (wsproto) frame theirs. The
# proxy under many development servers and gateways of Node.js passes on the head with "Transfer-Encoding: chunked" and then the
# body decoded. A client that reads the body before it judges the answer finds no chunk size in it: aiohttp reports status 400,
# which says that trying again is no use, websockets an answer that is no HTTP, tornado a closed stream; Retry-After is lost in all
# three. Straight to the server all of them say 503. http-proxy-3 frames the body anew.
#
# Seen on 2026-11-30 with http-proxy 1.18.1, Node.js 20.20.2, hypercorn 0.18.0, aiohttp 3.14.5, websockets 17.4, tornado 6.6.1:
#   straight: aiohttp, 30 times: 503; websockets: InvalidStatus 503; tornado: HTTPClientError 503
#   through http-proxy: aiohttp, 30 times: 400, 503; websockets: InvalidMessage; tornado: StreamClosedError
#     after the head: 'busy!'
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v npm > /dev/null || cannot "Node.js with npm is needed"
python3 -m venv "$folder/venv" || cannot "python3 with venv is needed"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hypercorn==0.18.0 aiohttp==3.14.5 websockets==17.4 tornado==6.6.1 \
  || cannot "PyPI does not give hypercorn==0.18.0 aiohttp==3.14.5 websockets==17.4 tornado==6.6.1"
npm install --prefix "$folder" --silent --no-audit --no-fund http-proxy@1.18.1 || cannot "npm does not give http-proxy@1.18.1"
cat > "$folder/application.py" <<'END'
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.http.response.start", "status": 503, "headers": [(b"retry-after", b"7")]})
    await send({"type": "websocket.http.response.body", "body": b"busy!"})
END
cat > "$folder/proxy.js" <<'END'
const [, , folder, from, to] = process.argv;
const proxy = require(`${folder}/node_modules/http-proxy`).createProxyServer({ target: `http://127.0.0.1:${to}` });
proxy.on("error", () => {});
const server = require("node:http").createServer();
server.on("upgrade", (request, socket, head) => proxy.ws(request, socket.on("error", () => {}), head));
server.listen(Number(from), "127.0.0.1");
END
cat > "$folder/try.py" <<'END'
import asyncio, os, socket, subprocess, sys, time
import aiohttp, tornado.websocket, websockets

def free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

def wait(port):
    for _ in range(400):
        try: return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError: time.sleep(0.05)
    raise SystemExit("the server does not listen")

async def clients(port):
    url, said = f"ws://127.0.0.1:{port}/", []
    async with aiohttp.ClientSession() as session:
        statuses = set()
        for _ in range(30):
            try: await session.ws_connect(url)
            except aiohttp.ClientResponseError as error: statuses.add(error.status)
    said.append("aiohttp, 30 times: " + ", ".join(map(str, sorted(statuses))))
    try: await websockets.connect(url)
    except websockets.InvalidStatus as error: said.append(f"websockets: InvalidStatus {error.response.status_code}")
    except websockets.InvalidHandshake as error: said.append(f"websockets: {type(error).__name__}")
    try: await tornado.websocket.websocket_connect(url)
    except tornado.httpclient.HTTPClientError as error: said.append(f"tornado: HTTPClientError {error.code}")
    except Exception as error: said.append(f"tornado: {type(error).__name__}")
    return "; ".join(said)

def body(port):
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        answer = b""
        while data := s.recv(1 << 16): answer += data
    head, _, rest = answer.partition(b"\r\n\r\n")
    return b"transfer-encoding: chunked" in head.lower(), rest.decode()

bin, folder, ports = sys.argv[1], sys.argv[2], [free(), free()]
processes = [subprocess.Popen([f"{bin}/hypercorn", "-b", f"127.0.0.1:{ports[0]}", "application:app"], cwd=folder,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True),
             subprocess.Popen(["node", f"{folder}/proxy.js", folder, str(ports[1]), str(ports[0])], stderr=subprocess.DEVNULL, start_new_session=True)]
try:
    for port in ports: wait(port)
    straight, through = asyncio.run(clients(ports[0])), asyncio.run(clients(ports[1]))
    chunked, rest = body(ports[1])
    print("straight:", straight)
    print("through http-proxy:", through)
    print(f"  after the head: {rest!r}")
    as_described = (straight == "aiohttp, 30 times: 503; websockets: InvalidStatus 503; tornado: HTTPClientError 503"
                    and through.startswith("aiohttp, 30 times: 400") and through.endswith("; websockets: InvalidMessage; tornado: StreamClosedError")
                    and chunked and rest == "busy!")
    print("as described" if as_described else "CHANGED: it does not behave as described above")
    sys.exit(0 if as_described else 1)
finally:
    for process in processes: os.killpg(process.pid, 9)
END
timeout 100 "$folder/venv/bin/python" "$folder/try.py" "$folder/venv/bin" "$folder"
