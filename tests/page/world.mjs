// A chat server, and people who use its page in Chromium.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import readline from "node:readline";
import { chromium } from "playwright-core";
import WebSocket from "ws";

const PATIENCE_MS = 30_000;

/** The time limit of a whole case, so that the report names a case that hangs. */
export const LIMIT = { timeout: 120_000 };

/** The statuses of a message that was sent, in their order. */
const REACHED = ["sent", "delivered", "read"];

const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** One browser for all tests of a file. */
export async function browser(more = {}) {
  return chromium.launch({ executablePath: process.env.EVERWIRE_CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS, ...more });
}

/** A browser with the back-forward cache on, as users have it; Playwright switches it off by default. */
export async function keepingBrowser() {
  return browser({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
}

/** The reasons for which a browser with a profile on the disk would not install a page. */
export async function installabilityErrors(url) {
  const folder = mkdtempSync(join(tmpdir(), "everwire-profile-"));
  const context = await chromium.launchPersistentContext(folder, { executablePath: process.env.EVERWIRE_CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForSelector("#name");
    const devtools = await context.newCDPSession(page);
    const [{ installabilityErrors }, { errors }] = [await devtools.send("Page.getInstallabilityErrors"), await devtools.send("Page.getAppManifest")];
    return [...installabilityErrors, ...errors];
  } finally {
    await context.close();
    remove(folder);
  }
}

/** The processes that run: they are killed when the tests end, for whatever reason these end. */
export const running = new Set();
process.on("exit", () => running.forEach((one) => one.kill("SIGKILL")));
process.on("SIGTERM", () => process.exit(1));

/** A server as a process of its own, which listens. */
export class Program {
  static async start(file, args = []) {
    const program = new Program();
    program.process = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    running.add(program.process);
    program.process.once("exit", () => running.delete(program.process));
    for await (const line of readline.createInterface({ input: program.process.stdout })) {
      const told = line.match(/listening.*127\.0\.0\.1:(\d+)/);
      if (!told) continue;
      program.port = Number(told[1]);
      return program;
    }
    throw new Error(`${file} has ended before it listened`);
  }

  async kill() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGKILL");
    await ended;
  }
}

/** A server of its own for each test, on the same port after a restart. */
export class Server {
  static async start() {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "everwire-page-"));
    server.port = await freePort();
    await server.restart();
    return server;
  }

  async restart() {
    const more = this.more ?? [];
    this.program = await Program.start(process.env.EVERWIRE_BINARY, ["serve", "--listen", `127.0.0.1:${this.port}`, "--data", this.folder, ...more]);
  }

  /** Restarts the server with these accounts: from then on only their users can join. */
  async withAccounts(passwords) {
    await this.kill();
    for (const [user, password] of Object.entries(passwords)) this.order("user", "add", user, password);
    this.more = ["--auth", "accounts"];
    await this.restart();
  }

  /** Runs `everwire user …` or `everwire room …`; if that reads a password, it is the last of the words. */
  order(...words) {
    const reads = words[0] === "user" && ["add", "passwd"].includes(words[1]);
    // What is written to a program that has ended without reading it fails.
    const how = reads ? { input: `${words.pop()}\n`, stdio: "pipe" } : { stdio: ["ignore", "pipe", "pipe"] };
    execFileSync(process.env.EVERWIRE_BINARY, [...words, "--data", this.folder], how);
  }

  async kill() {
    await this.program.kill();
  }

  async stop() {
    await this.kill();
    remove(this.folder);
  }

  url(query = "") {
    return `http://127.0.0.1:${this.port}/${query}`;
  }
}

/** A user with a browser profile of their own. Errors and warnings of their page fail the test in `done`. */
export class Person {
  static async visit(browser, url, options = {}) {
    const person = new Person();
    person.complaints = [];
    person.context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", ...options });
    person.context.setDefaultTimeout(PATIENCE_MS);
    person.hasTouch = options.hasTouch;
    person.page = await person.open(url);
    return person;
  }

