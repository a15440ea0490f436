// Loaded in its own time: what ties a socket of the shim to a client in WebAssembly.
import init, { Engine, initSync } from "../gen/everwire.js";
import { Deliveries } from "./deliveries.js";
import { linked } from "./socket.js";
import { settings } from "./settings.js";
import { heir, locked } from "./outbox.js";
import { storage } from "./storage.js";
import { wrapped } from "./wrap.js";

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3];

/** In the order of `encode` in `wasm/src/outcomes.rs`. */
const OUTCOMES = [
  () => ({ status: "acknowledged" }),
  () => ({ status: "received" }),
  () => ({ status: "expired" }),
  () => ({ status: "dropped", reason: "oldest" }),
  () => ({ status: "dropped", reason: "newest" }),
  () => ({ status: "dropped", reason: "lowest-priority" }),
  () => ({ status: "dropped", reason: "conflated" }),
  () => ({ status: "dropped", reason: "not-connected" }),
  (code) => ({ status: "rejected", reason: "peer-refuses", code }),
  (limit) => ({ status: "rejected", reason: "too-large", limit }),
  () => ({ status: "cancelled" }),
  () => ({ status: "unknown", stage: "queued" }),
  () => ({ status: "unknown", stage: "written" }),
  () => ({ status: "stored" }),
];

/** So many messages wait for an iterator that is slow; then the connection is not read. */
const HIGH_WATER = 64;
/** So many texts at most cross into the WebAssembly together: their numbers follow each other. */
const TOGETHER = 256;
/** How long what another page has left may take to be sent and proven, once all of it was given to a connection. */
const INHERITED_MS = 10_000;
/** How long a page that comes back may take to connect before its states tell that it has not. */
const RETURN_MS = 3_000;

const encoder = new TextEncoder();
const lengths = new Uint32Array(TOGETHER);

let started;

/** Starts the WebAssembly: a module, bytes, a response or a promise of one. */
export async function start(source) {
  if (source instanceof Uint8Array) initSync({ module: source });
  else await init({ module_or_path: source });
  started = true;
}

/** Takes over a socket of the shim. */
export async function attach(core) {
  if (!started) throw new Error("the WebAssembly has not been started");
  const client = new Client(core);
  await client.begin();
}

/** Whether messages wait in what was kept. */
function isWaiting(text) {
  try {
    return JSON.parse(text)?.messages?.length > 0;
  } catch {
    return false;
  }
}

class Client {
  #core;
  #engine;
  #store;
  /** The socket in use, or the last one. */
  #link;
  #deliveries = new Deliveries();
  #hasEnded = false;
  /** Texts that were sent in this turn. */
  #gathered = [];
  /** Messages that the user has been given. */
  #done = 0;
  /** How many more an iterator has asked for. */
  #asked = 0;
  /** Which of several addresses is next, and whether the last one that was tried has opened. */
  #address = 0;
  #hasOpened = true;
  /** The WebAssembly knows how the first attempt went, and whether the connection ends then. */
  #hasHeard = false;
  #endsThen = false;
  /** The page is put away: what happens meanwhile is told when it is back. */
  #away;
  #listeners = [];
  /** Sockets that send what other pages have left. */
  #heirs = new Set();
  #stopInheriting = () => {};

  constructor(core) {
    this.#core = core;
  }

  async begin() {
    const core = this.#core;
    const given = settings(core.options, typeof core.WebSocket.prototype?.ping === "function");
    if (given.store) await this.#openStore(given);
    if (core.ready === CLOSED) return this.#store?.release();
    if (core.stays && core.ready !== OPEN) {
      core.early?.abandon();
      core.early = undefined;
    }
    given.protocols = core.protocols;
    const hooks = {
      socket: (url, protocols) => this.#socket(url, protocols),
      messages: (messages) => this.#messages(messages),
      outcomes: (flat) => this.#outcomes(flat),
      state: (json) => this.#hear(JSON.parse(json)),
      event: (kind, detail) => this.#event(kind, detail),
      recovered: (id, data) => this.#recovered(id, data),
    };
    if (core.next || core.names || core.urls.length > 1) hooks.request = (attempt, cause) => this.#request(attempt, cause);
    if (core.options.onOpen) hooks.open = async (connection) => core.options.onOpen(connection);
    // Nothing may be told before there is somebody to tell it to.
    this.#watchPage();
    try {
      this.#engine = new Engine(core.urls[0] ?? "ws://everwire.invalid/", given, hooks);
    } catch (error) {
      this.#store?.release();
      throw error;
    }
    core.engine = this;
    if (core.stays) this.disconnect();
    core.later?.();
    core.later = undefined;
    core.pull ? this.pull() : this.push();
    core.drain?.();
  }

