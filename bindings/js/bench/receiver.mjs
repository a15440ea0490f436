// Counts the messages that come, JSON arrays as what is in them; `ws` or `socket.io`. Says when as many have come as it is asked for.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import readline from "node:readline";

const peers = createRequire(new URL("../../../benches/peers/package.json", import.meta.url));
let count = 0;
let wanted = Infinity;
const came = (more) => {
  count += more;
  if (count >= wanted) {
    wanted = Infinity;
    console.log(count);
  }
};
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  wanted = Number(line);
  came(0);
});

const http = createServer();
if (process.argv[2] === "socket.io") {
  const { Server } = peers("socket.io");
  new Server(http, { transports: ["websocket"] }).on("connection", (socket) => socket.on("message", () => came(1)));
} else {
  const { WebSocketServer } = peers("ws");
  const server = new WebSocketServer({ server: http });
  server.on("connection", (socket) => socket.on("message", (data) => came(data[0] === 0x5b ? JSON.parse(data).length : 1)));
}
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