  /** Another tab of the same profile. */
  async open(url) {
    const page = await this.context.newPage();
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      // The browser itself reports a server that can't be reached; that is expected.
      const away = ["WebSocket connection to", "net::ERR_"].some((words) => message.text().includes(words));
      // On a slow machine a preloaded file may be used later than the browser expects.
      const slow = message.text().includes("was preloaded using link preload but not used");
      if (["error", "warning"].includes(message.type()) && !away && !slow) this.complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  static async join(browser, server, name, options = {}) {
    const { query = "", ...context } = options;
    const person = await Person.visit(browser, server.url(query), context);
    await person.page.fill("#name", name);
    await person.page.press("#name", "Enter");
    await person.connected();
    return person;
  }

  async signIn(user, password) {
    await this.page.fill("#name", user);
    await this.page.fill("#password", password);
    await this.page.press("#password", "Enter");
  }

  /** Waits until the page is stored so that it could open without a network and show its last line. */
  async kept() {
    await this.page.evaluate(() => navigator.serviceWorker.ready.then((registration) => registration.active.state));
    const shown = (await this.texts()).at(-1);
    for (let step = 0; step < 600; step += 1) {
      const kept = await this.page.evaluate(() => JSON.stringify({ ...localStorage }));
      if (kept.includes(shown)) return;
      await this.page.waitForTimeout(50);
    }
    throw new Error(`"${shown}" is not kept`);
  }

  async connected() {
    await this.page.waitForSelector(".dot.good");
  }

  /** Leaves the page, and comes back to it out of the browser's back-forward cache, without loading it again. */
  async awayWhile(meanwhile) {
    await this.page.evaluate(() => {
      window.shownAgain = new Promise((shown) => addEventListener("pageshow", shown, { once: true }));
    });
    await this.page.goto("about:blank");
    await meanwhile();
    // Not `goBack`, which waits until the page is loaded: a page from the back-forward cache is not loaded again.
    await this.page.evaluate(() => void setTimeout(() => history.back()));
    await this.page.waitForFunction(() => location.protocol === "http:" && document.readyState === "complete");
    const [persisted, reasons] = await this.page.evaluate(async () => {
      const [{ notRestoredReasons }] = performance.getEntriesByType("navigation");
      return [(await window.shownAgain)?.persisted, JSON.stringify(notRestoredReasons)];
    });
    assert.equal(persisted, true, `the page was loaded again: ${reasons}`);
  }

  async write(text) {
    await this.page.fill("textarea", text);
    // On a phone Enter begins a new line.
    if (this.hasTouch) await this.page.locator(".send").tap();
    else await this.page.press("textarea", "Enter");
  }

  message(text) {
    return this.page.locator(".message", { has: this.page.locator(".text", { hasText: text }) });
  }

  /** Waits until a message of this user has this status or a later one: a status may last only a moment. */
  async sees(text, status) {
    const further = REACHED.includes(status) ? REACHED.slice(REACHED.indexOf(status)) : [status];
    const statuses = further.map((word) => this.message(text).locator(`.status[title="${word}" i]`));
    await statuses.reduce((one, other) => one.or(other)).waitFor();
  }

  async texts() {
    return this.page.locator(".message .text").allTextContents();
  }

  async done() {
    await this.context.close();
    assert.deepEqual(this.complaints, []);
  }
}

/** Checks with axe that the page is accessible, as to users who can't see or use a mouse. */
export async function inspect(person) {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const session = await person.context.newCDPSession(person.page);
  // Not by a script element, which the page's content security policy refuses.
  await session.send("Runtime.evaluate", { expression: axe });
  const { result } = await session.send("Runtime.evaluate", {
    expression: "axe.run().then((found) => JSON.stringify(found.violations.map((one) => [one.id, one.nodes.map((node) => node.html)])))",
    awaitPromise: true,
  });
  assert.equal(result.value, "[]");
}

/** Posts `count` lines as a user without a page. */
export async function say(server, count, from = 0) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?userId=zoe&userName=Zoe`);
  await new Promise((opened) => socket.once("open", opened));
  for (let line = from + 1; line <= from + count; line += 1) {
    const message = { type: "text", id: `${process.hrtime.bigint()}`, userId: "zoe", userName: "Zoe", text: `line ${line}`, timestamp: Date.now() };
    socket.send(JSON.stringify(message));
  }
  socket.ping();
  await new Promise((stored) => socket.once("pong", stored));
  socket.close();
}

/** Removes a folder; a program that ended a moment ago may still be writing in it. */
function remove(folder) {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
