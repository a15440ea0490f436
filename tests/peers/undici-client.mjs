// A client written with `undici`, the built-in WebSocket of Node.js, with the commands of client.mjs. Argument: the URL.
import { WebSocket, ping } from "undici";
import { channel } from "node:diagnostics_channel";
import { drive, received, say } from "./client.mjs";

const socket = new WebSocket(process.argv[2]);
socket.binaryType = "arraybuffer";

socket.addEventListener("open", () => say({ event: "open", protocol: socket.protocol, extensions: socket.extensions }));
socket.addEventListener("message", ({ data }) => received(Buffer.from(data), typeof data !== "string"));
// Its interface is the browser's, which reports no pongs; Node.js publishes them for diagnosis only.
channel("undici:websocket:pong").subscribe(({ payload }) => say({ event: "pong", text: payload.toString() }));
socket.addEventListener("error", ({ message }) => say({ event: "error", message }));
socket.addEventListener("close", ({ code, reason }) => {
  say({ event: "close", code, reason });
  process.exit(0);
});

drive({
  send: (data, isBinary) => socket.send(isBinary ? data : data.toString()),
  ping: (text) => ping(socket, Buffer.from(text)),
  close: (code, reason) => socket.close(code, reason),
});
