/** What can be sent. Bytes are copied at once. */
export type Data = string | ArrayBufferLike | ArrayBufferView | Blob;

/** The one outcome of a message. */
export type Outcome =
  /** The server's application has processed it (sessions only). */
  | { status: "acknowledged" }
  /** The server's endpoint has read it: a pong, or the answer to a text ping, proves that. */
  | { status: "received" }
  /** Its time to live was over before a connection was given it. */
  | { status: "expired" }
  /** It certainly never arrived: a setting of yours dropped it. `conflated`: a newer one with its key took its place. */
  | { status: "dropped"; reason: "oldest" | "newest" | "lowest-priority" | "conflated" | "not-connected" }
  /** The server refuses it each time it is sent, with this close code. */
  | { status: "rejected"; reason: "peer-refuses"; code: number }
  /** The server of the session takes no message above so many bytes. */
  | { status: "rejected"; reason: "too-large"; limit: number }
  /** It certainly never arrived: the socket was closed first. */
  | { status: "cancelled" }
  /** It may or may not have arrived; nothing more can be known. */
  | { status: "unknown"; stage: "queued" | "written" }
  /** It is kept in the outbox's store, for the next page. */
  | { status: "stored" };

/** Where a socket stands. Frozen; the event `statechange` says that there is another. */
export type State =
  /** An attempt is under way: its number since the last useful connection, from 1. */
  | { readonly name: "connecting"; readonly attempt: number }
  /** Open. `unproven`: the server answers no pings, so nothing proves what arrives. */
  | { readonly name: "connected"; readonly protocol?: string; readonly unproven?: true }
  /** It waits for the next attempt, which starts at `retryAt` (as `Date.now()` counts). */
  | { readonly name: "disconnected"; readonly attempt: number; readonly retryAt: number; readonly cause: Cause; readonly code?: number; readonly reason: string }
  /** What was sent is flushed, and the connection is being closed. */
  | { readonly name: "closing" }
  /** The end, or disconnected by you: nothing more happens before `reconnect()`. */
  | { readonly name: "closed"; readonly cause: Cause; readonly code?: number; readonly reason?: string; readonly attempt?: number };

/**
 * Why a connection or an attempt ended. `dead`: the server gave no sign of life; `hook`: the URL's function or `onOpen` failed;
 * `bye` and `superseded`: sessions; `unread`: nobody took the messages; `engine`: the WebAssembly could not be started.
 */
export type Cause =
  | "initial" | "user" | "peer-closed" | "lost" | "dead" | "open-failed" | "timeout" | "hook" | "no-session" | "bye" | "superseded" | "unread" | "engine" | "other";

/** For one message. */
export interface SendOptions {
  /** Milliseconds that it may wait for a connection. Default: for ever. */
  ttl?: number;
  /** Default: normal. */
  priority?: "high" | "low";
  /** Of waiting messages with one key only the latest is sent, in the place of the first. */
  key?: string;
}

/** A connection that has just opened, in the hands of `onOpen`. One call at a time. */
export interface NewConnection {
  /** Number of the attempt since the last useful connection, from 1. */
  readonly attempt: number;
  /** The subprotocol that the server chose, or "". */
  readonly protocol: string;
  /** Resolves when the message is written; rejects when the connection has ended. */
  send(data: string | ArrayBuffer | Uint8Array): Promise<void>;
  /** The next message from the server; rejects when the connection has ended. */
  receive(): Promise<string | Uint8Array>;
}

/** A place for texts by their names, at once or by promises. `setItem` replaces a text as a whole or not at all. */
export interface Storage {
  getItem(name: string): string | null | undefined | Promise<string | null | undefined>;
  setItem(name: string, text: string): void | Promise<void>;
}

/** What makes the connections: the global `WebSocket`'s interface. */
export type WebSocketConstructor = new (url: string, protocols?: string | string[]) => unknown;

