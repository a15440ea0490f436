// The scripts of `bindings/conformance`, which every binding runs, in Node.js with npm's `ws`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import readline from "node:readline";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { parse } from "smol-toml";
import WebSocket from "ws";
import { EverwireSocket } from "everwire";

const SCRIPTS = new URL("../../conformance/", import.meta.url);
const BINARY = process.env.EVERWIRE_BINARY;
/** Whatever a step waits for has to come within this. */
const LIMIT_MS = 20_000;
const NEEDS = new Set(["pings", "file", "status", "disconnect"]);

/** What `everwire-bind` calls each setting, as an option. */
const OPTIONS = {
  retry_initial_delay_ms: (options, ms) => (options.retry.minDelay = ms),
  retry_max_delay_ms: (options, ms) => (options.retry.maxDelay = ms),
  heartbeat_interval_ms: (options, ms) => (options.heartbeat.interval = ms),
  heartbeat_timeout_ms: (options, ms) => (options.heartbeat.timeout = ms),
  connect_timeout_ms: (options, ms) => (options.connectTimeout = ms),
  guarantee: (options, name) => (options.guarantee = name.replaceAll("_", "-")),
  session: (options, name) => (options.session = name),
  outbox_messages: (options, count) => (options.outbox.maxMessages = count),
  outbox_overflow: (options, name) => (options.outbox.overflow = name.replaceAll("_", "-")),
  text_ping: (options, text) => (options.textPings.ping = text),
  text_pong: (options, text) => (options.textPings.pong = text),
  connect_on_start: (options, connects) => (options.waits = !connects),
  outbox_file: (options, name) => (options.outbox.store = name),
};

class Process {
  static async start(args) {
    const started = new Process();
    started.child = spawn(BINARY, args, { stdio: ["ignore", "pipe", "ignore"] });
    const lines = readline.createInterface({ input: started.child.stdout });
    [started.firstLine] = await once(lines, "line");
    return started;
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }
}

class Network {
  static async start({ schedule, server = {} }) {
    const network = new Network();
    network.folder = mkdtempSync(join(tmpdir(), "everwire-conformance-"));
    await network.serve("127.0.0.1:0", server);
    const args = ["proxy", "--json", "--to", network.address, "--control", "127.0.0.1:0"];
    if (schedule) {
      const file = join(network.folder, "schedule.toml");
      writeFileSync(file, schedule);
      args.push("--schedule", file);
    }
    network.proxy = await Process.start(args);
    Object.assign(network, JSON.parse(network.proxy.firstLine));
    return network;
  }

  async serve(address, { close_with }) {
    this.server = await Process.start(["echo", "--listen", address, ...(close_with ? ["--close-with", `${close_with}`] : [])]);
    this.address = this.server.firstLine.match(/ws:\/\/([^/\s]+)/)[1];
  }

  async fault(path) {
    const { ok, status } = await fetch(`http://${this.control}/${path}`, { method: "POST" });
    assert.ok(ok, `${path}: ${status}`);
  }

