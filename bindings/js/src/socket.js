// The part that a page loads first: all of `WebSocket`'s interface. It opens the connection at once, and keeps what is asked
// of it until the engine (`engine.js`, with the WebAssembly) has come and takes over.

import { Closing, withItsEnd } from "./ends.js";

/** How the engine comes; each entry point provides its own, the first one counts. */
let loader;
let loading;

export const provide = (load) => (loader ??= load);

/** Loads the engine, once. One that could not be loaded is tried again when the next one asks. */
export function preload() {
  loading ??= loader().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3];
const SESSION = "everwire.v1";
/**
 * The engine's first steps take some milliseconds, which the event `open` should not wait for. Nothing is sent before it, so they may
 * come behind it; a connection that takes longer than this to open is not waited for.
 */
const HEAD_START_MS = 20;
const NAMES = { CONNECTING, OPEN, CLOSING, CLOSED };

const refuse = (name, words) => {
  throw new DOMException(words, name);
};

/** As the browser's constructor checks it: the error is a SyntaxError. */
export function address(given) {
  let url;
  try {
    url = new URL(given, globalThis.location?.href);
  } catch {
    refuse("SyntaxError", `'${given}' is not a URL`);
  }
  url.protocol = url.protocol.replace(/^http/, "ws");
  if (!/^wss?:$/.test(url.protocol)) refuse("SyntaxError", `the URL's scheme is ws or wss, not '${url.protocol}'`);
  if (url.href.includes("#")) refuse("SyntaxError", "a WebSocket's URL has no fragment");
  return url.href;
}

function checked(protocols) {
  const names = protocols == null ? [] : typeof protocols === "object" ? [...protocols].map(String) : [String(protocols)];
  for (const [at, name] of names.entries()) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) refuse("SyntaxError", `'${name}' is not a subprotocol's name`);
    if (names.indexOf(name) < at) refuse("SyntaxError", `the subprotocol '${name}' is given twice`);
  }
  return names;
}

/** As the browser's `close` checks them. */
function checkedClose(code, reason) {
  if (code !== undefined) {
    code = Math.min(65535, Math.max(0, Math.round(code) || 0));
    if (code !== 1000 && !(code >= 3000 && code <= 4999)) refuse("InvalidAccessError", `the close code is 1000 or from 3000 to 4999, not ${code}`);
  }
  if (reason !== undefined && encoder.encode((reason = `${reason}`)).length > 123) refuse("SyntaxError", "a close reason has at most 123 bytes");
  return [code, reason];
}

const encoder = new TextEncoder();
const size = (data) => data.size ?? data.byteLength ?? encoder.encode(data).length;

/** A copy that nobody changes: text, bytes, or a Blob. */
function taken(data) {
  if (data instanceof ArrayBuffer || data instanceof (globalThis.SharedArrayBuffer ?? ArrayBuffer)) return new Uint8Array(data).slice();
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return data instanceof Blob ? data : `${data}`;
}

/** Drop-in for `WebSocket`; `index.d.ts` documents it. */
export class EverwireSocket extends EventTarget {
  /** What the engine works with; no part of the API. */
  #core;
  #handlers = {};
  #binaryType = "blob";
  /** A Blob is being read, and what was sent after it waits. */
  #reading;

