// The examples, in Chromium, against what they are for.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { Front } from "../../../tests/page/front.mjs";
import { browser as launch, Person, Program, Server as ChatServer } from "../../../tests/page/world.mjs";
import { Server } from "./server.mjs";

const LIMIT = { timeout: 90_000 };
const here = (path) => new URL(path, import.meta.url);

let server, browser, built;
before(async () => {
  built = mkdtempSync(join(tmpdir(), "everwire-examples-"));
  // React is bundled, with what of ours uses it; the rest comes by the import map.
  await build({
    entryPoints: { build: fileURLToPath(here("../examples/chat/app.jsx")) },
    bundle: true, format: "esm", jsx: "automatic", outdir: built, logLevel: "error",
    external: ["everwire", "everwire/chat"], alias: { "everwire/react": fileURLToPath(here("../dist/react.js")) },
    nodePaths: [fileURLToPath(here("../node_modules"))], define: { "process.env.NODE_ENV": '"production"' },
  });
  server = await Server.start({ "/dist/": here("../dist/"), "/examples/chat/build.js": pathToFileURL(join(built, "build.js")), "/examples/": here("../examples/") });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await server.stop();
  rmSync(built, { recursive: true, force: true });
});

const visit = (example, socket, more = "") => Person.visit(browser, `${server.origin}/examples/${example}/index.html?server=${encodeURIComponent(socket)}${more}`);
const done = async (person) => {
  assert.deepEqual(person.complaints.filter((text) => !text.includes("404")), []);
  await person.context.close();
};

test("feed: logs in on each connection, and says when it is offline", LIMIT, async () => {
  const person = await visit("feed", `${server.ws}/login?id=feed`);
  const says = (text) => person.page.waitForFunction((text) => document.getElementById("banner").textContent.startsWith(text), text);
  await says("live");
  server.push("feed", "1.08");
  await person.page.waitForSelector("li:text('1.08')");
  server.cut("feed");
  await says("offline");
  await says("live");
  server.push("feed", "1.09");
  await person.page.waitForSelector("li:text('1.09')");
  assert.deepEqual(server.messages.get("feed").filter((text) => text !== "ping"), ["login", "login"]);
  await done(person);
});

test("to-do list: what is added without a connection survives a reload, and arrives once", LIMIT, async () => {
  const person = await visit("todo", `${server.ws}/refuse?id=todo`);
  for (const what of ["milk", "bread"]) {
    await person.page.fill("input", what);
    await person.page.press("input", "Enter");
    await person.page.waitForSelector(`li.saving:text('${what}')`);
  }
  await person.page.waitForFunction(() => localStorage.getItem("everwire.todos")?.includes("bread"));
  await person.page.goto(`${server.origin}/examples/todo/index.html?server=${encodeURIComponent(`${server.ws}/echo?id=todo-again`)}`);
  await person.page.waitForSelector("li.saved:text('bread')");
  assert.equal(await person.page.locator("li.saved").count(), 2);
  const arrived = server.messages.get("todo-again").filter((text) => text !== "ping").map((text) => JSON.parse(text).what);
  assert.deepEqual(arrived, ["milk", "bread"]);
  await done(person);
});

test("tokens: an answer goes on where a cut connection left it", LIMIT, async () => {
  const tokens = await Program.start(process.env.EVERWIRE_SESSION_TOKENS);
  const front = await Front.before(tokens, [{ is: "cut", after: 2_000, of: "server" }, { is: "reset", after: 1_500, of: "server" }]);
  const person = await visit("tokens", `ws://127.0.0.1:${front.port}/`);
  await person.page.fill("input", "count to 200");
  await person.page.press("input", "Enter");
  await person.page.waitForSelector("output[data-done=true]");
  assert.equal(await person.page.textContent("output"), Array.from({ length: 200 }, (_, at) => `${at + 1} `).join(""));
  assert.deepEqual(front.faults, [], "these cuts did not happen");
  await done(person);
  await front.stop();
  await tokens.kill();
});

test("chat in React: two people talk, and each message has its true status", LIMIT, async () => {
  const chat = await ChatServer.start();
  await chat.kill();
  // This page is not its own.
  chat.more = ["--origin", server.origin];
  await chat.restart();
  const socket = `ws://127.0.0.1:${chat.port}/ws`;
  const [ana, ben] = [await visit("chat", socket, "&name=Ana"), await visit("chat", socket, "&name=Ben")];
  await ana.page.waitForSelector("#state:text('Ben')");
  await ana.page.fill("#text", "hello");
  await ben.page.waitForSelector("#typing:text('Ana')");
  await ana.page.press("#text", "Enter");
  await ben.page.waitForSelector(".text:text('hello')");
  await ana.page.waitForSelector(".own .status:text('✓✓')");
  await ben.page.hover("ul");
  await ana.page.waitForSelector(".own .status:text('read')");
  await chat.kill();
  await ana.page.fill("#text", "are you there?");
  await ana.page.press("#text", "Enter");
  await ana.page.waitForSelector(".own .status:text('…')");
  await chat.restart();
  await ben.page.waitForSelector(".text:text('are you there?')");
  assert.equal(await ben.page.locator(".text").count(), 2);
  await done(ana);
  await done(ben);
  await chat.stop();
});
