// How fast the page is, in headless Chromium: `cargo xtask bench page`.
import WebSocket from "ws";
import { browser as launch, Person, Server } from "./world.mjs";

const RUNS = Number(process.env.EVERWIRE_RUNS ?? 7);
const BEFORE = 5000;
const BURST = 1000;
const SINGLE = 200;
const KEYS = 100;

// Notes when what comes over the network is handed to the page, and when its first input is there.
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

async function measure() {
  // A browser of its own each time: nothing is warm.
  const [browser, server] = [await launch(), await Server.start()];
  try {
    const ana = await Person.visit(browser, "about:blank");
    await ana.page.addInitScript(NOTES);
    await ana.page.goto(server.url());
    await ana.page.waitForSelector("#name");
    await ana.page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);
    figures.paint.push(await ana.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    figures.interactive.push(await ana.page.evaluate(() => window.notes.interactive));
    await ana.page.fill("#name", "Ana");
    await ana.page.press("#name", "Enter");
    await ana.connected();
    const devtools = await ana.context.newCDPSession(ana.page);
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    const zoe = await Speaker.join(server);
    zoe.say(BEFORE);
    await ana.message(zoe.last()).waitFor();
    await idle(ana);
    await ana.page.evaluate(() => delete window.notes.first);
    const shown = painted(ana, `line ${BEFORE + BURST}`);
    figures.work.push(await work(devtools, async () => {
      zoe.say(BURST);
      figures.burst.push(await shown);
    }));
    await idle(ana);
    figures.single.push(await work(devtools, async () => {
      for (let one = 0; one < SINGLE; one += 1) {
        zoe.say(1);
        await new Promise((later) => setTimeout(later, 25));
      }
      await ana.message(zoe.last()).waitFor();
    }) / SINGLE);
    await ana.page.focus("textarea");
    await idle(ana);
    figures.key.push(await work(devtools, () => ana.page.keyboard.type("x".repeat(KEYS), { delay: 20 })) / KEYS);
    zoe.socket.close();
    await ana.done();
  } finally {
    await server.stop();
    await browser.close();
  }
}

/** Until the frame that shows a line has been painted, from the first message that arrives: milliseconds. */
function painted(person, line) {
  return person.page.evaluate((line) => new Promise((done) => {
    const look = () => {
      const texts = document.querySelectorAll(".message .text");
      if (texts[texts.length - 1]?.textContent !== line) return requestAnimationFrame(look);
      // A message to oneself comes after the frame.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done(performance.now() - window.notes.first);
      port2.postMessage(null);
    };
    look();
  }), line);
}

/** How long the main thread works for something: milliseconds. */
async function work(devtools, act) {
  const busy = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find((metric) => metric.name === "TaskDuration").value * 1000;
  };
  const before = await busy();
  await act();
  return (await busy()) - before;
}

/** Until what was planned is done, the last messages kept for the next visit among it. */
async function idle(person) {
  await person.page.waitForTimeout(2500);
}

/** Somebody without a page. */
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

const figures = { paint: [], interactive: [], burst: [], work: [], single: [], key: [] };
for (let run = 0; run < RUNS; run += 1) await measure();
const rows = [
  ["first paint, ms", "paint", 300],
  ["interactive, ms", "interactive", 1000],
  [`${BURST} messages at once on top of ${BEFORE}: from the first that arrives to the frame with the last, ms`, "burst", 50],
  ["the same, time of the main thread, ms", "work", ""],
  ["a message alone, time of the main thread, ms", "single", 1],
  ["a keystroke with the list full, time of the main thread, ms", "key", 2],
];
console.log("| | median | min–max | aim |\n|---|---|---|---|");
for (const [words, name, aim] of rows) {
  const sorted = figures[name].sort((one, other) => one - other);
  const digits = sorted.at(-1) < 10 ? 2 : 0;
  const [min, median, max] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)].map((figure) => figure.toFixed(digits));
  console.log(`| ${words} | ${median} | ${min}–${max} | ${aim} |`);
}
