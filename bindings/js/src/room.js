// The chat, without where its WebAssembly comes from.
import init, { Room } from "../gen/chat.js";
import { withItsEnd } from "./ends.js";
import { heir, locked } from "./outbox.js";
import { storage } from "./storage.js";
import { wrapped } from "./wrap.js";

let source;
let loading;

/** Where the WebAssembly comes from: each entry point says it. */
export const provide = (from) => (source = from);

/** Loads it, once. If that failed, the next room tries it again. */
function load() {
  loading ??= Promise.resolve(source())
    .then((module_or_path) => init({ module_or_path }))
    .catch((error) => {
      loading = undefined;
      throw error;
    });
  return loading;
}

/** What `Room` needs to make sockets of this class; a page makes its own. */
function sockets(WebSocket = typeof process === "undefined" ? undefined : globalThis.WebSocket) {
  if (!WebSocket) return {};
  return { socket: (url, protocols) => wrapped(withItsEnd(new WebSocket(url, protocols)), () => undefined), pings: typeof WebSocket.prototype?.ping === "function" };
}

/** One user in one room; `chat.d.ts` documents it. */
export class ChatRoom extends EventTarget {
  #room;
  #messages = [];
  #ready;
  /** What was asked before the WebAssembly was there. */
  #waiting = [];
  #closed = false;
  /** Its outbox's name, and what gives it back. */
  #store;
  #stopInheriting = () => {};

  constructor(url, { name, room = "lobby", userId, token, store, window, minDelay, failed, WebSocket } = {}) {
    super();
    if (typeof (WebSocket ?? globalThis.WebSocket) !== "function") throw new TypeError("there is no WebSocket here: give one as an option, such as npm's ws");
    this.room = room;
    Object.assign(this, { messages: [], users: [], typing: [], state: Object.freeze({ name: "connecting" }), me: { id: userId, name }, unread: 0 });
    this.#snap();
    const address = new URL(url, globalThis.location?.href);
    address.protocol = address.protocol.replace(/^http/, "ws");
    const base = store === undefined ? undefined : `everwire.chat.${store}`;
    this.#ready = load()
      .then(() => base && this.#openStore(base))
      .then(() => {
        if (this.#closed) return this.#store?.release();
        const given = { room, userId, token, store: this.#store?.name, window, minDelay, failed, ...sockets(WebSocket) };
        this.#room = new Room(address.href, name, given, (json) => this.#hear(JSON.parse(json)));
        for (const act of this.#waiting.splice(0)) act();
      })
      .catch((error) => {
        this.#store?.release();
        this.state = Object.freeze({ name: "closed", reason: `the chat could not be started: ${error?.message ?? error}` });
        this.#changed("state");
        throw error;
      });
    this.#ready.catch(() => {});
  }

  /** An outbox of its own for each page; what pages have left that are closed is taken over. */
  async #openStore(base) {
    const kept = storage();
    this.#store = await locked(base, kept);
    this.#stopInheriting = heir(base, this.#store.name, kept, async ({ name, release }) => {
      try {
        if (kept.getItem(name) && this.#room) {
          await this.#room.take_over(name);
          kept.removeItem(name);
        }
      } finally {
        release();
      }
    });
  }

  /** Resolves to the message's id, once it is among the messages; rejects if it is refused. */
  async send(text) {
    await this.#ready;
    return this.#asked().send(`${text}`);
  }

  async retry(id) {
    this.#asked().retry(id);
  }

  async takeBack(id) {
    this.#asked().take_back(id);
  }

  /** What can be given to a later room. */
  failed() {
    return this.#room?.failed() ?? [];
  }

  /** Whether older messages are on their way. */
  loadEarlier() {
    const first = this.messages.find(({ missing }) => missing?.kind === "unloaded");
    return Boolean(first && this.#room?.load_earlier(first.id));
  }

  markRead(id = this.messages.at(-1)?.id) {
    if (id !== undefined) this.#room?.mark_read(id);
  }

  setTyping(typing) {
    this.#room?.typing(Boolean(typing));
  }

  setAway(away) {
    if (this.#room) this.#room.set_away(Boolean(away));
    else this.#waiting.push(() => this.setAway(away));
  }

  reconnect() {
    this.#room?.connect();
  }

  /** The ids of our messages that are not known to have been sent. */
  async close({ within = 5_000 } = {}) {
    this.#closed = true;
    await this.#ready.catch(() => {});
    const room = this.#room;
    this.#room = undefined;
    this.#stopInheriting();
    try {
      return room ? JSON.parse(await room.close(within)) : [];
    } finally {
      this.#store?.release();
    }
  }

  #asked() {
    if (!this.#room) throw new Error("the chat is closed, or not started yet");
    return this.#room;
  }

  #hear(told) {
    for (const one of told) this.#take(one);
  }

  #take(told) {
    switch (told.kind) {
      case "whole":
        Object.assign(this, { users: told.users, me: told.me, unread: told.read.unread });
        this.#setState(told.state);
        this.#messages = told.messages;
        return this.#changed("state", "users", "messages");
      case "state":
        this.#setState(told.state);
        return this.#changed("state");
      case "change":
        this.#apply(told.change);
        return this.#changed("messages");
      case "messages":
        this.#messages = told.messages;
        return this.#changed("messages");
      case "users":
        if (!told.users) return;
        this.users = told.users;
        return this.#changed("users");
      case "typing":
        this.typing = told.typing;
        return this.#changed("typing");
      case "read":
        this.unread = told.read.unread;
        return this.#changed("read");
      case "me":
        this.me = told.me;
        return this.#changed("me");
    }
  }

  #setState({ retryIn, ...state }) {
    this.state = Object.freeze(retryIn == null ? state : { ...state, retryAt: Date.now() + retryIn });
  }

  #apply({ do: what, at, from, to, count, message, messages }) {
    const all = [...this.#messages];
    if (what === "add") all.splice(at, 0, ...messages);
    else if (what === "update") all[at] = message;
    else if (what === "remove") all.splice(at, count);
    else if (what === "move") {
      all.splice(from, 1);
      all.splice(to, 0, message);
    }
    this.#messages = all;
  }

  #changed(...what) {
    this.messages = this.#messages;
    this.#snap();
    for (const type of [...what, "change"]) this.dispatchEvent(new Event(type));
  }

  /** Another one with each change, for what compares. */
  #snap() {
    this.snapshot = Object.freeze({ messages: this.messages, users: this.users, typing: this.typing, state: this.state, me: this.me, unread: this.unread });
  }
}

/** The rooms that the server lists. */
export async function rooms(url, { token } = {}) {
  const asked = new URL("api/rooms", new URL(url, globalThis.location?.href));
  asked.protocol = asked.protocol.replace(/^ws/, "http");
  const answer = await fetch(asked, token ? { headers: { authorization: `Bearer ${token}` } } : {});
  if (!answer.ok) throw new Error(`the server answers ${answer.status} to a question for its rooms`);
  const { rooms } = await answer.json();
  return rooms;
}
