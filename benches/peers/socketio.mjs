// Socket.IO, in its fastest use for many messages: `server`, or one measurement of acknowledged messages.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const MESSAGES = 100_000;
const IN_FLIGHT = 1024;

const [role, address] = process.argv.slice(2);
if (role === "server") serve();
else await send(role === "one-way-32" ? 32 : 128);

function serve() {
  const http = createServer();
  const server = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
  server.on("connection", (socket) => socket.on("message", (_payload, acknowledge) => acknowledge()));
  http.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${http.address().port}`));
}

async function send(bytes) {
  const socket = io(`ws://${address}`, { transports: ["websocket"] });
  await new Promise((connected) => socket.on("connect", connected));
  const payload = "x".repeat(bytes);
  let [sent, acknowledged] = [0, 0];
  const started = process.hrtime.bigint();
  await new Promise((done) => {
    const next = () => {
      sent += 1;
      socket.emit("message", payload, () => {
        acknowledged += 1;
        if (sent < MESSAGES) next();
        if (acknowledged === MESSAGES) done();
      });
    };
    for (let first = 0; first < IN_FLIGHT; first += 1) next();
  });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  console.log(`${MESSAGES / seconds / 1e6} 0`);
  socket.close();
}
