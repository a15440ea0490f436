// What can happen to a page and its connections: cuts in a session, reloads, several tabs, the back-forward cache, freezing, and time.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Front } from "../../../tests/page/front.mjs";
import { browser as launch, keepingBrowser, Person, Program } from "../../../tests/page/world.mjs";
import { Server } from "./server.mjs";

const LIMIT = { timeout: 90_000 };
const ROOTS = { "/dist/": new URL("../dist/", import.meta.url), "/cases/": new URL("cases/", import.meta.url) };

let server, browser, sessions;
before(async () => {
  server = await Server.start(ROOTS);
  browser = await launch();
  sessions = await Program.start(process.env.EVERWIRE_SESSION_ECHO);
});
after(async () => {
  await browser.close();
  await sessions.kill();
  await server.stop();
});

/** Does this in a page of its own, and gives what it returns. */
async function inPage(act, ...args) {
  const person = await Person.visit(browser, `${server.origin}/`);
  try {
    return await person.page.evaluate(act, ...args);
  } finally {
    await person.context.close();
  }
}

test("in a session nothing is lost and nothing comes twice, over 20 cuts", LIMIT, async () => {
  const cuts = Array.from({ length: 20 }, (_, at) => ({ is: at % 2 ? "cut" : "reset", after: 1_500 + 97 * at, of: at % 3 ? "page" : "server" }));
  const front = await Front.before(sessions, cuts);
  const outcome = await inPage(
    async ([url, count]) => {
      const { EverwireSocket } = await import("/dist/index.js");
      const socket = new EverwireSocket(url, [], { session: true, retry: { minDelay: 10, maxDelay: 20 } });
      const echoes = [];
      const statuses = {};
      socket.onmessage = ({ data }) => echoes.push(Number(data.split(" ")[0]));
      const deliver = async (at) => {
        const { status } = await socket.deliver(`${at} ${"x".repeat(100)}`);
        statuses[status] = (statuses[status] ?? 0) + 1;
      };
      const sent = [];
      while (sent.length < count) {
        // Over some time and connections, so that there is something to cut, however slow the machine is.
        await new Promise((waited) => setTimeout(waited, 3));
        if (socket.readyState === WebSocket.OPEN) sent.push(deliver(sent.length));
      }
      await Promise.all(sent);
      while (echoes.length < count) await new Promise((waited) => setTimeout(waited, 10));
      await socket.finish();
      return { statuses, inOrder: echoes.every((number, at) => number === at), echoes: echoes.length };
    },
    [`ws://127.0.0.1:${front.port}/`, 1_000],
  );
  await front.stop();
  assert.deepEqual(front.faults, [], "these cuts did not happen");
  assert.deepEqual(outcome, { statuses: { acknowledged: 1_000 }, inOrder: true, echoes: 1_000 });
});

test("a browser that is slow to say that nobody has an outbox does not make a second one", LIMIT, async () => {
  const kept = await inPage(async (url) => {
    const request = navigator.locks.request.bind(navigator.locks);
    navigator.locks.request = async (name, options, act) => {
      await new Promise((waited) => setTimeout(waited, 600));
      options.signal?.throwIfAborted();
      return request(name, options, act);
    };
    const { EverwireSocket } = await import("/dist/index.js");
    const socket = new EverwireSocket(url, [], { textPings: ["ping", "pong"], outbox: { store: "slow" } });
    socket.deliver("kept");
    const keys = () => Object.keys(localStorage).filter((key) => localStorage.getItem(key).includes("kept"));
    while (keys().length === 0) await new Promise((waited) => setTimeout(waited, 10));
    return keys();
  }, `${server.ws}/refuse`);
  assert.deepEqual(kept, ["everwire.slow"]);
});

test("100 reconnections leave nothing behind", LIMIT, async () => {
  const person = await Person.visit(browser, `${server.origin}/`);
  const devtools = await person.context.newCDPSession(person.page);
  await person.page.evaluate(async (url) => {
    const [{ EverwireSocket }, { event }] = await Promise.all([import("/dist/index.js"), import("/cases/harness.mjs")]);
    const socket = (window.socket = new EverwireSocket(url, [], { retry: { minDelay: 1, maxDelay: 1, jitter: "none" } }));
    await event(socket, "open");
    window.reconnect = async (times) => {
      for (let at = 0; at < times; at += 1) {
        const again = event(socket, "open");
        socket.send("cut");
        await again;
      }
    };
  }, `${server.ws}/cut-on-message?id=leak`);
  const measure = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    const { result } = await devtools.send("Runtime.evaluate", { expression: "WebSocket.prototype" });
    const { objects } = await devtools.send("Runtime.queryObjects", { prototypeObjectId: result.objectId });
    const { result: count } = await devtools.send("Runtime.callFunctionOn", { objectId: objects.objectId, functionDeclaration: "function () { return this.length; }", returnByValue: true });
    return { usedSize, sockets: count.value };
  };
  await person.page.evaluate(() => window.reconnect(20));
  const first = await measure();
  await person.page.evaluate(() => window.reconnect(100));
  const then = await measure();
  await person.context.close();
  assert.ok(then.sockets <= first.sockets + 1 && then.sockets <= 3, `${then.sockets} sockets are left, ${first.sockets} before`);
  assert.ok(then.usedSize - first.usedSize < 150_000, `${then.usedSize - first.usedSize} bytes more`);
});

