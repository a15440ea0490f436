#!/usr/bin/env bash
# close() of Node.js 24's global WebSocket waits for the answer for ever; ws gives up after 30 s, Bun after 36 s.
#
# A client whose server has gone without a word (a half-open connection, a stopped process) finds it out by a heartbeat of its own, calls
# close(), and connects again in "close", as in a browser. Node.js 24 (undici 7) has no time-out for the closing handshake: no
# event comes, readyState stays 2 (CLOSING), and the TCP connection stays open. There is no
# terminate(). So start the next connection by a timer of your own, not by the event.
#
# Here the server accepts the WebSocket, and then answers nothing.
#
# Seen on 2026-12-01 with Node.js 24.21.0 (undici 7), ws 8.23.0, Bun 1.4.5 (Node.js 24 was still waiting after 300 s, too):
#   ws: close 1006 after 30 s
#   Bun: close 1006 after 36 s
#   Node.js 24: no event after 45 s, readyState 2
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v npm > /dev/null || cannot "npm is needed"
packages="node@24.21.0 ws@8.23.0 bun@1.4.5"
# shellcheck disable=SC2086
npm install --prefix "$folder" --silent --no-audit --no-fund $packages || cannot "npm does not give $packages"
cat > "$folder/try.mjs" <<'END'
import crypto from "node:crypto";
import net from "node:net";

const [name] = process.argv.slice(2);
const Client = name === "ws" ? (await import("ws")).WebSocket : WebSocket;
const server = net.createServer((socket) => {
  let head = "";
  socket.on("error", () => {});
  socket.on("data", (data) => {
    if (head.endsWith("\r\n\r\n")) return;
    head += data;
    if (!head.endsWith("\r\n\r\n")) return;
    const key = /sec-websocket-key: (.*)\r/i.exec(head)[1] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    const accept = crypto.createHash("sha1").update(key).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  });
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const client = new Client(`ws://127.0.0.1:${server.address().port}/`);
let start;
client.onopen = () => { start = Date.now(); client.close(1000); };
client.onclose = (event) => { console.log(`${name}: close ${event.code} after ${Math.round((Date.now() - start) / 1000)} s`); process.exit(); };
setTimeout(() => { console.log(`${name}: no event after 45 s, readyState ${client.readyState}`); process.exit(); }, 45_500);
END
cd "$folder"
timeout 60 node_modules/.bin/node try.mjs ws > ws.out &
timeout 60 node_modules/.bin/bun try.mjs Bun > bun.out &
timeout 60 node_modules/.bin/node try.mjs "Node.js 24" > node.out &
wait
cat ws.out bun.out node.out
if grep -q "^ws: close 1006" ws.out && grep -q "^Bun: close 1006" bun.out && grep -q "^Node.js 24: no event after 45 s, readyState 2" node.out
then echo "as described"; else echo "CHANGED: it does not behave as described above"; exit 1; fi
