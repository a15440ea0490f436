// A reconnecting client for Node.js at its defaults: sends a number every 10 ms until it is told to stop, and prints how many it
// has sent, and when it noticed that its connection was lost. Or `server`: prints what Socket.IO receives.
import { createServer } from "node:http";
import readline from "node:readline";
import PartySocket from "partysocket/ws";
import ReconnectingWebSocket from "reconnecting-websocket";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import WebSocket from "ws";

const EVERY_MS = 10;

const [role, address] = process.argv.slice(2);
if (role === "server") serve();
else run(connect(role));

function serve() {
  const http = createServer();
  const server = new Server(http, { transports: ["websocket"] });
  server.on("connection", (socket) =>
    socket.on("message", (number, acknowledge) => {
      console.log(number);
      acknowledge?.();
    }),
  );
  http.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${http.address().port}`));
}

function connect(name) {
  switch (name) {
    case "reconnecting-websocket":
      return plain(new ReconnectingWebSocket(`ws://${address}`, [], { WebSocket }));
    case "partysocket":
      return plain(new PartySocket(`ws://${address}`, [], { WebSocket }));
    case "socket.io":
      return socketIo({});
    case "socket.io-retries":
      return socketIo({ retries: 1000, ackTimeout: 10_000 });
    default:
      throw new Error(`there is no client ${name}`);
  }
}

function plain(socket) {
  socket.addEventListener("close", () => console.log("noticed"));
  socket.addEventListener("error", () => {});
  return { opened: (then) => socket.addEventListener("open", then, { once: true }), say: (text) => socket.send(text) };
}

function socketIo(options) {
  const socket = io(`ws://${address}`, { transports: ["websocket"], ...options });
  socket.on("disconnect", () => console.log("noticed"));
  const acknowledged = options.retries ? [() => {}] : [];
  return { opened: (then) => socket.once("connect", then), say: (text) => socket.emit("message", text, ...acknowledged) };
}

function run({ opened, say }) {
  let said = 0;
  opened(() => {
    const timer = setInterval(() => say(String((said += 1))), EVERY_MS);
    readline.createInterface({ input: process.stdin }).once("line", () => {
      clearInterval(timer);
      console.log(`said ${said}`);
    });
  });
}
