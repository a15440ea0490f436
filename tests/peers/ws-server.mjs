// A server written with `ws`. It echoes every message, and runs a text message that starts with "!" as a command:
//   !close CODE REASON   close with that code
//   !fragment TEXT       answer TEXT in three fragments with a ping between them
//   !ping TEXT           send a ping
// A line "terminate" on its standard input drops all connections without a close frame.
// Prints its port on the first line, then one JSON object per event: open, pong, close.
import { createInterface } from "node:readline";
import { WebSocketServer } from "ws";

const say = (event) => console.log(JSON.stringify(event));
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  perMessageDeflate: true,
  handleProtocols: (offered) => (offered.has("chat.v2") ? "chat.v2" : false),
});
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket) => {
  say({ event: "open", extensions: socket.extensions });
  socket.on("pong", (data) => say({ event: "pong", text: data.toString() }));
  socket.on("close", (code, reason) => say({ event: "close", code, reason: reason.toString() }));
  socket.on("message", (data, isBinary) => {
    const text = isBinary ? "" : data.toString();
    if (text.startsWith("!close ")) {
      const [, code, ...reason] = text.split(" ");
      socket.close(Number(code), reason.join(" "));
    } else if (text.startsWith("!fragment ")) {
      const [a, b, c] = thirds(text.slice("!fragment ".length));
      socket.send(a, { fin: false });
      socket.ping("between");
      socket.send(b, { fin: false });
      socket.send(c, { fin: true });
    } else if (text.startsWith("!ping ")) {
      socket.ping(text.slice("!ping ".length));
    } else {
      socket.send(data, { binary: isBinary });
    }
  });
});

createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "terminate") server.clients.forEach((socket) => socket.terminate());
});

function thirds(text) {
  const third = Math.ceil(text.length / 3);
  return [text.slice(0, third), text.slice(third, 2 * third), text.slice(2 * third)];
}
