// How fast the page is, in headless Chromium: `cargo xtask bench page`.
import WebSocket from "ws";
import { browser as launch, Person, Server } from "./world.mjs";

const RUNS = Number(process.env.EVERWIRE_RUNS ?? 7);
const BEFORE = 5000;
const BURST = 1000;
const SINGLE = 200;
const KEYS = 100;

/** A slow line: 1.6 Mbit/s and 150 ms, with a processor that is four times as slow. */
const SLOW = { offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 1_600_000 / 8 };
const SLOWER = 4;

// Notes when the page gets each resource from the network, and when its first input is there.
const NOTES = () => {
  window.notes = {};
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...how) {
      super(...how);
      this.addEventListener("message", () => (window.notes.first ??= performance.now()));
    }
  };
  const input = new MutationObserver(() => {
    if (!document.querySelector("#name")) return;
    window.notes.interactive = performance.now();
    input.disconnect();
  });
  input.observe(document, { childList: true, subtree: true });
};

// A page without any guarantee, to compare with: a list in a scrolling box, and a line at its end for each message.
const BARE = async (url) => {
  document.body.innerHTML = "<div></div><textarea rows=1></textarea>";
  document.body.style.cssText = "margin: 0; height: 100vh; display: flex; flex-direction: column";
  const list = document.querySelector("div");
  list.style.cssText = "flex: 1; overflow: auto; contain: strict";
  const show = (text) => {
    const line = document.createElement("p");
    line.className = "message";
    line.append(Object.assign(document.createElement("span"), { className: "text", textContent: text }));
    list.append(line);
    if (list.childElementCount > 80) list.firstChild.remove();
  };
  for (let line = 0; line < 80; line += 1) show("before");
  let waiting = [];
  const draw = () => {
    for (const text of waiting) show(text);
    waiting = [];
    list.scrollTop = list.scrollHeight;
  };
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => {
    const { type, text } = JSON.parse(data);
    if (type === "text" && waiting.push(text) === 1) requestAnimationFrame(draw);
  };
  await new Promise((opened) => (socket.onopen = opened));
};