/** Opens a socket with a stored outbox in a page. */
const openStored = (page, url, name, storage) =>
  page.evaluate(
    async ([url, store, storage]) => {
      const { EverwireSocket } = await import("/dist/index.js");
      window.told = [];
      window.socket = new EverwireSocket(url, [], {
        textPings: ["ping", "pong"],
        retry: { minDelay: 50, maxDelay: 50 },
        outbox: { store, storage, onRecovered: async (data, outcome) => window.told.push([data, (await outcome).status]) },
      });
      window.kept = async () => {
        if (storage === "localStorage") return JSON.stringify(localStorage);
        // Opened by its owner first, which makes the table.
        if (!(await indexedDB.databases()).some(({ name }) => name === "everwire")) return "";
        const database = await new Promise((done) => Object.assign(indexedDB.open("everwire"), { onsuccess: ({ target }) => done(target.result) }));
        const asked = database.objectStoreNames.contains("outboxes") && database.transaction("outboxes").objectStore("outboxes");
        const [names, texts] = asked ? await Promise.all(["getAllKeys", "getAll"].map((what) => new Promise((done) => Object.assign(asked[what](), { onsuccess: ({ target }) => done(target.result) })))) : [[], []];
        database.close();
        return JSON.stringify([names, texts]);
      };
      window.sendKept = async (texts) => {
        texts.forEach((text) => socket.send(text));
        while (!(await window.kept()).includes(texts.at(-1))) await new Promise((waited) => setTimeout(waited, 10));
      };
    },
    [url, name, storage],
  );

for (const storage of ["localStorage", "indexedDB"]) {
  test(`${storage}: what waits survives a reload, is sent by the next page, and its outcome is told there`, LIMIT, async () => {
    const person = await Person.visit(browser, `${server.origin}/`);
    const id = `reload-${storage}`;
    await openStored(person.page, `${server.ws}/refuse?id=${id}`, "orders", storage);
    await person.page.evaluate(() => window.sendKept(["order 0", "order 1", "order 2"]));
    await person.page.reload();
    await openStored(person.page, `${server.ws}/echo?id=${id}`, "orders", storage);
    await person.page.waitForFunction(() => window.told.length === 3);
    assert.deepEqual(await person.page.evaluate(() => window.told), [["order 0", "received"], ["order 1", "received"], ["order 2", "received"]]);
    assert.deepEqual(server.messages.get(id).filter((text) => text !== "ping"), ["order 0", "order 1", "order 2"]);
    await person.context.close();
  });

  test(`${storage}: what a closed tab has left is sent by a tab that is open, once`, LIMIT, async () => {
    const person = await Person.visit(browser, `${server.origin}/`);
    const id = `left-${storage}`;
    await openStored(person.page, `${server.ws}/echo?id=${id}`, "left", storage);
    await person.page.evaluate(() => socket.deliver("of the one that stays"));
    const other = await person.open(`${server.origin}/`);
    await openStored(other, `${server.ws}/refuse?id=${id}`, "left", storage);
    await other.evaluate(() => window.sendKept(["of the other"]));
    await other.close();
    await person.page.waitForFunction(() => window.told.length === 1);
    assert.deepEqual(await person.page.evaluate(() => window.told), [["of the other", "received"]]);
    assert.deepEqual(server.messages.get(id).filter((text) => text !== "ping"), ["of the one that stays", "of the other"]);
    await person.page.waitForFunction(async () => !(await window.kept()).includes("everwire.left.2"));
    await person.context.close();
  });
}

test("two tabs have an outbox each, and one that is closed leaves its to the next", LIMIT, async () => {
  const person = await Person.visit(browser, `${server.origin}/`);
  const other = await person.open(`${server.origin}/`);
  const start = (page, text, path) =>
    page.evaluate(
      async ([url, text]) => {
        const { EverwireSocket } = await import("/dist/index.js");
        window.told = [];
        window.socket = new EverwireSocket(url, [], { textPings: ["ping", "pong"], retry: { minDelay: 50, maxDelay: 50 }, outbox: { store: "tabs" } });
        socket.addEventListener("recovered", ({ data }) => window.told.push(data));
        if (text) socket.send(text);
        while (text && !Object.entries(localStorage).some(([, value]) => value.includes(text))) await new Promise((waited) => setTimeout(waited, 10));
        return Object.keys(localStorage).filter((name) => name.startsWith("everwire.tabs")).sort();
      },
      [`${server.ws}${path}?id=tabs`, text],
    );
  assert.deepEqual(await start(person.page, "of one", "/refuse"), ["everwire.tabs"]);
  assert.deepEqual(await start(other, "of the other", "/refuse"), ["everwire.tabs", "everwire.tabs.2"]);
  await other.close();
  const third = await person.open(`${server.origin}/`);
  await start(third, "", "/echo");
  await third.waitForFunction(() => window.told.length === 1);
  assert.deepEqual(await third.evaluate(() => window.told), ["of the other"]);
  await person.context.close();
});

