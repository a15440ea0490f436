// Socket.IO's requests with a reply: `server`, or a client with this many calls in flight.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const PAYLOAD = "a payload, thirty-two bytes long";
const [role, address, inFlight, count] = process.argv.slice(2);
if (role === "server") serve();
else await call(Number(inFlight), Number(count));

function serve() {
  const http = createServer();
  const server = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
  server.on("connection", (socket) => socket.on("echo", (payload, reply) => reply(payload)));
  http.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${http.address().port}`));
}

async function call(inFlight, count) {
  const socket = io(`ws://${address}`, { transports: ["websocket"] });
  await new Promise((connected) => socket.on("connect", connected));
  for (let warm = 0; warm < 100; warm += 1) await socket.emitWithAck("echo", PAYLOAD);
  const times = [];
  const before = process.cpuUsage();
  const caller = async () => {
    for (let call = 0; call < Math.floor(count / inFlight); call += 1) {
      const started = process.hrtime.bigint();
      if ((await socket.emitWithAck("echo", PAYLOAD)) !== PAYLOAD) throw new Error("a wrong reply");
      times.push(Number(process.hrtime.bigint() - started) / 1e3);
    }
  };
  const started = process.hrtime.bigint();
  await Promise.all(Array.from({ length: inFlight }, caller));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  times.sort((one, other) => one - other);
  const at = (part) => times[Math.floor(times.length * part)];
  const { user, system } = process.cpuUsage(before);
  console.log(`${times.length / seconds} ${at(0.5)} ${at(0.99)} ${(user + system) / times.length}`);
  socket.close();
}