/** All times in milliseconds. */
export interface Options {
  /**
   * What makes the connections. Default: the global `WebSocket`. With npm's `ws` pings of the protocol are the heartbeat and
   * the evidence; the global one can't ping.
   */
  WebSocket?: WebSocketConstructor;
  /**
   * A session over any number of connections, with a server that speaks `everwire.v1`: each message is processed once and in
   * order, both ways. `true` is "require"; "prefer" takes a plain connection where the server speaks no sessions.
   * Default: none.
   */
  session?: boolean | "require" | "prefer";
  /** A text that the server answers by another, each time: the heartbeat and the evidence where pings can't be sent. Default: none. */
  textPings?: [ping: string, pong: string] | { ping: string; pong: string };
  /**
   * Has each new connection to itself before anything that waits is sent: the place to log in and subscribe. If it fails, the
   * attempt has failed; an error with a true property `permanent` ends the socket. Not with a session.
   */
  onOpen?(connection: NewConnection): void | Promise<void>;
  /** What happens to messages whose arrival a lost connection leaves unproven. Default: "at-most-once", with a stored outbox "at-least-once". */
  guarantee?: "at-most-once" | "at-least-once" | "unproven";
  outbox?: {
    /**
     * Keeps what waits under this name, so that it survives reloads. Each tab has an outbox of its own; what a closed tab has left is sent by one
     * that is open, or opens next. Needs a session, text pings or `ws`. Default: none.
     */
    store?: string;
    /**
     * Where: `localStorage` has it at once, and room for some 5 MB; `indexedDB` has room for much more, and a message is kept a few
     * milliseconds after `send`. A storage of your own (a file, React Native's AsyncStorage) is used by one socket at a time. Default: "localStorage".
     */
    storage?: "localStorage" | "indexedDB" | Storage;
    /** Most messages in the outbox, waiting or not yet proven. Default: 65,536. */
    maxMessages?: number;
    /** Most bytes of their payloads. Default: 16 MiB. */
    maxBytes?: number;
    /** What happens to a message for which there is no room. Default: "reject". */
    overflow?: "reject" | "drop-oldest" | "drop-newest" | "drop-lowest-priority";
    /** Milliseconds that messages may wait for a connection; older ones end as `expired`. Default: for ever. */
    maxAge?: number;
    /** Each message that an earlier page has left, with what becomes of it. The event `recovered` tells the same. */
    onRecovered?(data: string | Uint8Array, outcome: Promise<Outcome>): void;
  };
  retry?: {
    /** The delay before the second attempt, before jitter. Default: 1,000. Shorter: many clients may overload a server that starts. */
    minDelay?: number;
    /** The longest delay between two attempts, before jitter. Default: 10,000. Longer: the socket is back that much later after an outage. */
    maxDelay?: number;
    /** What the delay is multiplied by after each attempt that fails, at least 1. Default: 1.3. */
    factor?: number;
    /** Default: "full": anything between nothing and the delay, so that many clients don't come at once. */
    jitter?: "full" | "none";
    /** Attempts in a row without a useful connection, after which it gives up. Default: no limit. */
    maxAttempts?: number;
    /** Milliseconds without a useful connection, after which it gives up. Default: no limit. */
    maxElapsed?: number;
    /** What happens when the server closes with 1000, which some do when they restart. Default: "end". */
    onNormalClose?: "end" | "reconnect";
    /**
     * Close codes (and HTTP statuses, which npm's `ws` tells) after which it tries again in any case, and those after which it never does.
     * Default: by what each says.
     */
    retryCodes?: number[];
    stopCodes?: number[];
  };
  /** Silence before a ping, and further silence before the connection counts as dead. `false`: no heartbeat. Default: 25,000 and 10,000, where something answers. */
  heartbeat?: false | { interval?: number; timeout?: number };
  /** Received messages that wait for `messages()` before the connection is not read any more. Default: 1,024 and 16 MiB. */
  inbox?: { maxMessages?: number; maxBytes?: number };
  /** Milliseconds for one attempt, from the URL's function to the end of `onOpen`. Default: 10,000. Too short on a slow network: none succeeds. */
  connectTimeout?: number;
  /** Most messages a second, on average. Default: no limit. */
  sendRate?: number;
  /** Puts texts that are JSON objects and come within so many milliseconds into one JSON array. Default: off. */
  batchWindow?: number;
  /** Connects at the first `reconnect()`, and not before. Default: false. */
  startClosed?: boolean;

  // As partysocket and reconnecting-websocket name them.
  /** `connectTimeout`. */
  connectionTimeout?: number;
  /** `retry.minDelay`. */
  minReconnectionDelay?: number;
  /** `retry.maxDelay`. */
  maxReconnectionDelay?: number;
  /** `retry.factor`. */
  reconnectionDelayGrowFactor?: number;
  /** `retry.maxAttempts`, less one. */
  maxRetries?: number;
  /** `outbox.maxMessages`. */
  maxEnqueuedMessages?: number;
}

/** What a function for the URL or the subprotocols is asked for. */
export interface Attempt {
  /** From 1 since the last useful connection. */
  attempt: number;
  /** Why the last one ended, in words. */
  cause?: string;
}

/** Subprotocols: one, several, or none. */
export type Protocols = string | readonly string[] | null | undefined;