/** Notes in the page what a user interface would show from now on. */
const watch = async (url) => {
  const [{ EverwireSocket }, { event }] = await Promise.all([import("/dist/index.js"), import("/cases/harness.mjs")]);
  const socket = (window.socket = new EverwireSocket(url, [], { textPings: ["ping", "pong"], retry: { minDelay: 5_000, jitter: "none" } }));
  await event(socket, "open");
  await socket.deliver("before");
  window.seen = [];
  for (const type of ["open", "close", "error"]) socket.addEventListener(type, () => window.seen.push(type));
  socket.addEventListener("statechange", () => window.seen.push(socket.state.name));
};
/** There is another connection, at once, and nobody was told that there was none. */
const isBack = async () => {
  const start = performance.now();
  while (!window.seen.includes("open") && performance.now() - start < 10_000) await new Promise((waited) => setTimeout(waited, 5));
  const took = performance.now() - start;
  return [window.seen, (await socket.deliver("after")).status, took < 2_500];
};
const RETURNED = [["close", "connected", "open"], "received", true];

test("a page out of the back-forward cache connects at once, and never shows that it was offline", LIMIT, async () => {
  const keeping = await keepingBrowser();
  try {
    const person = await Person.visit(keeping, `${server.origin}/`);
    await person.page.evaluate(watch, `${server.ws}/echo?id=cache`);
    await person.awayWhile(async () => {
      for (let step = 0; server.open("cache") > 0 && step < 500; step += 1) await new Promise((waited) => setTimeout(waited, 10));
      assert.equal(server.open("cache"), 0, "the connection of a page that is put away is closed");
    });
    assert.deepEqual(await person.page.evaluate(isBack), RETURNED);
  } finally {
    await keeping.close();
  }
});

test("a tab that was frozen connects at once, and never shows that it was offline", LIMIT, async () => {
  const person = await Person.visit(browser, `${server.origin}/`);
  await person.page.evaluate(watch, `${server.ws}/echo?id=frozen`);
  // DevTools freezes pages, but the event does not come to one that it keeps visible.
  await person.page.evaluate(() => document.dispatchEvent(new Event("freeze")));
  for (let step = 0; server.open("frozen") > 0 && step < 500; step += 1) await new Promise((waited) => setTimeout(waited, 10));
  assert.equal(server.open("frozen"), 0);
  await person.page.evaluate(() => document.dispatchEvent(new Event("resume")));
  assert.deepEqual(await person.page.evaluate(isBack), RETURNED);
  await person.context.close();
});

test("what is sent and closed before the engine is there arrives, and is told once", LIMIT, async () => {
  const person = await Person.visit(browser, `${server.origin}/`);
  let letGo;
  const held = new Promise((go) => (letGo = go));
  await person.page.route("**/*.wasm", (route) => held.then(() => route.continue()));
  await person.page.evaluate(async (url) => {
    const [{ EverwireSocket }, { log }] = await Promise.all([import("/dist/index.js"), import("/cases/harness.mjs")]);
    const socket = (window.socket = new EverwireSocket(url));
    window.told = log(socket);
    await new Promise((opened) => (socket.onopen = opened));
    socket.send("early");
    socket.close(3001, "done");
  }, `${server.ws}/hello?id=early`);
  letGo();
  await person.page.waitForFunction(() => window.socket.readyState === 3);
  assert.deepEqual(await person.page.evaluate(() => window.told), ["open", "message:hello", "close:3001"]);
  assert.deepEqual([server.messages.get("early"), server.closes.get("early")], [["early"], [[3001, "done"]]]);
  await person.context.close();
});

test("an engine that can't be loaded is an error that says so, and the messages are cancelled", LIMIT, async () => {
  const without = await Server.start({ "/dist/everwire.wasm": new URL("nowhere/", import.meta.url), ...ROOTS });
  const person = await Person.visit(browser, `${without.origin}/`);
  await person.page.route("**/*.wasm", (route) => route.fulfill({ status: 404, body: "" }));
  const [status, message, ready] = await person.page.evaluate(async (url) => {
    const { EverwireSocket } = await import("/dist/index.js");
    const socket = new EverwireSocket(url);
    const failed = new Promise((heard) => socket.addEventListener("error", heard));
    const { status } = await socket.deliver("x");
    return [status, (await failed).message, socket.readyState];
  }, `${without.ws}/echo`);
  assert.equal(status, "cancelled");
  assert.match(message, /the engine could not be loaded: .*404/);
  assert.equal(ready, 3);
  await person.context.close();
  await without.stop();
});