  constructor(url, protocols, options = {}) {
    if (arguments.length === 0) throw new TypeError("a URL is needed");
    super();
    const listed = typeof url === "function" ? [] : (Array.isArray(url) ? url : [url]).map(address);
    const core = (this.#core = {
      socket: this,
      next: typeof url === "function" ? url : null,
      names: typeof protocols === "function" ? protocols : null,
      urls: listed,
      protocols: typeof protocols === "function" ? [] : checked(protocols),
      options,
      ready: CLOSED,
      protocol: "",
      extensions: "",
      url: listed[0] ?? "",
      state: Object.freeze({ name: "closed", cause: "initial" }),
      /** What waits for the engine. */
      queue: [],
      /** Bytes in the queue, and those that were given to a closed socket. */
      waiting: 0,
      lost: 0,
      buffer: [],
      /** It was disconnected, and stays so until it is told to connect. */
      stays: false,
      emit: (event) => this.dispatchEvent(event),
      tell: (type, more) => this.dispatchEvent(Object.assign(new Event(type), more)),
      closed: (code, reason, wasClean) => this.dispatchEvent(new Closing("close", { code, reason, wasClean })),
      message: (data) => this.dispatchEvent(new MessageEvent("message", { data: this.#received(data), origin: new URL(core.url).origin })),
      /** What the user's functions say of an attempt. */
      ask: async (attempt) => {
        const [url, names] = await Promise.all([core.next?.(attempt), core.names?.(attempt)]);
        return { url: core.next ? address(url) : undefined, protocols: core.names ? checked(names) : undefined };
      },
      /** A session's subprotocol is offered first. */
      offered: () => (options.session && !core.protocols.includes(SESSION) ? [SESSION, ...core.protocols] : core.protocols),
      opened: (socket) => {
        Object.assign(core, { ready: OPEN, protocol: socket.protocol, extensions: socket.extensions ?? "", url: core.next ? socket.url : core.url });
        core.stateIs({ name: "connected", protocol: core.protocol });
        core.tell("open");
      },
      stateIs: (state) => {
        core.state = Object.freeze(state);
        core.tell("statechange");
      },
    });
    if (!options.startClosed) this.#start();
  }

  #start() {
    const core = this.#core;
    core.ready = CONNECTING;
    core.state = Object.freeze({ name: "connecting", attempt: 1 });
    core.closing = core.finished = undefined;
    core.stays = false;
    const WebSocket = (core.WebSocket = core.options.WebSocket ?? globalThis.WebSocket);
    if (typeof WebSocket !== "function") throw new TypeError("there is no WebSocket here: give one as an option, such as npm's ws");
    if (core.next || core.names) (core.first = core.ask({ attempt: 1 })).catch(() => {});
    else core.early = early(new WebSocket(core.urls[0], core.offered()), core);
    // Sockets of other makes are changed first (`wrap.js`).
    const first = core.WebSocket === globalThis.WebSocket && typeof process === "undefined" && core.early?.first;
    const run = preload().then(async (engine) => {
      await first;
      // It may have been closed meanwhile.
      if (core.run === run && core.ready !== CLOSED) return engine.attach(core);
    });
    core.run = run;
    run.catch((error) => {
      if (core.run === run) this.#end(`the engine could not be loaded: ${error?.message ?? error}`, error);
    });
  }

  /** The end before there was an engine. */
  #end(message, error) {
    const core = this.#core;
    core.ready = CLOSED;
    core.early?.abandon();
    for (const { done } of core.queue.splice(0)) done?.({ status: "cancelled" });
    core.waiting = 0;
    queueMicrotask(() => {
      core.stateIs({ name: "closed", cause: error ? "engine" : "user", reason: message });
      if (error) console.error(`everwire: ${message}`);
      core.tell("error", { message, error });
      core.closed(1006, "", false);
    });
  }

