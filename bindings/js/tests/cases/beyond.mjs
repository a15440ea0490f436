// What `EverwireSocket` does beyond `WebSocket`'s interface.
import { equal, event, log, ok, until } from "./harness.mjs";

const PINGS = { textPings: ["ping", "pong"] };

export default [
  ["deliver tells that a server which answers texts has received a message", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, ...PINGS });
    equal(await socket.deliver("text"), { status: "received" });
    equal(await socket.deliver(Uint8Array.of(1)), { status: "received" });
    equal(await socket.deliver(new Blob(["blob"])), { status: "received" });
    ok(socket.roundTrip > 0, "a round trip is measured");
    socket.close();
  }],
  ["the answers to text pings are no messages", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, ...PINGS });
    const told = log(socket);
    await socket.deliver("text");
    await socket.deliver("more");
    equal(told.filter((one) => one.startsWith("message")), ["message:text", "message:more"]);
    socket.close();
  }],
  ["what a lost connection leaves unproven is unknown, or sent again if it is to arrive at least once", async ({ EverwireSocket, url, options }) => {
    for (const [guarantee, outcome] of [["at-most-once", { status: "unknown", stage: "written" }], ["at-least-once", { status: "received" }]]) {
      const socket = new EverwireSocket(url("/close-first", "&code=1012"), [], { ...options, ...PINGS, guarantee });
      const delivery = socket.deliver("first");
      equal(await (guarantee === "at-most-once" ? Promise.race([delivery, event(socket, "open").then(() => delivery)]) : delivery).then(({ status }) => ["unknown", "received"].includes(status)), true);
      if (guarantee === "at-least-once") equal(await delivery, outcome);
      socket.close();
    }
  }],
  ["a message has a time to live, a priority and a key", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/flaky", "&times=3"), [], { ...options, ...PINGS });
    const outcomes = [
      socket.deliver("too late", { ttl: 1 }),
      socket.deliver("old price", { key: "price" }),
      socket.deliver("low", { priority: "low" }),
      socket.deliver("new price", { key: "price" }),
      socket.deliver("high", { priority: "high" }),
    ];
    equal(await Promise.all(outcomes), [{ status: "expired" }, { status: "dropped", reason: "conflated" }, { status: "received" }, { status: "received" }, { status: "received" }]);
    equal((await told(id)).messages.filter((text) => text !== "ping"), ["high", "new price", "low"]);
    socket.close();
  }],
  ["closing cancels what can't be sent, and finish says how much that is", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/refuse"), [], options);
    const delivery = socket.deliver("never");
    await event(socket, "close");
    equal(await socket.finish({ within: 50 }), { unsent: 1, unacknowledged: 0 });
    equal(await delivery, { status: "cancelled" });
    equal(socket.readyState, 3);
    equal(await socket.deliver("after"), { status: "cancelled" });
  }],
  ["finish waits for the evidence", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, ...PINGS });
    const deliveries = Array.from({ length: 50 }, (_, at) => socket.deliver(`${at}`));
    equal(await socket.finish({ within: 5_000 }), { unsent: 0, unacknowledged: 0 });
    equal((await Promise.all(deliveries)).filter(({ status }) => status === "received").length, 50);
    equal((await told(id)).messages.filter((text) => text !== "ping").length, 50);
  }],
  ["messages are iterated over with back-pressure, and go on as events afterwards", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/flood", "&count=3000"), [], { ...options, inbox: { maxMessages: 100 } });
    const seen = [];
    const told = log(socket);
    for await (const message of socket.messages()) {
      seen.push(message);
      if (seen.length % 500 === 0) await new Promise((waited) => setTimeout(waited, 5));
      if (seen.length < 2_000) continue;
      equal(told.filter((one) => one.startsWith("message")), []);
      break;
    }
    await until(() => told.length === 1_001);
    equal([seen[0], seen.at(-1), told[1], told.at(-1)], ["0", "1999", "message:2000", "message:2999"]);
    socket.close();
  }],
  ["iterating ends with the socket", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/hello"), [], options);
    const seen = [];
    for await (const message of socket.messages()) {
      seen.push(message);
      socket.close();
    }
    equal(seen, ["hello"]);
  }],
  ["a hook logs in on each connection before anything else is sent", async ({ EverwireSocket, url, options, id, told, cut }) => {
    const socket = new EverwireSocket(url("/login"), [], {
      ...options,
      async onOpen(connection) {
        await connection.send("login");
        equal(await connection.receive(), "welcome");
      },
    });
    socket.send("first");
    const heard = log(socket);
    await until(() => heard.includes("message:first"));
    const closed = event(socket, "close");
    await cut(id);
    await closed;
    socket.send("second");
    await until(() => heard.includes("message:second"));
    equal((await told(id)).messages, ["login", "first", "login", "second"]);
    equal(heard.filter((one) => one !== "error"), ["open", "message:first", "close:1006", "open", "message:second"]);
    socket.close();
  }],
  ["a hook that fails is tried again, and one that fails for good ends it", async ({ EverwireSocket, url, options, id, told }) => {
    let times = 0;
    const socket = new EverwireSocket(url("/echo"), [], {
      ...options,
      onOpen() {
        times += 1;
        throw Object.assign(new Error(`attempt ${times}`), { permanent: times === 3 });
      },
    });
    await until(() => socket.readyState === 3);
    equal([times, socket.state.reason.includes("attempt 3"), (await told(id)).connections], [3, true, 3]);
  }],
  ["the next address follows one that fails, and stays", async ({ EverwireSocket, url, options, id, told, cut }) => {
    const socket = new EverwireSocket([url("/refuse"), url("/echo")], [], options);
    await event(socket, "open");
    equal(socket.state.name, "connected");
    const again = event(socket, "open");
    await cut(id);
    await again;
    equal((await told(id)).connections, 3);
    socket.close();
  }],
  ["disconnect stays away until reconnect, and what is sent meanwhile waits", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    const heard = log(socket);
    await event(socket, "open");
    socket.send("before");
    await until(() => heard.includes("message:before"));
    socket.disconnect(4000, "lunch");
    const { readyState, state } = await event(socket, "close").then(() => socket);
    equal([readyState, state.name, state.cause], [0, "closed", "user"]);
    const waits = socket.deliver("waits");
    // The network is there again: that is no reason to come back.
    if (options.WebSocket === undefined) globalThis.dispatchEvent(new Event("online"));
    await new Promise((waited) => setTimeout(waited, 100));
    equal((await told(id)).connections, 1);
    socket.reconnect();
    await waits;
    await until(async () => (await told(id)).messages.length === 2);
    equal([(await told(id)).messages, (await told(id)).closes[0]], [["before", "waits"], [4000, "lunch"]]);
    await until(() => heard.includes("message:waits"));
    equal(heard, ["open", "message:before", "close:4000", "open", "message:waits"]);
    socket.close();
    await event(socket, "close");
    equal(socket.readyState, 3);
  }],
  ["disconnect and reconnect in one turn take a new connection", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    const heard = log(socket);
    await event(socket, "open");
    await socket.deliver("here");
    socket.disconnect();
    socket.reconnect();
    const again = socket.deliver("again");
    await event(socket, "open");
    await again;
    await until(() => heard.includes("message:again"));
    equal([heard.filter((one) => one === "open").length, (await told(id)).connections], [2, 2]);
    socket.close();
  }],
  ["what is asked of a socket as soon as it opens is done in order, though the engine may not be there yet", async ({ EverwireSocket, url, options, id, told }) => {
    const [one, other] = ["&of=one", "&of=other"].map((more) => new EverwireSocket(url("/echo", more), [], options));
    const heard = [log(one), log(other)];
    one.onopen = () => one.disconnect(4001, "one");
    other.onopen = () => {
      other.onopen = null;
      other.reconnect(4002, "other");
    };
    await until(() => one.state.name === "closed" && heard[1].length === 3);
    equal(heard, [["open", "close:4001"], ["open", "close:4002", "open"]]);
    await until(async () => (await told(id)).closes.length === 2);
    equal((await told(id)).closes.sort(), [[4001, "one"], [4002, "other"]]);
    one.close();
    other.close();
  }],
  ["disconnect while it connects, or waits for the next attempt, ends that", async ({ EverwireSocket, url, options, id, told }) => {
    const early = new EverwireSocket(url("/echo"), [], options);
    early.disconnect();
    const waits = early.deliver("waits");
    await until(() => early.state.name === "closed");
    equal(early.readyState, 0);
    early.reconnect();
    await event(early, "open");
    await waits;
    early.close();
    const late = new EverwireSocket(url("/flaky", "&times=1000"), [], { ...options, retry: { minDelay: 60_000, maxDelay: 60_000, jitter: "none" } });
    await until(() => late.state.name === "disconnected");
    const { connections } = await told(id);
    late.disconnect();
    await until(() => late.state.name === "closed");
    late.reconnect();
    await until(async () => (await told(id)).connections > connections);
    late.close();
  }],
  ["close after disconnect is the end, and gives up what waits", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    await event(socket, "open");
    await socket.deliver("here");
    socket.disconnect();
    await event(socket, "close");
    const waits = socket.deliver("waits");
    socket.close();
    equal(await waits, { status: "cancelled" });
    await until(() => socket.readyState === 3);
    equal(await socket.deliver("after"), { status: "cancelled" });
  }],
  ["states are told with what a user interface shows", async ({ EverwireSocket, url, options, id, cut }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    const states = [];
    socket.onstatechange = () => states.push(socket.state.name);
    equal(socket.state, { name: "connecting", attempt: 1 });
    await event(socket, "open");
    // The engine has it now.
    await socket.deliver("x");
    const [lost, again] = [event(socket, "close").then(() => socket.state), event(socket, "open")];
    await cut(id);
    const { cause, attempt, retryAt, reason } = await lost;
    equal([cause, attempt, typeof retryAt, typeof reason], ["lost", 2, "number", "string"]);
    await again;
    socket.close();
    await event(socket, "close");
    equal(states, ["connected", "disconnected", "connecting", "connected", "closing", "closed"]);
    ok(Object.isFrozen(socket.state), "a state does not change");
  }],
  ["a server that is silent is noticed by the heartbeat", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/silent"), [], { ...options, ...PINGS, heartbeat: { interval: 100, timeout: 100 } });
    await event(socket, "open");
    await event(socket, "close");
    equal(socket.state.cause, "dead");
    socket.close();
  }],
  ["what can't be proven is not promised", async ({ EverwireSocket, url, options, expectErrors }) => {
    if (options.WebSocket?.prototype.ping) return;
    expectErrors();
    for (const more of [{ guarantee: "at-least-once" }, { outbox: { store: "orders" } }]) {
      const socket = new EverwireSocket(url("/echo"), [], { ...options, ...more });
      const [{ message }, { status }] = await Promise.all([event(socket, "error"), socket.deliver("x")]);
      ok(message.includes("needs evidence of what arrives"), message);
      equal([status, socket.readyState], ["cancelled", 3]);
    }
  }],
  ["a setting that makes no sense is an error that says so", async ({ EverwireSocket, url, options, expectErrors }) => {
    expectErrors();
    const socket = new EverwireSocket(url("/echo"), [], { ...options, guarantee: "exactly-once" });
    const { message } = await event(socket, "error");
    ok(message.includes("exactly-once"), message);
    equal(socket.readyState, 3);
  }],
];
