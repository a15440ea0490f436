// The cases in Node.js, with npm's `ws`, whose pongs are evidence, and with undici's WebSocket of two versions.
import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { WebSocket as Undici } from "undici";
import { WebSocket as Undici6 } from "undici-6";
import Ws from "ws";
import { EverwireSocket } from "everwire";
import beyond from "./cases/beyond.mjs";
import { equal, event, QUICK } from "./cases/harness.mjs";
import reconnecting from "./cases/reconnecting.mjs";
import websocket from "./cases/websocket.mjs";
import { Server } from "./server.mjs";

let server;
const deaf = createServer(() => {});
before(async () => {
  server = await Server.start({});
  await new Promise((listening) => deaf.listen(0, "127.0.0.1", listening));
});
after(async () => {
  await server.stop();
  deaf.close();
});

let count = 0;

/** What a case has of its surroundings. */
function surroundings(WebSocket) {
  const id = `node-${(count += 1)}`;
  return {
    EverwireSocket,
    id,
    options: { ...QUICK, WebSocket },
    url: (path, more = "") => `${server.ws}${path}${path.includes("?") ? "&" : "?"}id=${id}${more}`,
    told: async (id) => (await fetch(`${server.origin}/told?id=${id}`)).json(),
    cut: async (id) => server.cut(id),
    deaf: async () => `ws://127.0.0.1:${deaf.address().port}/`,
    expectErrors: () => {},
  };
}

/** Node.js 22 and 24 have the last two as their own. */
const KINDS = { ws: Ws, "undici 6": Undici6, undici: Undici };
/** What undici or Node.js does not do as the standard says: `exceptions.md` tells why. */
const THROWS = "a handler that throws stops nobody";
const NOT = { ws: [THROWS], "undici 6": [THROWS], undici: [THROWS] };
const ALL = { websocket, reconnecting, beyond };

for (const [kind, WebSocket] of Object.entries(KINDS)) {
  for (const [group, cases] of Object.entries(ALL)) {
    for (const [name, run] of cases) {
      if (NOT[kind].includes(name)) continue;
      test(`${kind}, ${group}: ${name}`, { timeout: 30_000 }, () => run(surroundings(WebSocket)));
    }
  }
}

test("the pongs of ws are evidence, without anything from the server's application", async () => {
  const { url, options } = surroundings(Ws);
  const socket = new EverwireSocket(url("/silent"), [], options);
  equal(await socket.deliver("text"), { status: "received" });
  socket.close();
});

test("an upgrade that ws tells to be refused for good ends the socket, unless the status is to be retried", async () => {
  const http = createHttpServer().on("upgrade", (asked, socket) => socket.end(`HTTP/1.1 ${asked.url.slice(1)} Refused\r\nContent-Length: 0\r\n\r\n`));
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  const open = (status, more = {}) => new EverwireSocket(`ws://127.0.0.1:${http.address().port}/${status}`, [], { WebSocket: Ws, retry: { ...QUICK.retry, ...more } });
  const ended = open(404);
  const delivery = ended.deliver("x");
  await event(ended, "close");
  equal([ended.readyState, ended.state.code, ended.state.cause], [3, 404, "open-failed"]);
  equal(await ended.finish(), { unsent: 1, unacknowledged: 0 });
  equal(await delivery, { status: "cancelled" });
  for (const going of [open(404, { retryCodes: [404] }), open(503)]) {
    await event(going, "close");
    equal(going.readyState, 0);
    going.close();
  }
  http.close();
});

test("without pings, texts and sessions nothing is proven, and that is told", async () => {
  const { url, options } = surroundings(Undici);
  const socket = new EverwireSocket(url("/silent"), [], options);
  equal(await socket.deliver("text"), { status: "unknown", stage: "written" });
  socket.close();
  await event(socket, "close");
});

test("a process whose sockets are closed ends", async () => {
  const { url } = surroundings(Ws);
  const { execFileSync } = await import("node:child_process");
  const script = `
    import { EverwireSocket } from "everwire";
    import WebSocket from "ws";
    const socket = new EverwireSocket(${JSON.stringify(url("/echo"))}, [], { WebSocket });
    await socket.deliver("x");
    await socket.finish();
    console.log("done");`;
  const said = await new Promise((resolve, reject) =>
    import("node:child_process").then(({ execFile }) =>
      execFile(process.execPath, ["--input-type=module", "--eval", script], { timeout: 10_000 }, (error, out) => (error ? reject(error) : resolve(out))),
    ),
  );
  assert.equal(said, "done\n");
  void execFileSync;
});
