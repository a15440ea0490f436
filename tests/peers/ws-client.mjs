// A client written with `ws`, with the commands of client.mjs. Arguments: the URL, then subprotocols to offer.
import WebSocket from "ws";
import { drive, received, say } from "./client.mjs";

const [url, ...protocols] = process.argv.slice(2);
const socket = new WebSocket(url, protocols);

socket.on("open", () => say({ event: "open", protocol: socket.protocol, extensions: socket.extensions }));
socket.on("message", received);
socket.on("pong", (data) => say({ event: "pong", text: data.toString() }));
socket.on("unexpected-response", (_, response) => say({ event: "unexpected", status: response.statusCode }));
socket.on("error", (error) => say({ event: "error", message: error.message }));
socket.on("close", (code, reason) => {
  say({ event: "close", code, reason: reason.toString() });
  process.exit(0);
});

drive({
  send: (data, isBinary) => socket.send(data, { binary: isBinary }),
  ping: (text) => socket.ping(text),
  close: (code, reason) => socket.close(code, reason),
});
