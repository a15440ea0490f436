import type { Data, EverwireSocket, NewConnection, Options, Outcome, SendOptions, State } from "./socket.js";

export interface UseEverwireOptions extends Options {
  protocols?: string | string[];
  /** Each message. May change with each rendering. */
  onMessage?(data: string | ArrayBuffer | Blob, event: MessageEvent): void;
  onOpen?(connection: NewConnection): void | Promise<void>;
  /** The class, from `everwire/inline` or `everwire/slim` instead of `everwire`. */
  Socket?: typeof EverwireSocket;
}

export interface UseEverwire {
  /** `null` before the component is mounted, and while there is no URL. */
  readonly socket: EverwireSocket | null;
  /** The component is rendered again when it changes. */
  readonly state: State;
  readonly connected: boolean;
  send(data: Data): void;
  deliver(data: Data, options?: SendOptions): Promise<Outcome>;
}

/**
 * A socket that lives as long as the component, or until its URL changes (`null`: none). Nothing connects while a page is
 * rendered on a server.
 */
export function useEverwire(url: string | URL | readonly (string | URL)[] | (() => string | URL | Promise<string | URL>) | null | undefined, options?: UseEverwireOptions): UseEverwire;

/** What `everwire/chat` makes, rendered again when something of it changes; `null` before the component is mounted. */
export function useChat<Room extends { readonly snapshot: unknown; close(options?: { within?: number }): Promise<unknown>; addEventListener(type: string, listener: () => void): void }>(
  make: () => Room,
  keys?: readonly unknown[],
): Room | null;
