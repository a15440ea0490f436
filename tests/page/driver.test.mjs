// The client in Chromium, by its own cases (`tests/browser`, built by `cargo xtask suite`), against servers that misbehave.
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { WebSocketServer } from "ws";
import { Front } from "./front.mjs";
import { browser as launch, keepingBrowser, LIMIT, Person, Program } from "./world.mjs";

const SUITE = new URL("../browser/dist/", import.meta.url);
const TYPES = { js: "text/javascript", wasm: "application/wasm" };
/** How many messages of 2.5 KB are sent while connections fail. */
const MESSAGES = 600;

/** The sessions' servers are the programs `session-echo` and `session-calls` of `tests/src/bin`. */
let sessions, calls, browser, files;
before(async () => {
  sessions = await Program.start(process.env.EVERWIRE_SESSION_ECHO);
  calls = await Program.start(process.env.EVERWIRE_SESSION_CALLS);
  browser = await launch();
  files = createServer((asked, answer) => file(asked.url, answer));
  await new Promise((listening) => files.listen(0, "127.0.0.1", listening));
});
after(async () => {
  await sessions.kill();
  await calls.kill();
  await browser.close();
  await new Promise((closed) => files.close(closed));
});

/** Defines a test from a case of the suite. The server accepts the connections that `admit` allows, and runs `serve` with each and its number from 1. */
function client(name, which, serve = () => {}, admit = () => true) {
  test(name, LIMIT, () => serving(serve, admit, (server) => succeeds(which, server)));
}

/** Defines a test from a case with a real server of sessions, whose connections have faults. */
function session(name, which, faults) {
  test(name, LIMIT, () => withFaults(faults, sessions, (front) => succeeds(which, front, MESSAGES)));
}

/** The same without a session: in the end each message has come, and repeated ones do not change the order. */
function atLeastOnce(name, which, faults) {
  const numbers = [];
  const serve = (socket) => {
    socket.on("message", (data) => (data.toString() === "ping" ? socket.send("pong") : numbers.push(parseInt(data, 10))));
  };
  test(name, LIMIT, async () => {
    const through = (front) => succeeds(which, front, MESSAGES);
    await serving(serve, () => true, (server) => withFaults(faults, server, through));
    let next = 0;
    for (const number of numbers) {
      assert.ok(number <= next, `${number} has come before ${next}`);
      next = Math.max(next, number + 1);
    }
    assert.equal(next, MESSAGES);
  });
}

