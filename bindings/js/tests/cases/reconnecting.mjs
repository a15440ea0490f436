// What partysocket and reconnecting-websocket test of themselves, told again for `EverwireSocket`.
import { equal, event, log, ok, until } from "./harness.mjs";

export default [
  ["the URL may come from a function, or a promise, which is asked for each attempt", async ({ EverwireSocket, url, options }) => {
    for (const provider of [() => url("/cut-on-message"), async () => url("/cut-on-message")]) {
      let asked = 0;
      const socket = new EverwireSocket(() => (asked += 1, provider()), [], options);
      await event(socket, "open");
      equal([asked, socket.url], [1, url("/cut-on-message")]);
      socket.send("cut");
      await event(socket, "open");
      equal(asked, 2);
      socket.close();
    }
  }],
  ["a function that fails is asked again", async ({ EverwireSocket, url, options }) => {
    let asked = 0;
    const socket = new EverwireSocket(async () => {
      asked += 1;
      if (asked < 3) throw new Error("no token");
      return url("/echo");
    }, [], options);
    const told = log(socket);
    await event(socket, "open");
    equal([asked, told], [3, ["error", "close:1006", "error", "close:1006", "open"]]);
    socket.close();
  }],
  ["the subprotocols may come from a function, or a promise, which is asked for each attempt", async ({ EverwireSocket, url, options }) => {
    for (const provider of [(names) => names, async (names) => names]) {
      let asked = 0;
      const socket = new EverwireSocket(url("/cut-on-message"), () => provider(`v${(asked += 1)}`), options);
      await event(socket, "open");
      equal([asked, socket.protocol], [1, "v1"]);
      socket.send("cut");
      await event(socket, "open");
      equal([asked, socket.protocol], [2, "v2"]);
      socket.close();
    }
  }],
  ["a function of the URL and one of the subprotocols are asked together, with why the last attempt ended", async ({ EverwireSocket, url, options }) => {
    const asked = [];
    const socket = new EverwireSocket(
      (attempt) => (asked.push(attempt), url("/flaky", "&times=1")),
      (attempt) => (asked.push(attempt), asked.length < 3 ? null : ["v2", "v1"]),
      options,
    );
    await event(socket, "open");
    equal([asked.length, asked[2].attempt, typeof asked[2].cause, JSON.stringify(asked[2]) === JSON.stringify(asked[3]), socket.protocol], [4, 2, "string", true, "v2"]);
    socket.close();
  }],
  ["a subprotocol that can't be one fails the attempt, and the function is asked again", async ({ EverwireSocket, url, options }) => {
    let asked = 0;
    const socket = new EverwireSocket(url("/echo"), () => ((asked += 1) === 1 ? "no good" : "v1"), options);
    await event(socket, "open");
    equal([asked, socket.protocol], [2, "v1"]);
    socket.close();
  }],
  ["a socket that is started closed connects when it is told to", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, startClosed: true });
    equal(socket.readyState, 3);
    equal((await told(id)).connections, 0);
    socket.reconnect();
    equal(socket.readyState, 0);
    await event(socket, "open");
    socket.close();
  }],
  ["a connection that is lost comes back, and each one is told", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/cut-on-message"), [], options);
    const told = log(socket);
    await event(socket, "open");
    for (let times = 0; times < 3; times += 1) {
      socket.send("cut");
      await event(socket, "close");
      equal(socket.readyState, 0);
      await event(socket, "open");
    }
    equal(told.filter((one) => one !== "error"), ["open", "close:1006", "open", "close:1006", "open", "close:1006", "open"]);
    socket.close();
  }],
  ["attempts that fail are told, counted, and followed by others", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/flaky", "&times=3"), [], options);
    equal(socket.retryCount, 0);
    const counts = [];
    socket.onerror = () => counts.push(socket.retryCount);
    await event(socket, "open");
    equal(counts, [1, 2, 3]);
    socket.close();
  }],
  ["maxRetries ends it", async ({ EverwireSocket, url, options, id, told }) => {
    for (const [maxRetries, expected] of [[0, 1], [2, 4]]) {
      const socket = new EverwireSocket(url("/refuse"), [], { ...options, maxRetries });
      await until(() => socket.readyState === 3);
      equal((await told(id)).connections, expected);
    }
  }],
  ["a server that does not answer is given up after the connection time-out", async ({ EverwireSocket, options, deaf }) => {
    const socket = new EverwireSocket(await deaf(), [], { ...options, connectionTimeout: 100 });
    const told = log(socket);
    await event(socket, "close");
    equal(told, ["error", "close:1006"]);
    socket.close();
  }],
  ["what is sent before there is a connection is sent in order when there is one", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/flaky", "&times=1"), [], options);
    for (let at = 0; at < 5; at += 1) socket.send(`${at}`);
    await until(async () => (await told(id)).messages.length === 5);
    equal((await told(id)).messages, ["0", "1", "2", "3", "4"]);
    socket.close();
  }],
  ["no more than maxEnqueuedMessages wait", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/refuse"), [], { ...options, maxEnqueuedMessages: 2 });
    const outcomes = await Promise.allSettled(["a", "b", "c"].map((text, at) => (at < 2 ? (void socket.deliver(text), "waits") : socket.deliver(text))));
    equal([outcomes[2].status, outcomes[2].reason.code], ["rejected", "full"]);
    equal(socket.bufferedAmount, 2);
    socket.close();
  }],
  ["a close by the server with 1000 ends it, and other codes don't", async ({ EverwireSocket, url, options, id, told }) => {
    const ended = new EverwireSocket(url("/close-on-message?code=1000"), [], options);
    await event(ended, "open");
    ended.send("x");
    await event(ended, "close");
    equal(ended.readyState, 3);
    equal((await told(id)).connections, 1);
    const goesOn = new EverwireSocket(url("/close-on-message?code=1001"), [], options);
    await event(goesOn, "open");
    goesOn.send("x");
    equal((await event(goesOn, "close")).code, 1001);
    await event(goesOn, "open");
    goesOn.close();
  }],
  ["closing from within the close event ends it", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/close-on-message?code=4000"), [], options);
    await event(socket, "open");
    socket.onclose = () => socket.close();
    socket.send("x");
    await until(() => socket.readyState === 3);
    equal((await told(id)).connections, 1);
  }],
  ["closing while it waits for the next attempt ends it", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/refuse"), [], { ...options, retry: { minDelay: 60_000, maxDelay: 60_000, jitter: "none" } });
    await event(socket, "close");
    equal(socket.readyState, 0);
    socket.close();
    await until(() => socket.readyState === 3);
    equal((await told(id)).connections, 1);
  }],
  ["reconnect takes a new connection, with the code that is given for the old one", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    const heard = log(socket);
    await event(socket, "open");
    socket.reconnect(4002, "new one");
    await event(socket, "open");
    equal(heard, ["open", "close:4002", "open"]);
    await until(async () => (await told(id)).closes.length === 1);
    equal([(await told(id)).connections, (await told(id)).closes], [2, [[4002, "new one"]]]);
    socket.close();
  }],
  ["reconnect does not wait for the next attempt", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/flaky", "&times=1"), [], { ...options, retry: { minDelay: 60_000, maxDelay: 60_000, jitter: "none" } });
    await event(socket, "close");
    socket.reconnect();
    await event(socket, "open");
    socket.close();
  }],
  ["reconnect after close connects again", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    await event(socket, "open");
    socket.close();
    await event(socket, "close");
    socket.reconnect();
    await event(socket, "open");
    socket.send("again");
    equal((await event(socket, "message")).data.toString(), "again");
    socket.close();
  }],
  ["delays grow by their factor up to the longest", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/refuse"), [], { ...options, retry: { minDelay: 100, maxDelay: 400, factor: 2, jitter: "none", maxAttempts: 5 } });
    const delays = [];
    // What is left of a delay when the event comes, which may be late.
    const nominal = () => Math.ceil((socket.state.retryAt - Date.now() - 5) / 100) * 100;
    socket.addEventListener("statechange", () => socket.state.name === "disconnected" && delays.push(nominal()));
    await until(() => socket.readyState === 3);
    equal(delays, [100, 200, 400, 400]);
  }],
  ["listeners may be objects, once, and removed", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/cut-on-message"), [], options);
    const told = [];
    const object = { handleEvent: () => told.push("object") };
    const removed = () => told.push("removed");
    socket.addEventListener("open", object);
    socket.addEventListener("open", () => told.push("once"), { once: true });
    socket.addEventListener("open", removed);
    socket.removeEventListener("open", removed);
    await event(socket, "open");
    socket.send("cut");
    await event(socket, "open");
    equal(told, ["object", "once", "object"]);
    socket.close();
  }],
  ["what can make no WebSocket is a TypeError", ({ EverwireSocket, url }) => {
    for (const WebSocket of [123, "text", {}, ...(globalThis.WebSocket ? [] : [undefined])]) {
      let error;
      try {
        new EverwireSocket(url("/echo"), [], { WebSocket });
      } catch (thrown) {
        error = thrown;
      }
      ok(error instanceof TypeError, `${typeof WebSocket} is refused`);
    }
  }],
];
