import type { WebSocketConstructor } from "./socket.js";

/** How far a message has come. `sent`: the server has stored it. */
export type Status = "sending" | "sent" | "delivered" | "read" | "failed";

/** A message as the room shows it. Messages don't change: another status is another object. */
export interface ChatMessage {
  readonly id: string;
  readonly userId: string;
  readonly userName: string;
  readonly text: string;
  /** By the sender's clock, as `Date.now()` counts. */
  readonly timestamp: number;
  /** Whether it is ours. */
  readonly own: boolean;
  /** Of others' messages always `sent`. */
  readonly status: Status;
  /** Why it failed. */
  readonly failure: { kind: "rejected" | "dropped" | "cancelled" | "unknown"; reason: string; retryable: boolean } | null;
  /** Messages that belong right before this one and are not here: the server has them, or has removed them. */
  readonly missing: { kind: "unloaded" | "gone"; count: number } | null;
}

export interface ChatUser {
  readonly id: string;
  readonly name: string;
  readonly away: boolean;
}

export interface ChatState {
  readonly name: "connecting" | "connected" | "disconnected" | "closing" | "closed";
  /** In words, in English. */
  readonly reason?: string;
  readonly retryAt?: number;
}

export interface ChatOptions {
  /** The name that others see. */
  name: string;
  /** The room; at most 64 characters. Default: lobby. */
  room?: string;
  /** The user's id, the same on all devices and at every visit; at most 128 bytes. Default: a new one. */
  userId?: string;
  /** The token that a server with accounts or tokens requires: called before each attempt, with whether the last token was refused. */
  token?(refused: boolean): string | Promise<string>;
  /**
   * Keeps what waits in the browser's `localStorage` under this name, which is another for each user and room. Each tab has one of its own;
   * what a closed tab has left is sent by one that is open, or opens next. Default: none.
   */
  store?: string;
  /** Messages of ours that an earlier room of this user could not send, by its `failed()`: they are shown, and can be sent again. */
  failed?: readonly string[];
  /** What makes the connections. Default: the global `WebSocket`. With npm's `ws` pings of the protocol are the heartbeat. */
  WebSocket?: WebSocketConstructor;
  /** Messages that are kept; older ones are asked for by `loadEarlier`. Default: 1,000. */
  window?: number;
  /** Milliseconds before the second attempt. Default: 1,000. */
  minDelay?: number;
}

/** What has changed is told by the events `messages`, `users`, `typing`, `state`, `read`, `me`, and for each of them `change`. */
export class ChatRoom extends EventTarget {
  /** `url` is the server's `ws://HOST:PORT/ws`; it connects at once. */
  constructor(url: string | URL, options: ChatOptions);
  readonly room: string;
  /** Oldest first; another array with each change. */
  readonly messages: readonly ChatMessage[];
  /** Who is here besides us. */
  readonly users: readonly ChatUser[];
  /** Who is typing, by name. */
  readonly typing: readonly string[];
  readonly state: ChatState;
  readonly me: { readonly id?: string; readonly name: string };
  /** Messages of others that our user has not read on any device. */
  readonly unread: number;
  /** All of that; another object with each change. */
  readonly snapshot: object;
  /** Shown at once, sent when the network allows, and again until the server has it; a repeat is the same message. Resolves to its id; rejects if it breaks a limit or too many wait. */
  send(text: string): Promise<string>;
  /** Sends a failed message again. */
  retry(id: string): Promise<void>;
  /** Takes back a message that was not given to a connection, or deletes one that has failed; rejects if it may have arrived. */
  takeBack(id: string): Promise<void>;
  /** Messages of ours that have failed, to be kept by the program (each is a text of some 200 bytes) and given to a later room as its option `failed`. */
  failed(): string[];
  /** Asks for up to 100 messages that are missing; whether they are on their way. */
  loadEarlier(): boolean;
  /** The user has seen this message (the last one) and all before it. */
  markRead(id?: string): void;
  /** Tells the others that the user types, or has stopped; nothing without a connection. */
  setTyping(typing: boolean): void;
  /** Tells the others whether nobody looks at this page; holds until the next call. */
  setAway(away: boolean): void;
  /** Connects again after the connection has ended for good. */
  reconnect(): void;
  /** Sends what waits, for `within` milliseconds (5,000), and ends. Resolves to the ids of messages that are not known to have been sent. */
  close(options?: { within?: number }): Promise<string[]>;
}

export interface ListedRoom {
  readonly room: string;
  /** Users who are there. */
  readonly here: number;
  /** For its members only. */
  readonly closed: boolean;
}

/** The rooms that the server at this URL lists. */
export function rooms(url: string | URL, options?: { token?: string }): Promise<ListedRoom[]>;
