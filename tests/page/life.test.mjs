// The life cycle of the page in Chromium: new versions, frozen and restored pages, full storage.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { behind as life } from "./front.mjs";
import { browser as launch, installabilityErrors, keepingBrowser, Person, say } from "./world.mjs";

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

life("a new version is announced, and loaded when the user wants it", async (front) => {
  const ana = await Person.join(browser, front, "Ana");
  const version = () => ana.page.locator("html").getAttribute("data-version");
  await ana.write("of before");
  await ana.sees("of before", "sent");
  await ana.kept();
  await ana.page.reload();
  await ana.connected();
  assert.ok(await ana.page.locator(".update").isHidden(), "there is nothing new");
  front.version = 2;
  await ana.page.reload();
  await ana.page.locator(".update").waitFor();
  assert.equal(await version(), "1", "nobody has asked for the new one");
  await ana.page.fill("textarea", "half a thought");
  await ana.page.getByRole("button", { name: "use it" }).click();
  await ana.page.waitForSelector('html[data-version="2"]');
  await ana.connected();
  assert.equal(await ana.page.inputValue("textarea"), "half a thought");
  assert.deepEqual(await ana.texts(), ["of before"]);
  assert.ok(await ana.page.locator(".update").isHidden());
  const caches = await ana.page.evaluate(() => caches.keys());
  assert.ok(caches.length === 1 && caches[0].startsWith("everwire-2-"), `${caches}`);
  await ana.done();
});

life("a page that was frozen notices at once that its connection is dead", async (front) => {
  const ana = await Person.join(browser, front, "Ana");
  front.silence();
  const ben = await Person.join(browser, front, "Ben");
  await ben.write("are you there?");
  // DevTools freezes pages, but a page that it keeps visible does not get the event.
  await ana.page.evaluate(() => document.dispatchEvent(new Event("resume")));
  // A probe takes 3 s; the heartbeat alone would take up to 40.
  await ana.message("are you there?").waitFor({ timeout: 25_000 });
  await ana.connected();
  await ben.done();
  await ana.done();
});

life("a page that was left and comes back shows every line once", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  await ana.write("before I left");
  await ana.sees("before I left", "sent");
  await server.kill();
  await ana.write("while it was down");
  await ana.page.goto("about:blank");
  await server.restart();
  await ana.page.goBack();
  await ana.connected();
  await ana.sees("while it was down", "sent");
  assert.deepEqual(await ana.texts(), ["before I left", "while it was down"]);
  await ana.done();
});

life("a page that comes back out of the back-forward cache connects again, and shows every line once", async (front, server) => {
  const keeping = await keepingBrowser();
  try {
    const ana = await Person.join(keeping, front, "Ana");
    const ben = await Person.join(browser, front, "Ben");
    await ana.write("before I left");
    await ana.sees("before I left", "sent");
    await ana.awayWhile(async () => {
      await ben.write("while you were away");
      await ben.sees("while you were away", "sent");
    });
    await ana.message("while you were away").waitFor();
    await ana.write("I am back");
    await ana.sees("I am back", "sent");
    // With an unsent message.
    await server.kill();
    await ana.write("while it was down");
    await ana.awayWhile(() => server.restart());
    await ana.sees("while it was down", "sent");
    await ben.message("while it was down").waitFor();
    for (const person of [ana, ben]) {
      assert.deepEqual(await person.texts(), ["before I left", "while you were away", "I am back", "while it was down"]);
    }
    await ana.done();
    await ben.done();
  } finally {
    await keeping.close();
  }
});

life("with full storage the page says so, and still sends", async (front) => {
  const ana = await Person.join(browser, front, "Ana");
  await ana.page.evaluate(() => {
    const memories = Object.keys(localStorage).filter((name) => name.startsWith("everwire.memory"));
    memories.forEach((name) => localStorage.removeItem(name));
    for (let size = 1 << 22; size >= 1; size >>= 1) {
      try {
        for (let one = 0; ; one += 1) localStorage.setItem(`junk.${size}.${one}`, "x".repeat(size));
      } catch {
        // A smaller one may fit.
      }
    }
  });
  await ana.write("no room for me");
  await ana.page.locator(".unkept", { hasText: /no more room/ }).waitFor();
  await ana.sees("no room for me", "sent");
  await ana.page.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith("junk")).forEach((name) => localStorage.removeItem(name)));
  await ana.page.locator(".unkept").waitFor({ state: "hidden" });
  await ana.done();
});

life("the line being read stays in place while older messages are loaded", async (front, server) => {
  await say(server, 900);
  const ana = await Person.join(browser, front, "Ana");
  await ana.message("line 900").waitFor();
  const list = ana.page.locator(".list");
  let shown = await ana.texts();
  for (let step = 0; step < 150 && shown[0] !== "line 1"; step += 1) {
    const jump = await list.evaluate(async (list) => {
      const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
      list.scrollBy(0, -700);
      await frame();
      await frame();
      const edge = list.getBoundingClientRect().top;
      const top = (row) => row.querySelector(".bubble").getBoundingClientRect().top - edge;
      const read = [...list.querySelectorAll(".message")].find((row) => top(row) > 30);
      const [before, id] = [top(read), read.dataset.id];
      let jump = 0;
      for (let step = 0; step < 8; step += 1) {
        await frame();
        const row = list.querySelector(`[data-id="${id}"]`);
        jump = Math.max(jump, row ? Math.abs(top(row) - before) : Infinity);
      }
      return jump;
    });
    assert.ok(jump < 2, `what is read jumped by ${jump} pixels`);
    shown = await ana.texts();
  }
  assert.equal(shown[0], "line 1");
  await ana.done();
});

life("the browser offers to install the page", async (front) => {
  assert.deepEqual(await installabilityErrors(front.url()), []);
});
