#!/usr/bin/env bash
# Bun's publish() leaves messages out of the middle of a slow subscriber's feed, and keeps the connection.
#
# From memory a publisher either waits for a slow reader, or keeps what it has not read, or cuts it off, and the reader then knows. Bun does
# none of these: beyond backpressureLimit (16 MiB for each connection by default) further messages are dropped for that
# subscriber alone (closeOnBackpressureLimit is false by default). When it reads again it gets what was held, then what is published now:
# nothing tells it that there is a hole. server.publish() answers 0 ("dropped") then, though the other subscribers got the message, and does not say
# for whom it was dropped; who sends it again doubles it for the others. A feed of changes needs a number in each message, or
# closeOnBackpressureLimit: true.
#
# Here one subscriber reads and one does not, 600 messages of 64 KiB are published; then the second one reads too, and 5 more are published.
#
# Seen on 2026-12-01 with Bun 1.4.5:
#   publish() answered 65536 63 times, -1 260 times, 0 277 times
#   the fast subscriber: 605 messages without a hole
#   the slow subscriber: 328 messages, connection open; holes: 322 -> 600
# (the numbers of the slow one depend on the kernel's buffers)
#
# Exit code: 0 as described; 1 it behaves otherwise; 2 the pinned software can't be had here.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT
cannot() { echo "$1" >&2; exit 2; }
command -v npm > /dev/null || cannot "npm is needed"
npm install --prefix "$folder" --silent --no-audit --no-fund bun@1.4.5 || cannot "npm does not give bun@1.4.5"
cat > "$folder/try.ts" <<'END'
import net from "node:net";

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("no upgrade", { status: 400 })),
  websocket: { open: (socket) => socket.subscribe("feed"), message() {} },
});
const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

// A subscriber on a plain socket: the numbers of the messages that it has read.
async function subscriber() {
  const socket = net.connect(server.port!, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  await new Promise((done) => socket.once("data", done));
  const chunks: Buffer[] = [];
  let open = true;
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("close", () => (open = false));
  const numbers = () => {
    const all = Buffer.concat(chunks), seen: number[] = [];
    // Each frame: 2 bytes, 8 bytes of length (65,536 needs them), the message, which begins with its number.
    for (let at = 0; at + 14 <= all.length; at += 10 + Number(all.readBigUInt64BE(at + 2))) seen.push(all.readUInt32BE(at + 10));
    return seen;
  };
  return { socket, numbers, open: () => open };
}

const holes = (seen: number[]) => seen.flatMap((n, i) => (i > 0 && n !== seen[i - 1] + 1 ? [`${seen[i - 1]} -> ${n}`] : []));
const answers: number[] = [];
let next = 0;
const publish = () => {
  const message = Buffer.alloc(65536);
  message.writeUInt32BE(next++);
  answers.push(server.publish("feed", message));
};
async function until(condition: () => boolean) {
  for (let i = 0; i < 400 && !condition(); i++) await pause(50);
}

const fast = await subscriber(), slow = await subscriber();
slow.socket.pause();
for (let i = 0; i < 600; i++) {
  publish();
  if (i % 10 === 9) await until(() => fast.numbers().length === next);
}
slow.socket.resume();
let before = -1;
await until(() => { const now = slow.numbers().length, still = now === before; before = now; return still; });
for (let i = 0; i < 5; i++) publish();
await until(() => slow.numbers().at(-1) === 604 && fast.numbers().at(-1) === 604);

const counts = new Map<number, number>();
for (const answer of answers.slice(0, 600)) counts.set(answer, (counts.get(answer) ?? 0) + 1);
console.log("publish() answered", [...counts].map(([answer, times]) => `${answer} ${times} times`).join(", "));
console.log(`the fast subscriber: ${fast.numbers().length} messages`, holes(fast.numbers()).length ? "with holes" : "without a hole");
console.log(`the slow subscriber: ${slow.numbers().length} messages, connection ${slow.open() ? "open" : "closed"}; holes:`, holes(slow.numbers()).join(", ") || "none");
const asDescribed = slow.open() && holes(slow.numbers()).length === 1 && slow.numbers().at(-1) === 604 &&
  fast.numbers().length === 605 && holes(fast.numbers()).length === 0 && answers.slice(0, 600).includes(0);
console.log(asDescribed ? "as described" : "CHANGED: it does not behave as described above");
process.exit(asDescribed ? 0 : 1);
END

timeout 120 "$folder/node_modules/.bin/bun" "$folder/try.ts"