  async stop() {
    await Promise.all([this.server?.stop(), this.proxy.stop()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a program around a socket would hold. */
class Play {
  received = [];
  opened = 0;
  sessions = [];
  states = [];
  deliveries = new Map();

  constructor(network, settings) {
    this.network = network;
    this.start(settings);
  }

  start(settings) {
    this.settings = settings;
    this.deliveries = new Map();
    const { network } = this;
    const outbox = {
      storage: storageIn(network.folder),
      onRecovered: (data, outcome) => this.expect(data.replace(/ \d+$/, ""), outcome),
    };
    const options = { WebSocket, retry: {}, heartbeat: {}, outbox, textPings: {} };
    for (const [name, value] of Object.entries(settings)) OPTIONS[name](options, value);
    const url = `ws://${network.listen}/`;
    const connects = new Promise((connect) => (this.letConnect = connect));
    this.socket = new EverwireSocket(options.waits ? () => connects.then(() => url) : url, [], options);
    this.socket.onmessage = ({ data }) => this.received.push(data);
    this.socket.onopen = () => (this.opened += 1);
    this.socket.onstatechange = () => this.states.push(this.socket.state);
    this.socket.addEventListener("session", ({ detail }) => this.sessions.push(`session_${detail}`));
  }

  async step({ do: what, ...step }) {
    const { network, socket } = this;
    switch (what) {
      case "send":
        return this.send(step);
      case "receive":
        for (const text of texts(step)) {
          await soon(() => this.received.length > 0, `"${text}"`);
          assert.equal(this.received.shift(), text);
        }
        return;
      case "outcomes":
        return this.outcomes(step);
      case "state":
        return this.state(step);
      case "event":
        return soon(() => this.sessions.includes(step.kind), `${step.kind}, not ${this.sessions}`);
      case "connections":
        return assert.equal(this.opened, step.count);
      case "fault":
        return network.fault(step.control);
      case "server":
        await network.server.stop();
        return step.run ? network.serve(network.address, step) : undefined;
      case "connect":
        return this.settings.connect_on_start === false ? this.letConnect() : socket.reconnect();
      case "disconnect":
        return socket.disconnect();
      case "hint":
        // Node.js says nothing of the network. `cases/beyond.mjs` has the same in a page, which does.
        return;
      case "reconnect_now":
        return socket.reconnect();
      case "start":
        return this.start({ ...this.settings, ...step.settings });
      case "finish": {
        const { unsent = 0, unacknowledged = 0, within_ms: within } = step;
        return assert.deepEqual(await socket.finish({ within }), { unsent, unacknowledged });
      }
      default:
        throw new Error(`there is no step "${what}"`);
    }
  }

  async send({ text, refused, ...step }) {
    for (const message of texts({ text, ...step })) {
      const delivery = this.socket.deliver(message);
      if (refused === "full") await assert.rejects(delivery, { code: "full" });
      else if (refused === "closed") assert.deepEqual(await delivery, { status: "cancelled" });
      else this.expect(text, delivery);
    }
  }

  expect(text, delivery) {
    this.deliveries.set(text, [...(this.deliveries.get(text) ?? []), delivery]);
  }

  async outcomes({ text, expect }) {
    const late = wait(LIMIT_MS, null, { ref: false }).then(() => assert.fail("the outcomes have not come"));
    const outcomes = await Promise.race([late, Promise.all(this.deliveries.get(text) ?? [])]);
    const counts = {};
    for (const { status, reason, stage } of outcomes) {
      const kind = [status, reason ?? stage].filter(Boolean).join("_").replaceAll("-", "_");
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    // Of TOML comes an object without a prototype.
    assert.deepEqual(counts, { ...expect });
  }

  async state({ phase, code, ended, failed, within_ms = LIMIT_MS }) {
    const fits = (state) =>
      state.name === phase &&
      (code === undefined || state.code === code) &&
      (ended === undefined || (state.name === "closed") === ended) &&
      (failed === undefined || ("cause" in state && state.cause !== "user") === failed);
    this.states = [this.socket.state];
    await soon(() => this.states.some(fits), `${phase}, not ${JSON.stringify(this.socket.state)}`, within_ms);
  }
}

/** An outbox in files, as a program in Node.js may have it. */
function storageIn(folder) {
  const file = (name) => join(folder, encodeURIComponent(name));
  return {
    getItem: (name) => readFile(file(name), "utf8").catch(() => null),
    async setItem(name, text) {
      await writeFile(`${file(name)}.new`, text);
      await rename(`${file(name)}.new`, file(name));
    },
  };
}

function texts({ text, count = 1 }) {
  return count === 1 ? [text] : Array.from({ length: count }, (_, at) => `${text} ${at + 1}`);
}

async function soon(has, what, limit = LIMIT_MS) {
  for (const start = Date.now(); !has(); await wait(2)) assert.ok(Date.now() - start < limit, `it did not come: ${what}`);
}

for (const name of readdirSync(SCRIPTS).filter((name) => name.endsWith(".toml")).sort()) {
  const script = parse(readFileSync(new URL(name, SCRIPTS), "utf8"));
  const missing = (script.needs ?? []).filter((need) => !NEEDS.has(need));
  const skip = missing.length > 0 && `needs ${missing}`;
  test(`${name}: ${script.about}`, { skip, timeout: 60_000 }, async () => {
    const network = await Network.start(script);
    const play = new Play(network, script.settings ?? {});
    try {
      for (const [at, step] of script.step.entries()) {
        await play.step(step).catch?.((error) => {
          throw new Error(`step ${at + 1}, ${JSON.stringify(step)}: ${error.message}`, { cause: error });
        });
      }
    } finally {
      await play.socket.finish({ within: 0 });
      await network.stop();
    }
  });
}
