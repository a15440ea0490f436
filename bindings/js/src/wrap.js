// What the WebAssembly needs of a socket beyond `WebSocket`'s interface.

/** The socket itself, changed where that is needed. `closing` gives the user's close code and reason once there are some. */
export function wrapped(socket, closing) {
  const close = socket.close;
  socket.close = (...args) => close.apply(socket, closing() ?? args);
  if (socket instanceof EventTarget && socket.constructor === globalThis.WebSocket && typeof process === "undefined") return socket;
  // Sockets of other makes may look at the bytes later, when the WebAssembly's memory has changed.
  const send = socket.send;
  socket.send = (data) => send.call(socket, typeof data === "string" ? data : data.slice());
  // One of npm's `ws` throws an error that nobody hears.
  socket.onerror ??= () => {};
  if (typeof socket.ping === "function") {
    const ping = socket.ping;
    socket.ping = (payload) => ping.call(socket, payload);
    socket.on("pong", (payload) => socket.onpong?.(new Uint8Array(payload)));
  }
  return socket;
}
