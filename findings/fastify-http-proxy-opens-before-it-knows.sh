#!/usr/bin/env bash
# @fastify/http-proxy 11.6.3 accepts a WebSocket before its upstream has, and tells a crash of the upstream as Close 4006.
#
# The other reverse proxies pass on the upstream's answer to the upgrade. This one answers 101 by itself, and connects behind the
# client's back. A refusal with 503 or 401 reaches the client as an opened connection that closes with 1011: the status
# and Retry-After are lost, and a client whose back-off begins anew at each opening never waits longer than the first delay. An
# upstream that dies without a close frame (1006 at any other proxy) becomes Close 4006, which is in the application's own range:
# where 4xxx means "for good", nobody reconnects after a crash.
#
# Seen on 2026-11-30 with @fastify/http-proxy 11.6.3, fastify 5.12.8, ws 8.23.0, Node.js 20.20.2:
#   upstream refuses with 503: open, close 1011 unexpected response
#   upstream refuses with 401: open, close 1011 unexpected response
#   upstream dies: open, close 4006
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v npm > /dev/null || cannot "Node.js with npm is needed"
npm install --prefix "$folder" --silent --no-audit --no-fund @fastify/http-proxy@11.6.3 fastify@5.12.8 ws@8.23.0 \
  || cannot "npm does not give @fastify/http-proxy@11.6.3 fastify@5.12.8 ws@8.23.0"
cat > "$folder/try.js" <<'END'
const http = require("node:http");
const { WebSocket, WebSocketServer } = require("ws");

const upstream = http.createServer();
const accept = new WebSocketServer({ noServer: true });
upstream.on("upgrade", (request, socket, head) => {
  const status = { "/503": "503 Service Unavailable\r\nRetry-After: 7", "/401": "401 Unauthorized" }[request.url];
  if (status) return socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  accept.handleUpgrade(request, socket, head, (peer) => peer.on("message", () => peer.terminate()));
});

function connect(url) {
  const socket = new WebSocket(url), seen = [];
  return new Promise((done) => {
    socket.on("open", () => (seen.push("open"), socket.send("die")));
    socket.on("unexpected-response", (_, answer) => done(`status ${answer.statusCode}`));
    socket.on("error", (error) => seen.push(error.message));
    socket.on("close", (code, reason) => done([...seen, `close ${code} ${reason}`.trim()].join(", ")));
    setTimeout(done, 10_000, "nothing").unref();
  });
}

async function main() {
  await new Promise((done) => upstream.listen(0, "127.0.0.1", done));
  const proxy = require("fastify")();
  proxy.register(require("@fastify/http-proxy"), { upstream: `http://127.0.0.1:${upstream.address().port}`, websocket: true });
  await proxy.listen({ port: 0, host: "127.0.0.1" });
  const url = `ws://127.0.0.1:${proxy.server.address().port}`;
  const seen = [
    `upstream refuses with 503: ${await connect(url + "/503")}`,
    `upstream refuses with 401: ${await connect(url + "/401")}`,
    `upstream dies: ${await connect(url)}`,
  ];
  console.log(seen.join("\n"));
  process.exit();
}
main();
END
timeout 60 node "$folder/try.js" | tee "$folder/seen"
cat > "$folder/expected" <<'END'
upstream refuses with 503: open, close 1011 unexpected response
upstream refuses with 401: open, close 1011 unexpected response
upstream dies: open, close 4006
END
if cmp -s "$folder/seen" "$folder/expected"; then echo "as described"; else echo "CHANGED: it does not behave as described above"; exit 1; fi