async function serving(serve, admit, body) {
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer();
  let number = 0;
  server.on("upgrade", (asked, socket, head) => {
    number += 1;
    if (!admit(number)) return socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    sockets.handleUpgrade(asked, socket, head, (open) => serve(open, number));
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    await body(server.address());
  } finally {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

async function withFaults(faults, server, body) {
  const front = await Front.before(server, faults);
  try {
    await body(front);
    assert.deepEqual(front.faults, [], "these faults did not happen");
  } finally {
    await front.stop();
  }
}

/** Runs a case of the suite in a page of its own, and fails if it reports an error; `meanwhile` may disturb the page. */
async function succeeds(which, { port }, messages, within = browser, meanwhile = () => {}) {
  const person = await Person.visit(within, `http://127.0.0.1:${files.address().port}/`);
  await person.page.evaluate(async ([which, ...args]) => {
    const suite = await import("/everwire.js");
    await suite.default();
    const timeout = new Promise((late) => setTimeout(late, 100_000, "nothing more happens"));
    window.wrong = Promise.race([timeout, (async () => suite[which](...args))().then(() => null, String)]);
  }, [which, `ws://127.0.0.1:${port}/`, messages]);
  await meanwhile(person);
  const wrong = await person.page.evaluate(() => window.wrong);
  if (wrong) throw new Error(wrong);
  await person.context.close();
}

function file(url, answer) {
  const name = url.slice(1);
  if (!Object.keys(TYPES).some((type) => name.endsWith(type))) {
    return answer.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>tests</title>");
  }
  answer.writeHead(200, { "content-type": TYPES[name.split(".").pop()] }).end(readFileSync(new URL(name, SUITE)));
}

function echo(socket) {
  socket.on("message", (data, isBinary) => {
    const text = isBinary ? null : data.toString();
    socket.send(text === "ping" ? "pong" : data, { binary: isBinary });
  });
}

client("the store in localStorage passes the tests of every store", "store");
client("text and bytes arrive both ways, in order", "echo", echo);
client("a pong proves that the messages sent before it were read", "evidence", (socket) => {
  socket.on("message", (data) => data.toString() === "ping" && socket.send("pong"));
});
client("a refused client tries again, and loses no message", "refused", echo, (number) => number > 2);
client("the server's close code is reported, and the next connection goes on", "closed", (socket, number) => {
  if (number > 1) return echo(socket);
  socket.on("message", () => socket.close(4001, "enough"));
});
client("a close reason shows no token that it repeats", "secretive", (socket, number) => {
  if (number > 1) return echo(socket);
  const reason = "no tok3nvalue of /?token=tok3nvalue, nor bearer.0123456789abcdef0123";
  socket.on("message", () => socket.close(4001, reason));
});
client("a cut is reported as one, and the next connection goes on", "cut", (socket, number) => {
  if (number > 1) return echo(socket);
  socket.on("message", () => socket.terminate());
});
client("the login message goes first on every connection", "on_open", (socket, number) => {
  socket.once("message", (login) => {
    socket.send(login.toString());
    if (number > 1) return echo(socket);
    socket.on("message", () => socket.terminate());
  });
});
client("a silent connection is given up, and the next goes on", "silent", (socket, number) => {
  if (number > 1) echo(socket);
});

session("in a session every message arrives once and in order, both ways, through cuts at any point", "session_cut", [
  { is: "cut", after: 100_000, of: "page" },
  { is: "cut", after: 60_000, of: "server" },
  // Cuts in the middle of the upgrade response, of the hello, and of the welcome.
  { is: "cut", after: 80, of: "server" },
  { is: "reset", after: 50, of: "page" },
  { is: "reset", after: 400, of: "server" },
  { is: "reset", after: 90_000, of: "page" },
  { is: "reset", after: 130_000, of: "server" },
  { is: "cut", after: 1, of: "page" },
]);
session("in a session a stalled connection is detected in time, and every message arrives once and in order", "session_stalled", [
  { is: "stall", after: 100_000, of: "page" },
  { is: "stall", after: 60_000, of: "server" },
  { is: "stall", after: 400, of: "server" },
]);
test("calls and streams get their replies and items, once and in order, through cuts at any point", LIMIT, () => {
  const faults = [
    { is: "cut", after: 100_000, of: "page" },
    { is: "cut", after: 60_000, of: "server" },
    { is: "reset", after: 50, of: "page" },
    { is: "reset", after: 400, of: "server" },
    { is: "reset", after: 90_000, of: "page" },
    { is: "reset", after: 100_000, of: "server" },
    { is: "cut", after: 1, of: "page" },
  ];
  return withFaults(faults, calls, (front) => succeeds("calls_cut", front, MESSAGES));
});
test("a page that is left in the middle of a message and comes back out of the back-forward cache goes on in its session", LIMIT, async () => {
  const keeping = await keepingBrowser();
  // The stalled connection delays messages; the heartbeat alone would detect it after 40 s.
  const faults = [{ is: "stall", after: 100_000, of: "page" }];
  try {
    await withFaults(faults, sessions, (front) => {
      const leaves = async (person) => {
        await front.faultsOver;
        await person.awayWhile(() => {});
      };
      return succeeds("session_cut", front, MESSAGES, keeping, leaves);
    });
  } finally {
    await keeping.close();
  }
});
atLeastOnce("what is sent at least once is all there after resets in the middle of a message", "at_least_once_cut", [
  { is: "reset", after: 100_000, of: "page" },
  { is: "cut", after: 200_000, of: "page" },
  { is: "reset", after: 300_000, of: "page" },
]);
atLeastOnce("what is sent at least once is all there after stalls, which are found in time", "at_least_once_stalled", [
  { is: "stall", after: 100_000, of: "page" },
  { is: "stall", after: 200_000, of: "page" },
]);
test("an at-most-once message never comes twice, not even on a connection that was given up and revives", LIMIT, async () => {
  const numbers = [];
  const connections = new EventEmitter();
  const serve = (socket, number) => {
    connections.emit(`${number} has begun`);
    socket.on("close", () => connections.emit(`${number} has ended`));
    socket.on("message", (data) => (data.toString() === "ping" ? socket.send("pong") : numbers.push(parseInt(data, 10))));
  };
  const [ended, replaced] = [once(connections, "1 has ended"), once(connections, "2 has begun")];
  const faults = [{ is: "stall", after: 100_000, of: "page" }];
  // More than the network buffers, so that the browser itself buffers some.
  const through = (front) => succeeds("at_most_once", front, 2_000, browser, async () => {
    await replaced;
    front.speak();
    await ended;
  });
  await serving(serve, () => true, (server) => withFaults(faults, server, through));
  const twice = numbers.filter((number, at) => numbers.indexOf(number) !== at);
  assert.deepEqual(twice, []);
});
