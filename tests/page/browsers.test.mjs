// The cases that have to work in every browser, run in Chromium, Firefox and WebKit at the same time.
import assert from "node:assert/strict";
import { test } from "node:test";
import WebSocket from "ws";
import { Driven, Key, NAMES } from "./drivers.mjs";
import { Front } from "./front.mjs";
import { LIMIT, say, Server } from "./world.mjs";

/** Each case gets the browser, the proxy before its server, and the server. */
const CASES = {
  async "the page is loaded once, and its first paint says that it comes"(browser, front) {
    front.hold("/everwire_bg");
    await browser.visit(front.url());
    await browser.find(".loading", "loading");
    front.letGo();
    await browser.find("#name");
    const wasm = front.asked.filter((path) => path.startsWith("/everwire_bg"));
    assert.equal(wasm.length, 1, `the client was loaded ${wasm.length} times`);
  },

  async "Enter sends, Shift and Enter begin a new line"(browser, front) {
    await browser.join(front, "Ana");
    await browser.type("textarea", "one");
    await browser.type("textarea", Key.chord(Key.SHIFT, Key.ENTER));
    await browser.type("textarea", "two", Key.ENTER);
    await browser.sees("one\ntwo", "sent");
    await browser.write("three");
    await browser.sees("three", "sent");
  },

  async "digits are written in the letters' own font"(browser, front) {
    await browser.join(front, "Ana");
    const [shown, plain] = await browser.run(() => {
      const { font, fontFamily } = getComputedStyle(document.body);
      const canvas = document.createElement("canvas").getContext("2d");
      const width = (family) => ((canvas.font = font.replace(fontFamily, family)), canvas.measureText("0 1 2 3").width);
      return [width(fontFamily), width(fontFamily.replace(/,?\s*"Noto Color Emoji"/, ""))];
    });
    assert.equal(shown, plain);
  },

  async "who leaves by a link is gone, and who comes back sees no alarm"(browser, front, server) {
    const ben = await Listener.join(server, "Ben");
    await browser.join(front, "Ana");
    await browser.run(() => {
      window.seen = [];
      const look = () => window.seen.push(document.querySelector(".dot").className);
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    });
    await browser.visit("about:blank");
    await ben.hears((event) => event.type === "user_left" && event.userName === "Ana");
    ben.say("while you were away");
    await browser.run(() => void setTimeout(() => history.back()));
    await browser.find(".message", "while you were away");
    await browser.connected();
    const seen = (await browser.run(() => window.seen)) ?? [];
    assert.ok(!seen.some((name) => name.includes("bad")), `${seen}`);
    ben.close();
  },

  async "while the server is away it is asked for by what no browser delays"(browser, front, server) {
    await browser.join(front, "Ana");
    await server.kill();
    await browser.write("meanwhile");
    await browser.find(".dot.bad");
    const asked = () => front.asked.filter((path) => path === "/api/info").length;
    await front.heard("/api/info", asked() + 2);
    const tried = front.upgrades;
    await front.heard("/api/info", asked() + 1);
    assert.equal(front.upgrades, tried, "no WebSocket is tried in vain");
    await server.restart();
    const since = Date.now();
    await browser.sees("meanwhile", "sent");
    assert.ok(Date.now() - since < 12_000, `it took ${Date.now() - since} ms`);
    assert.deepEqual(await browser.texts(), ["meanwhile"]);
  },

  async "what waits outlives a reload"(browser, front, server) {
    await browser.join(front, "Ana");
    await browser.write("before");
    await browser.sees("before", "sent");
    await server.kill();
    await browser.find(".dot.bad");
    await browser.write("in the tunnel");
    await browser.sees("in the tunnel", "sending");
    await server.restart();
    await browser.reload();
    await browser.sees("in the tunnel", "sent");
    assert.deepEqual(await browser.texts(), ["before", "in the tunnel"]);
  },

  async "a browser that says that it is offline is believed at once"(browser, front) {
    await browser.join(front, "Ana");
    const said = await browser.run(async () => {
      dispatchEvent(new Event("offline"));
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      return document.querySelector(".state").textContent;
    });
    assert.match(said, /no network/i);
    await browser.run(() => dispatchEvent(new Event("online")));
    await browser.connected();
  },

  async "the address follows the room, and the way back leads to the one before"(browser, front) {
    await browser.join(front, "Ana");
    await browser.until(() => location.search === "?room=lobby");
    await browser.type(".new-room input", "den", Key.ENTER);
    await browser.find("h1", "den");
    await browser.until(() => location.search === "?room=den");
    await browser.driver.navigate().back();
    await browser.find("h1", "lobby");
    await browser.driver.navigate().forward();
    await browser.find("h1", "den");
    await browser.visit("about:blank");
    await browser.visit(front.url());
    await browser.find("h1", "den");
  },

  async "a long history is scrolled through, and leads back to its end"(browser, front, server) {
    await say(server, 300);
    await browser.join(front, "Ana");
    await browser.find(".message", "line 300");
    await browser.until(() => {
      const list = document.querySelector(".list");
      list.scrollTop -= 2000;
      return [...document.querySelectorAll(".message .text")].some((text) => text.textContent === "line 1");
    });
    await browser.click(".newest");
    await browser.until(() => {
      const list = document.querySelector(".list");
      return list.scrollHeight - list.scrollTop - list.clientHeight < 2;
    });
    await browser.find(".message", "line 300");
  },

  async "who was away is brought to the first line that is new"(browser, front, server) {
    await browser.join(front, "Ana");
    await say(server, 10);
    await browser.find(".message", "line 10");
    await browser.until(() => Object.values(localStorage).some((kept) => kept.includes("line 10")));
    await browser.visit("about:blank");
    await say(server, 200, 10);
    await browser.visit(front.url());
    await browser.find(".unread", "200");
    await browser.until(() => {
      const [list, line] = [".list", ".unread"].map((one) => document.querySelector(one).getBoundingClientRect().top);
      return line - list > -1 && line - list < 60 && /^\(1\d\d\)/.test(document.title);
    });
    await browser.click(".newest");
    await browser.click(".read-all");
    await browser.until(() => document.title.startsWith("lobby"));
  },

  async "a phone has room for everything"(browser, front) {
    await browser.join(front, "Ana");
    await browser.driver.manage().window().setRect({ width: 500, height: 800 });
    try {
      await browser.until(() => document.querySelector(".side").getBoundingClientRect().right <= 0);
      await browser.click(".menu");
      await browser.find(".side .people", "Ana");
      const [width, shown] = await browser.run(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(width <= shown, `the page is ${width} wide, the window ${shown}`);
    } finally {
      await browser.driver.manage().window().setRect({ width: 1280, height: 800 });
    }
  },

  async "what waits can be edited by a key"(browser, front, server) {
    await browser.join(front, "Ana");
    await server.kill();
    await browser.find(".dot.bad");
    await browser.write("on second thoughts");
    await browser.sees("on second thoughts", "sending");
    await browser.type("textarea", Key.ARROW_UP);
    await browser.until(() => document.querySelector("textarea").value === "on second thoughts");
    await browser.until(() => document.querySelectorAll(".message").length === 0);
    await browser.type("textarea", "!", Key.ENTER);
    await server.restart();
    await browser.sees("on second thoughts!", "sent");
  },

  async "a link opens what it names, and a line is what it says"(browser, front, server) {
    const ben = await Listener.join(server, "Ben");
    await browser.join(front, "Ana");
    ben.say("<b>see</b> www.a.example (https://b.example/x_(y))");
    await browser.find(".message", "<b>see</b>");
    const links = await browser.run(() => [...document.querySelectorAll(".text a")].map((link) => link.href));
    assert.deepEqual(links, ["https://www.a.example/", "https://b.example/x_(y)"]);
    ben.close();
  },
};

/** A user without a page. */
class Listener {
  static async join(server, name) {
    const listener = new Listener();
    listener.heard = [];
    listener.name = name;
    listener.socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?userId=${name}&userName=${name}`);
    listener.socket.on("message", (data) => listener.heard.push(...[JSON.parse(data)].flat()));
    await new Promise((opened) => listener.socket.once("open", opened));
    return listener;
  }

  say(text) {
    const message = { type: "text", id: `${process.hrtime.bigint()}`, userId: this.name, userName: this.name, text, timestamp: Date.now() };
    this.socket.send(JSON.stringify(message));
  }

  async hears(what) {
    for (let step = 0; step < 500; step += 1) {
      if (this.heard.some(what)) return;
      await new Promise((waited) => setTimeout(waited, 20));
    }
    throw new Error(`${this.name} has heard only ${JSON.stringify(this.heard)}`);
  }

  close() {
    this.socket.close();
  }
}

const wanted = process.env.EVERWIRE_BROWSERS?.split(",") ?? NAMES;

test("in every browser", { concurrency: wanted.length }, (all) => Promise.all(wanted.map((name) => all.test(name, (one) => cases(one, name)))));

async function cases(one, name) {
  const browser = await Driven.start(name);
  try {
    for (const [sentence, body] of Object.entries(CASES)) {
      await one.test(`${name}: ${sentence}`, LIMIT, async () => {
        const server = await Server.start();
        const front = await Front.before(server);
        try {
          await body(browser, front, server);
        } finally {
          await browser.visit("about:blank").catch(() => {});
          await front.stop();
          await server.stop();
        }
      });
    }
  } finally {
    await browser.stop();
  }
}
