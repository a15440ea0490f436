import { EverwireSocket } from "everwire";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

const NONE = Object.freeze({ name: "closed", cause: "initial" });

/**
 * A socket that lives as long as the component, or until its URL changes. What is in the other options counts when it is made;
 * handlers may change with each rendering.
 */
export function useEverwire(url, options = {}) {
  const { protocols, onMessage, onOpen, Socket = EverwireSocket, ...more } = options;
  const latest = useRef();
  latest.current = { onMessage, onOpen };
  const [socket, setSocket] = useState(null);
  // An array or a function is another with each rendering; what it says is what counts.
  const key = typeof url === "function" ? "function" : String(url);

  useEffect(() => {
    if (url === null || url === undefined) return undefined;
    const given = { ...more };
    if (onOpen) given.onOpen = (connection) => latest.current.onOpen?.(connection);
    const made = new Socket(typeof url === "function" ? (attempt) => url(attempt) : url, protocols, given);
    made.addEventListener("message", (event) => latest.current.onMessage?.(event.data, event));
    setSocket(made);
    return () => {
      made.close();
      setSocket(null);
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [key, Socket]);

  const subscribe = useCallback(
    (changed) => {
      socket?.addEventListener("statechange", changed);
      return () => socket?.removeEventListener("statechange", changed);
    },
    [socket],
  );
  const state = useSyncExternalStore(subscribe, () => socket?.state ?? NONE, () => NONE);
  const send = useCallback((data) => socket?.send(data), [socket]);
  const deliver = useCallback(async (data, options) => (socket ? socket.deliver(data, options) : { status: "cancelled" }), [socket]);
  return { socket, state, connected: state.name === "connected", send, deliver };
}

/** A room of `everwire/chat`, rendered again when something of it changes. */
export function useChat(make, keys = []) {
  const [room, setRoom] = useState(null);
  useEffect(() => {
    const made = make();
    setRoom(made);
    return () => {
      made.close({ within: 0 });
      setRoom(null);
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, keys);
  const subscribe = useCallback(
    (changed) => {
      room?.addEventListener("change", changed);
      return () => room?.removeEventListener("change", changed);
    },
    [room],
  );
  return useSyncExternalStore(subscribe, () => room?.snapshot ?? null, () => null) && room;
}