async function measure() {
  // A new browser each time, so that no cache is warm.
  const [browser, server] = [await launch(), await Server.start()];
  try {
    const ana = await Person.visit(browser, "about:blank");
    await ana.page.addInitScript(NOTES);
    await ana.page.goto(server.url());
    await ana.page.waitForSelector("#name");
    await ana.page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    figures.paint.push(await ana.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    figures.interactive.push(await ana.page.evaluate(() => window.notes.interactive));
    figures.slow.push(await overSlowLine(browser, server));
    await ana.page.fill("#name", "Ana");
    await ana.page.press("#name", "Enter");
    await ana.connected();
    const zoe = await Speaker.join(server);
    zoe.say(BEFORE);
    await ana.message(zoe.last()).waitFor();
    await live(ana, zoe, figures);
    await ana.done();
    const ben = await Person.visit(browser, "about:blank");
    await ben.page.addInitScript(NOTES);
    await ben.page.goto(server.url("api/info"));
    await ben.page.evaluate(BARE, `ws://127.0.0.1:${server.port}/ws?userId=ben&userName=Ben`);
    await live(ben, zoe, bare);
    await ben.context.close();
    zoe.socket.close();
  } finally {
    await server.stop();
    await browser.close();
  }
}

/** The milliseconds until a user with an empty cache can write a name, over a slow line. */
async function overSlowLine(browser, server) {
  const mia = await Person.visit(browser, "about:blank");
  const devtools = await mia.context.newCDPSession(mia.page);
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", SLOW);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await mia.page.addInitScript(NOTES);
  await mia.page.goto(server.url());
  await mia.page.fill("#name", "Mia");
  const interactive = await mia.page.evaluate(() => window.notes.interactive);
  await mia.context.close();
  return interactive;
}

/** Measures what messages and keys cost the page. */
async function live(person, zoe, figures) {
  const devtools = await person.context.newCDPSession(person.page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  await idle(person);
  await person.page.evaluate(() => delete window.notes.first);
  const shown = painted(person, `line ${zoe.said + BURST}`);
  figures.work.push((await work(devtools, async () => {
    zoe.say(BURST);
    figures.burst.push(await shown);
  })).all);
  await idle(person);
  const single = await work(devtools, async () => {
    for (let one = 0; one < SINGLE; one += 1) {
      zoe.say(1);
      await new Promise((later) => setTimeout(later, 25));
    }
    await person.page.locator(".message .text", { hasText: zoe.last() }).waitFor();
  });
  figures.single.push(single.all / SINGLE);
  figures.singleOwn.push(single.own / SINGLE);
  await person.page.focus("textarea");
  await idle(person);
  const key = await work(devtools, () => person.page.keyboard.type("x".repeat(KEYS), { delay: 20 }));
  figures.key.push(key.all / KEYS);
  figures.keyOwn.push(key.own / KEYS);
}

/** The milliseconds from the first message that arrives until the frame with a line is painted. */
function painted(person, line) {
  return person.page.evaluate((line) => new Promise((done) => {
    const look = () => {
      const texts = document.querySelectorAll(".message .text");
      if (texts[texts.length - 1]?.textContent !== line) return requestAnimationFrame(look);
      // A message to the same window is handled after the frame.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done(performance.now() - window.notes.first);
      port2.postMessage(null);
    };
    look();
  }), line);
}

/** The milliseconds that the main thread works for an action: in all, and for scripts, styles and layout only. */
async function work(devtools, act) {
  const busy = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    const spent = (...names) => names.reduce((sum, name) => sum + metrics.find((metric) => metric.name === name).value * 1000, 0);
    return { all: spent("TaskDuration"), own: spent("ScriptDuration", "RecalcStyleDuration", "LayoutDuration") };
  };
  const before = await busy();
  await act();
  const after = await busy();
  return { all: after.all - before.all, own: after.own - before.own };
}

/** Waits until the page's delayed work is done, which stores the last messages for the next visit. */
async function idle(person) {
  await person.page.waitForTimeout(2500);
}

/** A user without a page. */
class Speaker {
  static async join(server) {
    const speaker = new Speaker();
    speaker.said = 0;
    speaker.socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?userId=zoe&userName=Zoe`);
    await new Promise((opened) => speaker.socket.once("open", opened));
    return speaker;
  }

  say(count) {
    for (let more = 0; more < count; more += 1) {
      this.said += 1;
      const line = { id: `zoe-${this.said}`, userId: "zoe", userName: "Zoe", text: `line ${this.said}`, timestamp: Date.now() };
      this.socket.send(JSON.stringify({ type: "text", ...line }));
    }
  }

  last() {
    return new RegExp(`^line ${this.said}$`);
  }
}

const none = () => ({ paint: [], interactive: [], slow: [], burst: [], work: [], single: [], singleOwn: [], key: [], keyOwn: [] });
const [figures, bare] = [none(), none()];
for (let run = 0; run < RUNS; run += 1) await measure();
const rows = [
  ["first paint", "paint", 300],
  ["interactive", "interactive", 1000],
  ["interactive at 1.6 Mbit/s, 150 ms and a quarter of the processor's speed", "slow", 2000],
  [`${BURST} messages at once on top of ${BEFORE}: from the first that arrives to the frame with the last`, "burst", 50],
  ["the same, time of the main thread", "work", ""],
  ["a message alone, time of the main thread", "single", 1],
  ["of that, scripts, styles and layout", "singleOwn", ""],
  ["a keystroke with the list full, time of the main thread", "key", 2],
  ["of that, scripts, styles and layout", "keyOwn", ""],
];
console.log("| milliseconds | median | min–max | aim | the bare page |\n|---|---|---|---|---|");
for (const [words, name, aim] of rows) {
  const sorted = figures[name].toSorted((one, other) => one - other);
  const digits = sorted.at(-1) < 10 ? 2 : 0;
  const [min, median, max, other] = [sorted[0], middle(figures[name]), sorted.at(-1), middle(bare[name])].map((figure) => figure?.toFixed(digits) ?? "");
  console.log(`| ${words} | ${median} | ${min}–${max} | ${aim} | ${other} |`);
}

function middle(figures) {
  return figures.toSorted((one, other) => one - other)[figures.length >> 1];
}
