// `cargo xtask bench js`: the package beside partysocket, reconnecting-websocket, Socket.IO and ws, in one run.
// `--quick` measures nothing worth quoting: it lets everything run for a moment.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import readline from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { EverwireSocket, preload } from "everwire";
import { browser as launch, Program } from "../../../tests/page/world.mjs";
import { Server } from "../tests/server.mjs";

const QUICK = process.argv.includes("--quick");
const peers = createRequire(new URL("../../../benches/peers/package.json", import.meta.url));
const { default: PartySocket } = peers("partysocket/ws");
const ReconnectingWebSocket = peers("reconnecting-websocket");
const { io } = peers("socket.io-client");
const WebSocket = peers("ws");

const MESSAGES = QUICK ? 2_000 : 50_000;
/** 128 bytes, as JSON, so that they may be batched. */
const TEXT = JSON.stringify({ text: "x".repeat(117) });
const CUTS = 20;
const BLACK_HOLE_MS = QUICK ? 2_000 : 60_000;

async function sizes() {
  const entries = {
    everwire: new URL("../src/socket.js", import.meta.url),
    partysocket: "partysocket/ws",
    "reconnecting-websocket": "reconnecting-websocket",
    "socket.io": "socket.io-client",
  };
  const measured = {};
  for (const [who, entry] of Object.entries(entries)) {
    const whole = who === "socket.io" ? "*" : "{ default }";
    const contents = typeof entry === "string" ? `export ${whole} from "${entry}"` : readFileSync(entry, "utf8");
    const resolveDir = fileURLToPath(new URL(typeof entry === "string" ? "../../../benches/peers" : "../src", import.meta.url));
    const { outputFiles } = await build({ stdin: { contents, resolveDir }, bundle: true, minify: true, format: "esm", platform: "browser", write: false, logLevel: "error" });
    measured[who] = kilobytes(gzipSync(outputFiles[0].contents, { level: 9 }).length);
  }
  return measured;
}

/** How soon it is there, and whether the first connection is later than a bare one: each in a page of its own, by turns. */
async function inChromium() {
  const files = await Server.start({ "/dist/": new URL("../dist/", import.meta.url) });
  // In another process than that of the files, which a page fetches at the same time.
  const there = await receiver("ws");
  const browser = await launch();
  const times = { bare: [], ours: [], ready: [] };
  const visit = async (is) => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${files.origin}/`);
    const taken = await page.evaluate(async ([url, is]) => {
      const opens = (socket, start) => new Promise((open) => socket.addEventListener("open", () => open(performance.now() - start)));
      // The browser's first connection to a host takes longer than its next ones.
      await opens(new WebSocket(url), 0);
      const { EverwireSocket, preload } = await import("/dist/index.js");
      await new Promise((settled) => setTimeout(settled, 50));
      const start = performance.now();
      const opened = await opens(is === "bare" ? new WebSocket(url) : new EverwireSocket(url), start);
      if (is === "bare") return [opened];
      // The WebAssembly is fetched meanwhile.
      await preload();
      return [opened, performance.now() - start];
    }, [`ws://127.0.0.1:${there.port}/`, is]);
    await page.context().close();
    return taken;
  };
  for (let at = 0; at < (QUICK ? 3 : 25); at += 1) {
    times.bare.push((await visit("bare"))[0]);
    const [opened, ready] = await visit("everwire");
    times.ours.push(opened);
    times.ready.push(ready);
  }
  await browser.close();
  await files.stop();
  there.stop();
  const median = (of) => `${of.sort((a, b) => a - b)[of.length >> 1].toFixed(1)} ms`;
  return [
    ["ready after the first socket, Chromium", { everwire: median(times.ready) }],
    ["first connection, Chromium; the bare WebSocket in the last column", { everwire: median(times.ours), ws: median(times.bare) }],
  ];
}

