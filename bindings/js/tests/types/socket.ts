// Compiled, not run: what the types allow, and what they refuse.
import Default, { EverwireSocket, preload, type Undelivered, type Outcome, type State } from "everwire";
import { EverwireSocket as Inline } from "everwire/inline";
import { init } from "everwire/slim";
import Ws from "ws";

// Whatever takes a WebSocket takes it.
const socket: WebSocket = new EverwireSocket("wss://example.org/");
const takes = (given: WebSocket): void => given.close();
takes(new Default("wss://example.org/", ["chat"]));
takes(new Inline(["wss://one.example.org/", "wss://two.example.org/"]));
socket.onmessage = ({ data }: MessageEvent) => console.log(data);
socket.addEventListener("close", ({ code }) => console.log(code.toFixed()));

const full = new EverwireSocket(async () => `wss://example.org/?token=${await Promise.resolve("t")}`, null, {
  WebSocket: Ws,
  session: "prefer",
  textPings: ["ping", "pong"],
  outbox: { store: "orders", overflow: "drop-oldest" },
  retry: { minDelay: 100, jitter: "none", stopCodes: [4001] },
  heartbeat: { interval: 10_000 },
  async onOpen(connection) {
    await connection.send("login");
    const answer: string | Uint8Array = await connection.receive();
    if (answer !== "ok") throw new Error("denied");
  },
});

export async function use(): Promise<Undelivered> {
  await preload();
  await init(new URL("https://example.org/everwire.wasm"));
  const outcome: Outcome = await full.deliver(new Uint8Array(1), { ttl: 1_000, key: "k" });
  if (outcome.status === "rejected" && outcome.reason === "too-large") console.log(outcome.limit);
  for await (const message of full.messages()) console.log(typeof message === "string" ? message.length : "bytes");
  const state: State = full.state;
  if (state.name === "disconnected") console.log(state.retryAt - Date.now(), state.reason);
  full.addEventListener("recovered", ({ outcome }) => outcome.then(({ status }) => status));
  return full.finish({ within: 1_000 });
}

new EverwireSocket("wss://example.org/", () => ["v2", "v1"], { outbox: { store: "a", storage: "indexedDB" } });
new EverwireSocket("wss://example.org/", async ({ attempt } = { attempt: 1 }) => (attempt > 1 ? "v1" : null), { outbox: { store: "a", storage: localStorage } });

// @ts-expect-error There is no such policy.
new EverwireSocket("wss://example.org/", [], { outbox: { overflow: "explode" } });
// @ts-expect-error A state does not change.
full.state = { name: "closing" };
// @ts-expect-error An outcome has a status that is one of these.
const wrong: Outcome = { status: "sent" };
void wrong;