  /** The outbox's place: of its own, or one that another page has left. */
  async #openStore(given) {
    const core = this.#core;
    const kept = storage(core.options.outbox.storage);
    const base = given.store;
    this.#store = core.options.outbox.inherited ?? (await locked(base, kept));
    try {
      given.store = this.#store.name;
      given.stored = (await kept.getItem(given.store)) ?? undefined;
      given.keep = (name, text) => kept.setItem(name, text);
    } catch (error) {
      this.#store.release();
      throw error;
    }
    if (core.options.outbox.inherited) return;
    this.#stopInheriting = heir(base, given.store, kept, (left) => this.#inherit(left, kept));
  }

  /** Sends what another page has left, by a socket of its own, as if it were of ours. */
  async #inherit(left, kept) {
    const core = this.#core;
    const text = await Promise.resolve(kept.getItem(left.name)).catch(() => null);
    if (core.engine !== this || !isWaiting(text)) return left.release();
    const outcomes = [];
    const { outbox } = core.options;
    const onRecovered = (data, outcome) => {
      outcomes.push(outcome);
      outbox.onRecovered?.(data, outcome);
      core.tell("recovered", { data, outcome });
    };
    const socket = new core.socket.constructor(core.next ?? core.urls, core.names ?? core.protocols, {
      ...core.options,
      startClosed: false,
      outbox: { ...outbox, inherited: left, onRecovered },
    });
    this.#heirs.add(socket);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.#messages([typeof data === "string" ? data : new Uint8Array(data)]));
    socket.addEventListener("open", async () => {
      await Promise.all(outcomes);
      await socket.finish({ within: INHERITED_MS });
    }, { once: true });
    socket.addEventListener("close", async () => {
      if (socket.readyState !== CLOSED) return;
      this.#heirs.delete(socket);
      if (!isWaiting(await kept.getItem(left.name))) await kept.removeItem(left.name);
    });
  }

  // What the shim calls.

  send(entry) {
    if (typeof entry.data !== "string" || entry.options) return this.#sendOne(entry);
    if (this.#gathered.push(entry) === 1) queueMicrotask(() => this.#flush());
    else if (this.#gathered.length === TOGETHER) this.#flush();
  }

  /** What was sent in this turn crosses into the WebAssembly, in one call. */
  #flush() {
    const entries = this.#gathered;
    if (entries.length === 0) return;
    this.#gathered = [];
    if (this.#hasEnded) return entries.forEach(({ done }) => done?.({ status: "cancelled" }));
    if (entries.length === 1) return this.#sendNow(entries[0]);
    const units = lengths.subarray(0, entries.length);
    const texts = entries.map(({ data }, at) => {
      units[at] = data.length;
      return data;
    });
    const sent = this.#engine.send_texts(encoder.encode(texts.join("\n")), units);
    const { first, count } = sent;
    for (let at = 0; at < count; at += 1) {
      const { done } = entries[at];
      if (done) this.#deliveries.set(first + at, done);
    }
    const error = sent.refused();
    for (const entry of entries.slice(count)) this.#refused(entry, error);
  }

  #sendOne(entry) {
    this.#flush();
    this.#sendNow(entry);
  }

  #sendNow(entry) {
    const { data, options, done } = entry;
    try {
      const given = options ?? null;
      const id = typeof data === "string" ? this.#engine.send_text(data, given) : this.#engine.send_bytes(data, given);
      if (done) this.#deliveries.set(id, done);
    } catch (error) {
      this.#refused(entry, error);
    }
  }

  #refused({ failed }, error) {
    if (failed) failed(error);
    else this.#core.tell("error", { message: error.message, error });
  }

  buffered() {
    this.#flush();
    return this.#engine.queued_bytes() + (this.#link?.socket.bufferedAmount ?? 0);
  }

  roundTrip() {
    const trip = this.#engine.round_trip();
    return Number.isNaN(trip) ? undefined : trip;
  }

  async close(within) {
    this.#flush();
    this.#stopInheriting();
    for (const socket of this.#heirs) socket.finish({ within });
    const [unsent, unacknowledged] = await this.#engine.close(within);
    return { unsent, unacknowledged };
  }

  reconnect(code, reason) {
    this.#flush();
    const core = this.#core;
    if (core.stays) {
      core.stays = false;
      if (core.state.name === "closed") return this.#connectAgain();
      // It will be closed in a moment.
      this.again = true;
      return;
    }
    if (core.ready === CONNECTING) return this.#engine.retry_now();
    if (core.options.session) return this.#engine.migrate();
    core.closing = code === undefined ? [] : [code, reason ?? ""];
    this.again = true;
    this.#end();
  }

  disconnect() {
    this.#flush();
    this.again = false;
    this.#end();
  }

  /** Ends the connection: one that the shim has opened once the WebAssembly has heard of it, so that it is closed in order. */
  #end() {
    if (this.#core.ready === OPEN && !this.#hasHeard) this.#endsThen = true;
    else this.#engine.disconnect();
  }

  pull() {
    this.#asked = 0;
    this.#engine.demand(0);
    this.#ask();
  }

  push() {
    const core = this.#core;
    while (core.buffer.length > 0) this.#give(core.buffer.shift());
    this.processed();
    this.#engine.demand(-1);
  }

  handed() {
    this.#done += 1;
    this.#ask();
  }

  /** For more, once half of what may wait has been handed out. */
  #ask() {
    const expected = this.#asked + this.#core.buffer.length;
    if (!this.#core.pull || expected > HIGH_WATER / 2) return;
    this.#asked += HIGH_WATER - expected;
    this.#engine.demand(HIGH_WATER - expected);
  }

  /** Whoever asks for the next one has done with those before. */
  processed() {
    if (this.#engine && this.#core.options.session) this.#engine.acknowledge(this.#done);
  }

  end() {
    for (const [target, type, listener] of this.#listeners.splice(0)) target.removeEventListener(type, listener);
    this.#stopInheriting();
    for (const socket of this.#heirs) socket.close();
    this.#store?.release();
    this.#store = undefined;
    this.#engine?.free();
    this.#hasEnded = true;
    this.#engine = { queued_bytes: () => 0, round_trip: () => NaN, demand() {}, acknowledge() {}, async close() { return [0, 0]; } };
  }

  // What the WebAssembly calls.

  #socket(url, protocols) {
    const core = this.#core;
    const { early } = core;
    core.early = undefined;
    const isEarly = early && early.socket.url === new URL(url).href && `${core.offered()}` === `${protocols}`;
    if (early && !isEarly) early.abandon();
    const socket = isEarly ? early.socket : new core.WebSocket(url, protocols);
    if (isEarly) queueMicrotask(() => early.told.forEach((event) => socket[`on${event.type}`]?.(event)));
    this.#link = isEarly ? early.link : linked(socket);
    if (core.next) core.url = socket.url;
    return wrapped(socket, () => core.closing);
  }

  async #request(attempt, cause) {
    const core = this.#core;
    const first = core.first;
    core.first = undefined;
    const asked = await (first ?? core.ask({ attempt, cause }));
    if (core.next) return asked;
    // The one that worked last is tried first; what fails is followed by the next.
    if (!this.#hasOpened) this.#address += 1;
    this.#hasOpened = false;
    return { ...asked, url: core.urls[this.#address % core.urls.length] };
  }

  #messages(messages) {
    const core = this.#core;
    if (core.pull) {
      this.#asked -= messages.length;
      core.buffer.push(...messages);
      return core.wake?.();
    }
    for (const data of messages) this.#give(data);
    queueMicrotask(() => this.processed());
  }

  #give(data) {
    this.#done += 1;
    this.#core.message(data);
  }

  #outcomes(flat) {
    for (let at = 0; at < flat.length; at += 4) {
      this.#deliveries.end(flat[at], flat[at + 1], Object.freeze(OUTCOMES[flat[at + 2]](flat[at + 3])));
    }
  }

  #event(kind, detail) {
    const core = this.#core;
    if (kind === "ended") {
      core.wake?.();
      // Outcomes of the end are told behind it.
      setTimeout(() => core.ready === CLOSED && core.engine === this && this.end());
    } else if (kind === "session" || kind === "store") {
      core.tell(kind, { detail });
    }
  }

  /** A message that an earlier page has left, with what becomes of it. */
  #recovered(id, data) {
    const outcome = new Promise((done) => this.#deliveries.set(id, done));
    const core = this.#core;
    const shown = typeof data === "string" ? data : new Uint8Array(data);
    if (core.options.outbox?.onRecovered) core.options.outbox.onRecovered(shown, outcome);
    // Who listens may have been added only after the constructor.
    queueMicrotask(() => core.tell("recovered", { data: shown, outcome }));
  }

  #hear(state) {
    const core = this.#core;
    if (this.#away) {
      this.#away.push(state);
      if (this.#away.isBack && (state.name === "connected" || state.name === "closed")) this.#isBack();
      return;
    }
    this.#tell(state);
    if (["connected", "disconnected"].includes(state.name)) this.#hasHeard = true;
    if (this.#hasHeard && this.#endsThen) {
      this.#endsThen = false;
      this.#engine.disconnect();
    }
    if (this.again && state.name === "closed" && state.cause === "user" && core.ready !== CLOSING) this.#connectAgain();
  }

  #connectAgain() {
    this.again = false;
    this.#core.closing = undefined;
    this.#engine.connect();
  }

  #tell(state) {
    const core = this.#core;
    const was = core.ready;
    const { retryIn, unproven, ...told } = state;
    if (retryIn !== undefined) told.retryAt = Date.now() + retryIn;
    if (unproven) told.unproven = true;
    switch (state.name) {
      case "connecting":
        // The shim has opened it already, or has said so.
        if (was === OPEN || (core.state.name === "connecting" && core.state.attempt === state.attempt)) return;
        // Or it is being closed: what waits is still sent, but it does not open any more.
        if (was === CLOSING) return;
        core.ready = CONNECTING;
        break;
      case "connected":
        this.#hasOpened = true;
        if (was === CLOSING) return;
        if (was === OPEN) {
          if (core.state.name !== "connected" || core.state.unproven !== told.unproven) core.stateIs(told);
          return;
        }
        return void core.opened(this.#link.socket);
      case "disconnected":
        core.ready = CONNECTING;
        core.stateIs(told);
        return this.#closed(told, was);
      case "closing":
        if (!this.again && !core.stays) core.ready = CLOSING;
        break;
      case "closed":
        if (state.cause === "initial") return;
        core.ready = (core.stays || (this.again && core.closing)) && was !== CLOSED && was !== CLOSING ? CONNECTING : CLOSED;
        core.stateIs(told);
        return this.#closed(told, was);
    }
    core.stateIs(told);
  }

  /** The event `close`, and before it `error` unless the end was in order. */
  #closed({ reason, cause }, was) {
    const core = this.#core;
    const last = this.#link?.closed ?? { code: 1006, reason: "", wasClean: false };
    if (!last.wasClean && (cause !== "user" || was === CONNECTING)) core.tell("error", { message: reason });
    core.closed(last.code, last.reason, last.wasClean);
    core.wake?.();
  }

  // A page in the browser's back-forward cache, or frozen, has no connection, and need not say so when it is back with one.

  #watchPage() {
    const on = (target, type, listener) => {
      if (!target?.addEventListener) return;
      target.addEventListener(type, listener, true);
      this.#listeners.push([target, type, listener]);
    };
    const leaves = () => (this.#away ??= []);
    const returns = () => {
      if (!this.#away) return;
      this.#away.isBack = true;
      setTimeout(() => this.#isBack(), RETURN_MS);
    };
    on(globalThis.window, "pagehide", (event) => event.persisted && leaves());
    on(globalThis.window, "pageshow", returns);
    on(globalThis.document, "freeze", leaves);
    on(globalThis.document, "resume", returns);
  }

  #isBack() {
    const states = this.#away ?? [];
    this.#away = undefined;
    const last = states.at(-1);
    if (last?.name !== "connected" || this.#core.ready !== OPEN) return states.forEach((state) => this.#hear(state));
    // The connection is another: whoever counts connections is told so, and nobody was offline.
    if (states.some(({ name }) => name === "disconnected")) {
      const core = this.#core;
      core.closed(1006, "the page was put away", false);
      core.opened(this.#link.socket);
    }
  }
}
