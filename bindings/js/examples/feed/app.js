import { EverwireSocket } from "everwire";

const [banner, prices] = ["banner", "prices"].map((id) => document.getElementById(id));
const token = async () => "login"; // From your server, fresh for each connection.

const socket = new EverwireSocket(new URLSearchParams(location.search).get("server"), [], {
  textPings: ["ping", "pong"],
  retry: { minDelay: 200 },
  async onOpen(connection) {
    await connection.send(await token());
    const answer = await connection.receive();
    // Trying again would not help: the error ends the socket.
    if (answer !== "welcome") throw Object.assign(new Error(`the server says ${answer}`), { permanent: true });
  },
});

socket.addEventListener("statechange", () => {
  const { name, reason } = socket.state;
  banner.textContent = { connected: "live", connecting: "connecting …", disconnected: `offline: ${reason}` }[name] ?? name;
});

for await (const price of socket.messages()) {
  prices.append(Object.assign(document.createElement("li"), { textContent: price }));
}
