// A client written with `undici`, the WebSocket that Node.js has built in, driven as client.mjs says. Argument: the URL.
import { WebSocket, ping } from "undici";
import { channel } from "node:diagnostics_channel";
import { drive, received, say } from "./client.mjs";

const socket = new WebSocket(process.argv[2]);
socket.binaryType = "arraybuffer";

socket.addEventListener("open", () => say({ event: "open", protocol: socket.protocol, extensions: socket.extensions }));
socket.addEventListener("message", ({ data }) => received(Buffer.from(data), typeof data !== "string"));
// Its interface is the browser's, which knows no pongs; they are told for diagnosis only.
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
