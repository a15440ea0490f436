#!/usr/bin/env bash
# A call of rpc-websockets that is under way when the connection dies neither resolves nor rejects, also after the client is back.
#
# From memory a client for calls rejects what can't be answered any more, as its connection is gone, or sends it again on the next
# one. rpc-websockets (beneath Solana's web3.js and others) reconnects by itself and tells it ("close", then "open"); a new call on the new
# connection is answered. The old one stays in its table for ever: call() has no time-out unless the third argument names one, so
# `await client.call(...)` stands still without a word in any log. A call made while the client is between two connections
# rejects at once ("socket not ready").
#
# Seen on 2026-12-01 with rpc-websockets 10.0.1, ws 8.23.0, Node.js 20.20.2:
#   events: open, close, open
#   a new call: resolved
#   the call under way when the connection died, 10 s later: pending
#   the same with a time-out of 2 s: rejected, reply timeout
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v npm > /dev/null || cannot "Node.js with npm is needed"
npm install --prefix "$folder" --silent --no-audit --no-fund rpc-websockets@10.0.1 ws@8.23.0 || cannot "npm does not give rpc-websockets@10.0.1 ws@8.23.0"
cat > "$folder/try.mjs" <<'END'
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "rpc-websockets";
import { WebSocketServer } from "ws";

// Answers each call, but for "die", at which it cuts the connection.
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
await new Promise((done) => server.on("listening", done));
server.on("connection", (socket) => socket.on("message", (data) => {
  const call = JSON.parse(data);
  if (call.method === "die") socket.terminate();
  else socket.send(JSON.stringify({ jsonrpc: "2.0", id: call.id, result: "done" }));
}));

const client = new Client(`ws://127.0.0.1:${server.address().port}`);
const events = [];
for (const event of ["open", "close"]) client.on(event, () => events.push(event));
const outcome = (call) => {
  const told = { now: "pending" };
  call.then(() => (told.now = "resolved"), (error) => (told.now = `rejected, ${error.message}`));
  return told;
};
async function until(condition) {
  for (let i = 0; i < 200 && !condition(); i++) await pause(50);
}
const opened = (times) => until(() => events.filter((event) => event === "open").length === times);

await opened(1);
const old = outcome(client.call("die"));
await opened(2);
console.log("events:", events.join(", "));
const fresh = outcome(client.call("answer"));
await until(() => fresh.now !== "pending");
console.log("a new call:", fresh.now);
await pause(10_000);
console.log("the call under way when the connection died, 10 s later:", old.now);
const limited = outcome(client.call("die", [], 2000));
await until(() => limited.now !== "pending");
console.log("the same with a time-out of 2 s:", limited.now);
const asDescribed = fresh.now === "resolved" && old.now === "pending" && limited.now.startsWith("rejected");
console.log(asDescribed ? "as described" : "CHANGED: it does not behave as described above");
process.exit(asDescribed ? 0 : 1);
END

timeout 120 node "$folder/try.mjs"
