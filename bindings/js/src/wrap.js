// What the WebAssembly needs of a socket beyond `WebSocket`'s interface.

/** The socket itself, changed where that is needed. `closing` gives the user's close code and reason once there are some. */
export function wrapped(socket, closing) {
  const close = socket.close;
  socket.close = (...args) => close.apply(socket, closing() ?? args);
  if (socket instanceof EventTarget && socket.constructor === globalThis.WebSocket && typeof process === "undefined") return socket;
  // Sockets of other makes may look at the bytes later, when the WebAssembly's memory has changed.
  const send = socket.send;
  const gather = gathering(socket);
  socket.send = (data) => {
    gather(data.length);
    send.call(socket, typeof data === "string" ? data : data.slice());
  };
  // One of npm's `ws` throws an error that nobody hears.
  socket.onerror ??= () => {};
  if (socket.listenerCount?.("unexpected-response") === 0) {
    socket.on("unexpected-response", (_, { statusCode, headers }) => {
      Object.assign(socket, { refusedWith: statusCode, retryAfter: /^\d+$/.test(headers["retry-after"]) ? Number(headers["retry-after"]) : undefined });
      socket.terminate();
    });
  }
  if (typeof socket.ping === "function") {
    const ping = socket.ping;
    socket.ping = (payload) => ping.call(socket, payload);
    socket.on("pong", (payload) => socket.onpong?.(new Uint8Array(payload)));
  }
  return socket;
}

/** So many bytes go to the operating system together. */
const TOGETHER = 32 << 10;

/** What is sent in one turn by npm's `ws` goes out with few system calls, where it would take one for each message. */
function gathering(socket) {
  let bytes = 0;
  let stream;
  let waits = false;
  const drained = () => {
    waits = false;
    socket.ondrain?.();
  };
  const release = () => {
    stream?.uncork();
    // Too much for now: who waits for room is told when there is some.
    if (stream?.writableNeedDrain && !waits) {
      waits = true;
      stream.once("drain", drained);
    }
    stream = undefined;
    bytes = 0;
  };
  return (more) => {
    if (bytes > TOGETHER) release();
    bytes += more;
    if (stream || !socket._socket?.cork) return;
    stream = socket._socket;
    stream.cork();
    queueMicrotask(release);
  };
}