/** What is left when a socket has finished: nothing, if all went well. */
export interface Undelivered {
  /** Messages that were not sent. */
  unsent: number;
  /** Messages that were sent and are not proven to have arrived. */
  unacknowledged: number;
}

export interface EverwireSocketEventMap extends WebSocketEventMap {
  /** `state` is another. */
  statechange: Event;
  /** A session began ("new"), went on ("resumed") or could not ("lost"). */
  session: Event & { readonly detail: "new" | "resumed" | "lost" };
  /** The outbox could not be stored; messages wait until it can. */
  store: Event & { readonly detail: string };
  /** A message that an earlier page has left in the outbox, with what becomes of it. */
  recovered: Event & { readonly data: string | Uint8Array; readonly outcome: Promise<Outcome> };
}

/**
 * A `WebSocket` that comes back, and says what became of each message.
 *
 * It is used as a `WebSocket` is, with these differences: `send` before the connection is there queues; `open`, `close` and
 * `error` come once for each connection; after a `close` event `readyState` is CONNECTING, as long as it tries again, and
 * CLOSED only at the end.
 */
export class EverwireSocket extends EventTarget implements WebSocket {
  /**
   * Connects at once.
   * @param url A URL; several, of which the next follows one that fails; or a function that is asked before each attempt.
   * @param protocols Subprotocols to offer, the preferred one first; or a function that is asked before each attempt.
   * @throws SyntaxError (a DOMException) for a URL or a subprotocol that is not valid.
   */
  constructor(url: string | URL | readonly (string | URL)[] | ((attempt?: Attempt) => string | URL | Promise<string | URL>), protocols?: Protocols | ((attempt?: Attempt) => Protocols | Promise<Protocols>), options?: Options);

  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;

  /** The URL of the connection, or of the first attempt. */
  readonly url: string;
  readonly readyState: WebSocket["readyState"];
  /** The subprotocol that the server chose, or "". */
  readonly protocol: string;
  readonly extensions: string;
  /** Payload bytes that the network has not been given, over all connections. */
  readonly bufferedAmount: number;
  binaryType: BinaryType;
  /** Where it stands. */
  readonly state: State;
  /** Attempts since the last useful connection, but the first. */
  readonly retryCount: number;
  /** Milliseconds to the server and back, smoothed; `undefined` before something was measured. */
  readonly roundTrip: number | undefined;

  onopen: ((this: WebSocket, event: Event) => unknown) | null;
  onmessage: ((this: WebSocket, event: MessageEvent) => unknown) | null;
  onerror: ((this: WebSocket, event: Event) => unknown) | null;
  onclose: ((this: WebSocket, event: CloseEvent) => unknown) | null;
  onstatechange: ((this: EverwireSocket, event: Event) => unknown) | null;

  /** Sends in order, when there is a connection. An `error` event tells what the outbox has no room for. */
  send(data: Data): void;
  /** Sends, and resolves to what became of it. Rejects if the outbox has no room (`code` "full" or "too-large"). */
  deliver(data: Data, options?: SendOptions): Promise<Outcome>;
  /** Closes for good: within 2 s what was sent goes out, if there is a connection. */
  close(code?: number, reason?: string): void;
  /** Closes for good, and waits until what was sent is proven to have arrived, or for `within` milliseconds (default 10,000). */
  finish(options?: { within?: number; code?: number; reason?: string }): Promise<Undelivered>;
  /** Takes a new connection: at once where it waits for one, and also after `disconnect()` and after the end. A session moves without a gap. */
  reconnect(code?: number, reason?: string): void;
  /**
   * Closes the connection once what was sent has gone out (within 2 s), and stays away until `reconnect()`. What is sent meanwhile
   * waits: `readyState` is CONNECTING, and `state.name` is "closed". A session can be resumed as long as its server keeps it.
   */
  disconnect(code?: number, reason?: string): void;
  /**
   * The messages, instead of events, with back-pressure: what is not asked for waits, and then the server does. In a session a
   * message counts as processed when the next one is asked for. Leaving the loop goes back to events.
   */
  messages(): AsyncIterableIterator<string | ArrayBuffer | Blob>;

  addEventListener<K extends keyof EverwireSocketEventMap>(type: K, listener: (this: WebSocket, event: EverwireSocketEventMap[K]) => unknown, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof EverwireSocketEventMap>(type: K, listener: (this: WebSocket, event: EverwireSocketEventMap[K]) => unknown, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

/** Loads the engine before the first socket needs it. */
export function preload(): Promise<unknown>;