  get url() {
    return this.#core.url;
  }
  get readyState() {
    return this.#core.ready;
  }
  get protocol() {
    return this.#core.protocol;
  }
  get extensions() {
    return this.#core.extensions;
  }
  get state() {
    return this.#core.state;
  }
  get retryCount() {
    return Math.max(0, (this.#core.state.attempt ?? 1) - 1);
  }
  get roundTrip() {
    return this.#core.engine?.roundTrip();
  }
  get bufferedAmount() {
    const { engine, waiting, lost } = this.#core;
    return waiting + lost + (engine?.buffered() ?? 0);
  }
  get binaryType() {
    return this.#binaryType;
  }
  set binaryType(type) {
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  send(data) {
    if (arguments.length === 0) throw new TypeError("there is nothing to send");
    this.#put(taken(data));
  }

  deliver(data, options) {
    return new Promise((done, failed) => this.#put(taken(data), options, done, failed));
  }

  #put(data, options, done, failed) {
    const core = this.#core;
    if (core.ready >= CLOSING) {
      core.lost += size(data);
      return done?.({ status: "cancelled" });
    }
    if (core.engine && !this.#reading && !(data instanceof Blob)) return core.engine.send({ data, options, done, failed });
    core.waiting += size(data);
    core.queue.push({ data, options, done, failed });
    this.#drain();
  }

  /** Gives the engine what waits, in order. */
  #drain() {
    const core = this.#core;
    core.drain = () => this.#drain();
    if (!core.engine || this.#reading) return;
    while (core.queue.length > 0) {
      const [entry] = core.queue;
      if (entry.data instanceof Blob) {
        const read = (bytes) => (this.#reading = undefined, entry.data = bytes, this.#drain());
        return (this.#reading = entry.data.arrayBuffer().then((bytes) => read(new Uint8Array(bytes)), () => (core.queue.shift(), read(""))));
      }
      core.queue.shift();
      core.waiting -= size(entry.data);
      core.engine.send(entry);
    }
    core.drained?.();
  }

  close(code, reason) {
    [code, reason] = checkedClose(code, reason);
    this.#finish({ code, reason });
  }

  finish({ within = 10_000, code, reason } = {}) {
    return this.#finish({ code, reason, within });
  }

  async #finish({ code, reason, within }) {
    const core = this.#core;
    const none = { unsent: 0, unacknowledged: 0 };
    // At the end, what still waited is given up.
    if (core.ready === CLOSED && core.engine) core.finished ??= core.engine.close(within ?? 0);
    if (core.ready >= CLOSING) return core.finished ?? none;
    const was = core.ready;
    core.ready = CLOSING;
    core.closing = code === undefined ? [] : reason === undefined ? [code] : [code, reason];
    if (was === CONNECTING && within === undefined && !core.engine) {
      this.#end("closed before the connection was established");
      return none;
    }
    core.finished = (async () => {
      await core.run;
      if (core.queue.length > 0) await new Promise((drained) => (core.drained = drained));
      return core.engine ? core.engine.close(within ?? (was === OPEN ? 2_000 : 0)) : none;
    })();
    return core.finished;
  }

  reconnect(code, reason) {
    const core = this.#core;
    if (core.ready === CLOSED) {
      core.engine?.end();
      core.engine = undefined;
      this.#start();
    } else if (core.engine) {
      core.engine.reconnect(code, reason);
    } else if (core.stays) {
      core.stays = false;
    } else if (core.ready === OPEN) {
      core.later = () => core.engine.reconnect(code, reason);
    }
  }

  disconnect(code, reason) {
    const core = this.#core;
    [code, reason] = checkedClose(code, reason);
    if (core.ready >= CLOSING || core.stays) return;
    core.stays = true;
    core.closing = code === undefined ? [] : [code, reason ?? ""];
    core.engine?.disconnect();
  }

  messages() {
    const core = this.#core;
    if (core.pull) throw new DOMException("the messages are being read already", "InvalidStateError");
    core.pull = true;
    core.engine?.pull();
    const end = () => {
      core.pull = false;
      core.engine?.push();
      return { done: true, value: undefined };
    };
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: async () => {
        core.engine?.processed();
        while (core.buffer.length === 0) {
          if (core.ready === CLOSED || !core.pull) return end();
          await new Promise((woken) => (core.wake = woken));
        }
        const value = this.#received(core.buffer.shift());
        core.engine?.handed();
        return { done: false, value };
      },
      return: async () => end(),
    };
  }

  /** What came, as `binaryType` wants it. */
  #received(data) {
    if (typeof data === "string") return data;
    return this.#binaryType === "blob" ? new Blob([data]) : data.buffer;
  }

  static {
    for (const [name, value] of Object.entries(NAMES)) {
      for (const holder of [this, this.prototype]) Object.defineProperty(holder, name, { value, enumerable: true });
    }
    for (const type of ["open", "message", "error", "close", "statechange"]) {
      Object.defineProperty(this.prototype, `on${type}`, {
        enumerable: true,
        configurable: true,
        get() {
          return this.#handlers[type]?.call ?? null;
        },
        set(call) {
          const handler = this.#handlers[type];
          if (typeof call !== "function") {
            if (handler) this.removeEventListener(type, handler);
            delete this.#handlers[type];
          } else if (handler) {
            handler.call = call;
          } else {
            const fresh = (this.#handlers[type] = { call, handleEvent: (event) => fresh.call.call(this, event) });
            this.addEventListener(type, fresh);
          }
        },
      });
    }
    for (const name of ["url", "readyState", "protocol", "extensions", "bufferedAmount", "binaryType", "send", "close"]) {
      Object.defineProperty(this.prototype, name, { enumerable: true });
    }
  }
}

/** A socket and, once it is over, its close event: whoever listens later than now hears of that later. */
export function linked(socket) {
  const link = { socket: withItsEnd(socket) };
  socket.addEventListener("close", (event) => (link.closed = event));
  return link;
}

/** A socket that was opened before there was an engine, and what it has told since. */
function early(socket, core) {
  socket.binaryType = "arraybuffer";
  const told = [];
  const link = linked(socket);
  let heard;
  const first = new Promise((told) => {
    heard = told;
    setTimeout(told, HEAD_START_MS);
  });
  for (const type of ["open", "message", "error", "close"]) {
    socket[`on${type}`] = (event) => {
      told.push(event);
      heard();
      // Who logs in first, or has a session, is connected only then.
      if (type === "open" && !core.options.session && !core.options.onOpen && core.ready === CONNECTING) core.opened(socket);
    };
  }
  return {
    socket,
    told,
    /** It has told something, or takes its time. */
    first,
    link,
    abandon() {
      for (const type of ["open", "message", "close"]) socket[`on${type}`] = null;
      socket.onerror = () => {};
      socket.close();
    },
  };
}
