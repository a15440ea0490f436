// A client written with `ws`, driven line by line. Arguments: the URL, then subprotocols to offer.
// stdin:  text LINE | binary HEX | ping | close CODE REASON
// stdout: one JSON object per event: open, text, binary, pong, close, error, unexpected (a refused upgrade)
import { createInterface } from "node:readline";
import WebSocket from "ws";

const [url, ...protocols] = process.argv.slice(2);
const socket = new WebSocket(url, protocols);
const say = (event) => console.log(JSON.stringify(event));

socket.on("open", () => say({ event: "open", protocol: socket.protocol }));
socket.on("message", (data, isBinary) =>
  say(isBinary ? { event: "binary", hex: data.toString("hex") } : { event: "text", text: data.toString() }),
);
socket.on("pong", (data) => say({ event: "pong", text: data.toString() }));
socket.on("unexpected-response", (_, response) => say({ event: "unexpected", status: response.statusCode }));
socket.on("error", (error) => say({ event: "error", message: error.message }));
socket.on("close", (code, reason) => {
  say({ event: "close", code, reason: reason.toString() });
  process.exit(0);
});

createInterface({ input: process.stdin }).on("line", (line) => {
  const [word, ...rest] = line.split(" ");
  const argument = rest.join(" ");
  if (word === "text") socket.send(argument);
  else if (word === "binary") socket.send(Buffer.from(argument, "hex"));
  else if (word === "ping") socket.ping(argument);
  else if (word === "close") socket.close(Number(rest[0]), rest.slice(1).join(" "));
});
