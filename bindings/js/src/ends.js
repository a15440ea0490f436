// Close events where Node.js has none.

/** Node.js has it from version 23 on. */
export const Closing =
  globalThis.CloseEvent ??
  class CloseEvent extends Event {
    constructor(type, { code = 0, reason = "", wasClean = false } = {}) {
      super(type);
      Object.assign(this, { code, reason, wasClean });
    }
  };

/**
 * Node.js 22's own WebSocket tells an opening that has failed by "error" alone and stays CONNECTING, where the standard has a "close"
 * behind it: that is told here.
 */
export function withItsEnd(socket) {
  socket.addEventListener?.("error", () => {
    if (socket.readyState === 0 && socket instanceof EventTarget) queueMicrotask(() => socket.dispatchEvent(new Closing("close", { code: 1006 })));
  });
  return socket;
}
