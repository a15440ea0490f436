// `everwire/chat` in Node.js, with npm's `ws`, and over tabs in Chromium, against the chat server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Ws from "ws";
import { ChatRoom, rooms } from "everwire/chat";
import { browser as launch, Person, Server as ChatServer } from "../../../tests/page/world.mjs";
import { until } from "./cases/harness.mjs";
import { Server } from "./server.mjs";

const LIMIT = { timeout: 60_000 };

let chat, url;
before(async () => {
  chat = await ChatServer.start();
  url = `ws://127.0.0.1:${chat.port}/ws`;
});
const entered = [];
after(async () => {
  await Promise.all(entered.map((room) => room.close({ within: 0 })));
  await chat.stop();
});

function enter(name, more = {}) {
  const room = new ChatRoom(url, { name, WebSocket: Ws, minDelay: 50, ...more });
  entered.push(room);
  return room;
}

const texts = (room) => room.messages.map(({ text }) => text);

test("two people talk in Node.js, each message has its true status, and the room is listed with them", LIMIT, async () => {
  const [ana, ben] = [enter("Ana"), enter("Ben")];
  await until(() => ana.users.length === 1 && ben.users.length === 1, "both are here");
  assert.deepEqual(await rooms(url), [{ room: "lobby", here: 2, closed: false }]);
  const id = await ana.send("hello");
  const status = () => ana.messages.find((message) => message.id === id).status;
  await until(() => status() === "delivered", "it is delivered");
  assert.deepEqual(texts(ben), ["hello"]);
  ben.markRead();
  await until(() => status() === "read" && ben.unread === 0, "it is read");
  assert.deepEqual([await ana.close(), await ben.close()], [[], []]);
});

test("what failed in an earlier room is shown with its reason, and can be sent again", LIMIT, async () => {
  const failed = JSON.stringify({ id: "00000000-0000-4000-8000-000000000001", text: "again", timestamp: 1_700_000_000_000, failure: "dropped" });
  const [ana, ben] = [enter("Ana", { room: "again", userId: "ana-again", failed: [failed, "of another version"] }), enter("Ben", { room: "again" })];
  await until(() => ana.messages.length === 1 && ben.users.length === 1, "it is shown");
  assert.deepEqual(ana.messages[0].failure, { kind: "dropped", reason: "", retryable: true });
  assert.deepEqual(ana.failed().map((kept) => JSON.parse(kept).text), ["again"]);
  await ana.retry(ana.messages[0].id);
  await until(() => texts(ben).includes("again") && ana.failed().length === 0, "it has arrived");
  await Promise.all([ana.close(), ben.close()]);
});

test("rooms() says what the server has answered, where it refuses", LIMIT, async () => {
  const plain = await Server.start({});
  await assert.rejects(rooms(`${plain.ws}/ws`), /answers 404 to a question for its rooms/);
  await plain.stop();
});

test("without a WebSocket and without storage a room says so", LIMIT, async () => {
  const room = enter("Ana", { store: "ana" });
  await until(() => room.state.name === "closed", "it is closed");
  assert.match(room.state.reason, /there is no localStorage here/);
  await assert.rejects(room.send("x"), /there is no localStorage here/);
  if (!globalThis.WebSocket) assert.throws(() => new ChatRoom(url, { name: "Ana" }), /there is no WebSocket here/);
});

test("what a closed tab has left is sent by a tab that is open, once", LIMIT, async () => {
  const pages = await Server.start({ "/dist/": new URL("../dist/", import.meta.url) });
  const guarded = await ChatServer.start();
  await guarded.kill();
  guarded.more = ["--origin", pages.origin];
  await guarded.restart();
  const browser = await launch();
  const address = `ws://127.0.0.1:${guarded.port}/ws`;
  const open = (page) =>
    page.evaluate(async (url) => {
      const { ChatRoom } = await import("/dist/chat.js");
      window.room = new ChatRoom(url, { name: "Ana", userId: "ana", store: "ana.lobby", minDelay: 50 });
      while (room.state.name !== "connected") await new Promise((waited) => setTimeout(waited, 10));
    }, address);
  try {
    const person = await Person.visit(browser, `${pages.origin}/`);
    const other = await person.open(`${pages.origin}/`);
    await open(person.page);
    await open(other);
    await guarded.kill();
    await other.evaluate(async () => {
      await room.send("from the tab that closes");
      while (!Object.values(localStorage).some((text) => text.includes("from the tab that closes"))) await new Promise((waited) => setTimeout(waited, 10));
    });
    await other.close();
    await guarded.restart();
    await person.page.waitForFunction(() => room.messages.some(({ text, status }) => text === "from the tab that closes" && status !== "sending"));
    await person.page.waitForFunction(() => !Object.keys(localStorage).includes("everwire.chat.ana.lobby.2"));
    const ben = new ChatRoom(address, { name: "Ben", WebSocket: Ws });
    await until(() => texts(ben).length > 0, "Ben has the history");
    assert.deepEqual(texts(ben), ["from the tab that closes"]);
    await ben.close();
    await person.context.close();
  } finally {
    await browser.close();
    await Promise.all([guarded.stop(), pages.stop()]);
  }
});
