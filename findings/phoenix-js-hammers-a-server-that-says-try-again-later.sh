#!/usr/bin/env bash
# Phoenix's JavaScript client forgets its back-off as soon as a connection opens, and hammers a server that opens and says "later".
#
# A server or gateway that is full, or can't reach what is behind it, opens the WebSocket and closes it with 1013 (try again later);
# browsers see no other refusal. phoenix backs off from 10 ms to 5 s as long as connections fail, which is what the documentation tells
# of reconnectAfterMs. But the counter is reset by the opening of the connection, not by a join or a while without a fault,
# so each close is the first one and the wait is 10 ms, for ever, for each client, without jitter. y-websocket, beside it, doubles
# its wait in the same case, and is at its limit of 2.5 s after five attempts.
#
# Seen on 2026-12-01 with phoenix 1.8.16, y-websocket 3.1.0, ws 8.23.0, Node.js 20.20.2; connections in 8 s:
#   phoenix, refused with 503: 10
#   phoenix, opened and closed with 1013: 175
#   y-websocket, opened and closed with 1013: 6
# (with 1013 phoenix makes as many as the machine can: 175 to 678 here)
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v npm > /dev/null || cannot "Node.js with npm is needed"
packages="phoenix@1.8.16 y-websocket@3.1.0 yjs@13.6.33 ws@8.23.0"
# shellcheck disable=SC2086
npm install --prefix "$folder" --silent --no-audit --no-fund $packages || cannot "npm does not give $packages"
cat > "$folder/try.mjs" <<'END'
import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";

// Both clients take the browser's global.
globalThis.WebSocket = WebSocket;
const { Socket } = await import("phoenix");
const { WebsocketProvider } = await import("y-websocket");
const Y = await import("yjs");

const phoenix = (url) => {
  const socket = new Socket(`${url}/socket`);
  socket.connect();
  return () => socket.disconnect();
};
const yWebsocket = (url) => {
  const provider = new WebsocketProvider(url, "room", new Y.Doc(), { WebSocketPolyfill: WebSocket, disableBc: true });
  return () => provider.destroy();
};

async function attempts(client, refuse) {
  let count = 0;
  const server = http.createServer();
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, stream, head) => {
    count++;
    stream.on("error", () => {});
    if (refuse) stream.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    else sockets.handleUpgrade(request, stream, head, (socket) => socket.on("error", () => {}).close(1013, "try again later"));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const stop = client(`ws://127.0.0.1:${server.address().port}`);
  await pause(8000);
  const seen = count;
  stop();
  server.close();
  return seen;
}

process.on("uncaughtException", () => {});
const refused = await attempts(phoenix, true);
console.log(`phoenix, refused with 503: ${refused}`);
const closed = await attempts(phoenix, false);
console.log(`phoenix, opened and closed with 1013: ${closed}`);
const other = await attempts(yWebsocket, false);
console.log(`y-websocket, opened and closed with 1013: ${other}`);
const asDescribed = refused <= 12 && closed >= 25 && other <= 8;
console.log(asDescribed ? "as described" : "CHANGED: it does not behave as described above");
process.exit(asDescribed ? 0 : 1);
END

timeout 120 node "$folder/try.mjs"