/** A receiver in a process of its own, which says how many messages have come. */
async function receiver(kind) {
  const child = spawn(process.execPath, [fileURLToPath(new URL("receiver.mjs", import.meta.url)), kind], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = readline.createInterface({ input: child.stdout });
  const [port] = await once(lines, "line");
  return {
    port,
    /** Waits until so many have come. */
    async has(count) {
      child.stdin.write(`${count}\n`);
      await once(lines, "line");
    },
    stop: () => child.kill(),
  };
}

async function throughput() {
  const plain = (Class) => async (url) => {
    const socket = new Class(url, [], { WebSocket });
    await new Promise((open) => socket.addEventListener("open", open, { once: true }));
    return { send: (text) => socket.send(text), close: () => socket.close() };
  };
  const ours = (more) => async (url) => {
    const socket = new EverwireSocket(url, [], { WebSocket, outbox: { maxMessages: 100_000, maxBytes: 1 << 28 }, ...more });
    await new Promise((open) => socket.addEventListener("open", open, { once: true }));
    return { send: (text) => socket.deliver(text), close: () => socket.close() };
  };
  const contenders = {
    "everwire, outcomes": ["ws", ours({})],
    "everwire, batches": ["ws", ours({ batchWindow: 5 })],
    partysocket: ["ws", plain(PartySocket)],
    "reconnecting-websocket": ["ws", plain(ReconnectingWebSocket)],
    "socket.io": ["socket.io", async (url) => {
      const socket = io(url, { transports: ["websocket"] });
      await new Promise((connected) => socket.once("connect", connected));
      return { send: (text) => socket.emit("message", text), close: () => socket.close() };
    }],
    ws: ["ws", plain(class extends WebSocket { constructor(url) { super(url); } })],
  };
  const best = {};
  for (let round = 0; round < (QUICK ? 1 : 3); round += 1) {
    for (const [who, [kind, open]] of Object.entries(contenders)) {
      const there = await receiver(kind);
      const socket = await open(`ws://127.0.0.1:${there.port}/`);
      const start = performance.now();
      const outcomes = [];
      for (let at = 0; at < MESSAGES; at += 1) {
        const sent = socket.send(TEXT);
        if (sent) outcomes.push(sent);
        // As a program does that has other things to do, too.
        if (at % 1_000 === 999) await wait(0);
      }
      await there.has(MESSAGES);
      await Promise.all(outcomes);
      best[who] = Math.max(best[who] ?? 0, (MESSAGES / (performance.now() - start)) * 1_000);
      socket.close();
      there.stop();
    }
  }
  const shown = Object.fromEntries(Object.entries(best).map(([who, rate]) => [who, Math.round(rate).toLocaleString("en")]));
  return { ...shown, everwire: `${shown["everwire, outcomes"]} with outcomes, ${shown["everwire, batches"]} in batches` };
}

/** What becomes of messages while connections are cut in their middle. */
async function cuts() {
  const counted = {};
  const clients = {
    partysocket: (url) => plainSender(new PartySocket(url, [], { WebSocket, minReconnectionDelay: 10, maxReconnectionDelay: 50 })),
    "reconnecting-websocket": (url) => plainSender(new ReconnectingWebSocket(url, [], { WebSocket, minReconnectionDelay: 10, maxReconnectionDelay: 50 })),
  };
  for (const [who, make] of Object.entries(clients)) {
    const server = await Server.start({});
    const proxy = await Cutter.before(server.port);
    const send = make(`ws://127.0.0.1:${proxy.port}/silent?id=${who}`);
    await thousand(send, proxy);
    await wait(500);
    counted[who] = losses(server.messages.get(who) ?? [], 0);
    await Promise.all([proxy.stop(), server.stop()]);
  }
  counted["socket.io"] = await cutsOfSocketIo();
  const program = await Program.start(process.env.EVERWIRE_SESSION_ECHO);
  const proxy = await Cutter.before(program.port);
  const socket = new EverwireSocket(`ws://127.0.0.1:${proxy.port}/`, [], { WebSocket, session: true, retry: { minDelay: 10, maxDelay: 50 } });
  const echoes = [];
  socket.onmessage = ({ data }) => echoes.push(data);
  const outcomes = [];
  await thousand((text) => outcomes.push(socket.deliver(text)), proxy);
  const uncertain = (await Promise.all(outcomes)).filter(({ status }) => status !== "acknowledged").length;
  for (const start = Date.now(); echoes.length < 1_000 && Date.now() - start < 10_000; ) await wait(10);
  counted.everwire = losses(echoes, uncertain);
  await socket.finish();
  await Promise.all([proxy.stop(), program.kill()]);
  return counted;
}

/** At its defaults, but for delays as short as the others'. */
async function cutsOfSocketIo() {
  const http = createHttpServer();
  const received = [];
  const server = new (peers("socket.io").Server)(http, { transports: ["websocket"] });
  server.on("connection", (socket) => socket.on("message", (text) => received.push(text)));
  await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
  const proxy = await Cutter.before(http.address().port);
  const socket = io(`ws://127.0.0.1:${proxy.port}`, { transports: ["websocket"], reconnectionDelay: 10, reconnectionDelayMax: 50 });
  await thousand((text) => socket.emit("message", text), proxy);
  await wait(500);
  socket.close();
  await Promise.all([proxy.stop(), server.close()]);
  return losses(received, 0);
}

const plainSender = (socket) => {
  socket.addEventListener("error", () => {});
  return (text) => socket.send(text);
};

async function thousand(send, proxy) {
  await wait(200);
  for (let at = 0; at < 1_000; at += 1) {
    send(`${at}`);
    if (at % (1_000 / CUTS) === 25) proxy.cut();
    await wait(3);
  }
}

function losses(received, uncertain) {
  const distinct = new Set(received.map((text) => `${text}`));
  return `${1_000 - distinct.size} / ${received.length - distinct.size} / ${uncertain}`;
}

/** How long until it is told that nothing passes any more. */
async function blackHole() {
  const server = await Server.start({});
  const proxy = await Cutter.before(server.port);
  const url = (who) => `ws://127.0.0.1:${proxy.port}/echo?id=hole-${who}`;
  const sockets = {
    everwire: new EverwireSocket(url("everwire"), [], { WebSocket, textPings: ["ping", "pong"] }),
    partysocket: new PartySocket(url("partysocket"), [], { WebSocket }),
    "reconnecting-websocket": new ReconnectingWebSocket(url("rws"), [], { WebSocket }),
    ws: new WebSocket(url("ws")),
  };
  await Promise.all(Object.values(sockets).map((socket) => new Promise((open) => socket.addEventListener("open", open, { once: true }))));
  proxy.silence();
  const start = performance.now();
  const noticed = Object.entries(sockets).map(async ([who, socket]) => {
    const closed = new Promise((told) => socket.addEventListener("close", () => told(`${((performance.now() - start) / 1_000).toFixed(1)} s`), { once: true }));
    return [who, await Promise.race([closed, wait(BLACK_HOLE_MS).then(() => `not within ${BLACK_HOLE_MS / 1_000} s`)])];
  });
  return Object.fromEntries(await Promise.all(noticed));
}

/** Passes everything on, until it cuts or says nothing more. */
class Cutter {
  static async before(port) {
    const cutter = new Cutter();
    cutter.links = new Set();
    cutter.server = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      const link = [near, far];
      cutter.links.add(link);
      near.pipe(far).pipe(near);
      for (const socket of link) {
        socket.on("error", () => {});
        socket.on("close", () => (link.forEach((one) => one.destroy()), cutter.links.delete(link)));
      }
    });
    await new Promise((listening) => cutter.server.listen(0, "127.0.0.1", listening));
    cutter.port = cutter.server.address().port;
    return cutter;
  }

  cut() {
    for (const link of this.links) link[0].resetAndDestroy();
  }

  silence() {
    for (const [near, far] of this.links) {
      near.unpipe();
      far.unpipe();
    }
  }

  async stop() {
    this.cut();
    this.server.close();
  }
}

function kilobytes(bytes) {
  return `${(bytes / 1_000).toFixed(1)} KB`;
}

await preload();
console.log("| | everwire | partysocket | reconnecting-websocket | Socket.IO | ws |\n|---|---|---|---|---|---|");
const row = (name, values) => console.log(`| ${[name, ...["everwire", "partysocket", "reconnecting-websocket", "socket.io", "ws"].map((who) => values[who] ?? "-")].join(" | ")} |`);

row("size, gzip: what a page loads first", await sizes());
row("the WebAssembly, brotli", { everwire: kilobytes(brotliCompressSync(readFileSync(new URL("../dist/everwire.wasm", import.meta.url))).length) });
for (const [name, values] of await inChromium()) row(name, values);
row("one way, 128 B, messages a second", await throughput());
row(`of 1,000 over ${CUTS} cuts: lost / doubled / told as uncertain`, await cuts());
row("a black hole is noticed after", await blackHole());
process.exit();
