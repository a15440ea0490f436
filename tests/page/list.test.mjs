// The list of messages in Chromium: scroll position, unread counts, screen readers, and the composer.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Front } from "./front.mjs";
import { browser as launch, Person, say, Server } from "./world.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

/** A test with a server of its own. */
function list(name, body) {
  test(name, async () => {
    const server = await Server.start();
    try {
      await body(server);
    } finally {
      await server.stop();
    }
  });
}

/** Waits until the list shows its end. */
const end = (person) => person.page.waitForFunction(() => {
  const list = document.querySelector(".list");
  return list.scrollHeight - list.scrollTop - list.clientHeight < 2 && document.querySelector(".newest").hidden;
});

/** Scrolls to this distance from the top in pixels, and waits until that is drawn. */
const scroll = (person, top) => person.page.evaluate(async (top) => {
  document.querySelector(".list").scrollTop = top;
  for (let frame = 0; frame < 3; frame += 1) await new Promise((drawn) => requestAnimationFrame(drawn));
}, top);

/** How far a row is from the top of the window. */
const place = (row) => row.evaluate((row) => row.getBoundingClientRect().top);

/** Makes a page visible and focused, or not. */
const look = (person, looks) => person.page.evaluate((looks) => {
  document.hasFocus = () => looks;
  if (looks) window.dispatchEvent(new Event("focus"));
}, looks);

list("the newest lines stay in view when the list gets lower, and the line being read when it gets narrower", async (server) => {
  await say(server, 120);
  const ana = await Person.join(browser, server, "Ana", PHONE);
  await ana.message("line 120").waitFor();
  await end(ana);
  // A keyboard opens; a draft grows; the phone is turned.
  for (const viewport of [{ width: 390, height: 480 }, { width: 844, height: 390 }, { width: 390, height: 844 }]) {
    await ana.page.setViewportSize(viewport);
    await end(ana);
    await ana.page.fill("textarea", "one\ntwo\nthree\nfour");
    await end(ana);
    const [button, form] = await ana.page.evaluate(() => {
      const newest = document.querySelector(".newest");
      newest.hidden = false;
      const bottom = newest.getBoundingClientRect().bottom;
      newest.hidden = true;
      return [bottom, document.querySelector(".composer").getBoundingClientRect().top];
    });
    assert.ok(button <= form, "the way to the newest leaves the draft alone");
    await ana.page.fill("textarea", "");
    await end(ana);
  }
  await say(server, 1, 120);
  await ana.message("line 121").waitFor();
  await end(ana);
  await scroll(ana, 900);
  const read = ana.page.locator(".message").nth(await ana.page.evaluate(() => {
    const top = document.querySelector(".list").getBoundingClientRect().top;
    return [...document.querySelectorAll(".message")].findIndex((row) => row.getBoundingClientRect().top >= top - 20);
  }));
  const before = await place(read);
  await ana.page.setViewportSize({ width: 300, height: 600 });
  await ana.page.waitForFunction(() => innerWidth === 300);
  await scroll(ana, await ana.page.evaluate(() => document.querySelector(".list").scrollTop));
  assert.ok(Math.abs((await place(read)) - before) < 3, "what is read stays where it is");
  await ana.done();
});

list("a screen higher than the first page of history is filled, and stays so", async (server) => {
  await say(server, 300);
  const ana = await Person.join(browser, server, "Ana", { viewport: { width: 800, height: 3200 } });
  const isFilled = () => document.querySelector(".list").scrollTop > 500;
  await ana.page.waitForFunction(isFilled);
  await say(server, 30, 300);
  await ana.message("line 330").waitFor();
  await ana.page.waitForFunction(isFilled);
  await end(ana);
  await ana.done();
});

list("the button to the newest message works right after any scrolling", async (server) => {
  await say(server, 100);
  const ana = await Person.join(browser, server, "Ana");
  await ana.message("line 100").waitFor();
  await scroll(ana, 100);
  await ana.page.evaluate(() => {
    document.querySelector(".list").scrollTop = 300;
    document.querySelector(".newest").click();
  });
  await end(ana);
  await ana.done();
});

list("a row stays the same element while its status changes, and history is not read aloud", async (server) => {
  await say(server, 100);
  const ana = await Person.join(browser, server, "Ana");
  await ana.message("line 100").waitFor();
  const live = () => ana.page.locator(".list").getAttribute("aria-live");
  assert.equal(await live(), "off");
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  await ana.write("one row");
  await ana.sees("one row", "sending");
  assert.equal(await live(), "polite");
  await ana.message("one row").evaluate((row) => {
    row.isTheSame = true;
    row.querySelector("button").focus();
    getSelection().selectAllChildren(row.querySelector(".text"));
  });
  await server.restart();
  await ana.sees("one row", "sent");
  assert.ok(await ana.message("one row").evaluate((row) => row.isTheSame));
  assert.equal(await ana.page.evaluate(() => `${getSelection()}`), "one row");
  assert.equal(await ana.message("one row").getByRole("button").count(), 0);
  assert.ok(await ana.page.locator(".list").evaluate((list) => list === document.activeElement), "the keys go on from here");
  await scroll(ana, 0);
  await ana.message(/^line 1$/).waitFor();
  assert.equal(await live(), "off");
  await ana.done();
});

list("the unread line counts what came while the user did not look", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const line = ana.page.locator(".unread");
  await look(ana, false);
  await say(server, 2);
  await ana.page.waitForFunction(() => document.title.startsWith("(2)"));
  assert.match(await line.innerText(), /2.* new messages/);
  await look(ana, true);
  await ana.page.waitForFunction(() => !document.title.startsWith("("));
  await say(server, 5, 2);
  await ana.message("line 7").waitFor();
  assert.match(await line.innerText(), /2.* new messages/, "the others were seen as they came");
  await look(ana, false);
  await say(server, 1, 7);
  await line.filter({ hasText: /1.* new message/ }).waitFor();
  assert.equal(await line.evaluate((line) => line.nextElementSibling.querySelector(".text").textContent), "line 8");
  await look(ana, true);
  await ana.page.waitForFunction(() => !document.title.startsWith("("));
  await ana.page.locator("textarea").pressSequentially("I have seen it");
  await line.waitFor({ state: "detached" });
  await ana.done();
});

list("after midnight the heading Today becomes Yesterday", async (server) => {
  const ana = await Person.visit(browser, "about:blank");
  await ana.page.clock.install();
  await ana.page.goto(server.url());
  await ana.page.fill("#name", "Ana");
  await ana.page.press("#name", "Enter");
  await ana.connected();
  await ana.write("good night");
  await ana.page.locator(".day", { hasText: "Today" }).waitFor();
  await ana.page.clock.fastForward("24:00:00");
  await ana.page.locator(".day", { hasText: "Yesterday" }).waitFor();
  await ana.done();
});

list("Enter works on each keyboard in its own way", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  // The events by which Safari ends the composition of a Chinese word.
  await ana.page.fill("textarea", "你好");
  await ana.page.evaluate(() => {
    const enter = { key: "Enter", keyCode: 229, bubbles: true, cancelable: true };
    document.querySelector("textarea").dispatchEvent(new KeyboardEvent("keydown", enter));
  });
  assert.equal(await ana.page.inputValue("textarea"), "你好");
  await ana.page.press("textarea", "Enter");
  await ana.message("你好").waitFor();
  await ana.page.fill("textarea", "я".repeat(8195));
  await ana.page.locator(".wrong", { hasText: /^.?3.? characters/ }).waitFor();
  const ben = await Person.join(browser, server, "Ben", PHONE);
  await ben.page.locator("textarea").pressSequentially("two");
  await ben.page.press("textarea", "Enter");
  await ben.page.locator("textarea").pressSequentially("lines");
  await ben.page.locator(".send").tap();
  await ana.message("lines").waitFor();
  assert.deepEqual(await ana.texts(), ["你好", "two\nlines"]);
  await ben.done();
  await ana.done();
});

list("a name is completed at the cursor, and the text after it stays", async (server) => {
  const ben = await Person.join(browser, server, "Ben 🙂 Berg");
  const ana = await Person.join(browser, server, "Ana");
  await ana.page.locator(".side .people", { hasText: "Berg" }).waitFor();
  const input = ana.page.locator("textarea");
  const offered = ana.page.locator(".names li", { hasText: "Berg" });
  await input.pressSequentially("😀 , are you there");
  // After the first space: an emoji takes two UTF-16 units.
  await input.evaluate((node) => node.setSelectionRange(3, 3));
  await ana.page.keyboard.type("@be");
  await offered.waitFor();
  await ana.page.keyboard.press("Enter");
  assert.equal(await input.inputValue(), "😀 @Ben 🙂 Berg, are you there");
  await ana.page.keyboard.type("!");
  assert.equal(await input.inputValue(), "😀 @Ben 🙂 Berg!, are you there");
  // With the cursor elsewhere nothing is offered, and Enter sends.
  await input.fill("@be");
  await offered.waitFor();
  await ana.page.keyboard.press("Home");
  await ana.page.locator(".names").waitFor({ state: "hidden" });
  await ana.page.keyboard.press("End");
  await ana.page.keyboard.type("n");
  await offered.waitFor();
  await ana.page.keyboard.press("Tab");
  await ana.page.keyboard.type("and all");
  await ana.page.keyboard.press("Enter");
  await ben.message("@Ben 🙂 Berg and all").waitFor();
  for (const person of [ben, ana]) await person.done();
});

list("a message that can't be withdrawn any more says so", async (server) => {
  const front = await Front.before(server);
  try {
    const ana = await Person.join(browser, front, "Ana");
    front.silence();
    await ana.write("said is said");
    await ana.sees("said is said", "sending");
    await ana.message("said is said").getByRole("button", { name: "take back" }).click();
    await ana.page.locator(".wrong", { hasText: "too late" }).waitFor();
    front.speak();
    await ana.sees("said is said", "sent");
    await ana.done();
  } finally {
    await front.stop();
  }
});

list("history that could not be loaded without a network is loaded when it is back", async (server) => {
  await say(server, 200);
  const ana = await Person.join(browser, server, "Ana");
  await ana.message("line 200").waitFor();
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  const first = async () => (await ana.texts())[0];
  for (let shown = ""; shown !== (await first()); await scroll(ana, 0)) shown = await first();
  const shown = await first();
  assert.notEqual(shown, "line 1");
  await server.restart();
  await ana.page.waitForFunction((shown) => document.querySelector(".message .text").textContent !== shown, shown);
  await ana.done();
});

list("a gap is filled when the user scrolls to it, and never all of it is in the document", async (server) => {
  await say(server, 40);
  const ana = await Person.join(browser, server, "Ana");
  await ana.message("line 40").waitFor();
  // Another history: the lines of the earlier one stay above it, with a gap between them.
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  await ana.context.setOffline(true);
  rmSync(server.folder, { recursive: true, force: true });
  await server.restart();
  await say(server, 700, 1000);
  await ana.context.setOffline(false);
  await ana.message("line 1700").waitFor();
  const gap = ana.page.locator(".notice", { hasText: "missing here" });
  await end(ana);
  await gap.waitFor({ state: "attached" });
  for (let step = 0; step < 200 && (await gap.count()) > 0; step += 1) {
    // Scrolls to right below the gap.
    await scroll(ana, await gap.evaluate((gap) => {
      const list = document.querySelector(".list");
      return list.scrollTop + gap.getBoundingClientRect().bottom - list.getBoundingClientRect().top;
    }));
    const shown = await ana.page.locator(".message").count();
    assert.ok(shown <= 420, `${shown} messages are in the document`);
  }
  await scroll(ana, 0);
  await ana.message(/^line 1$/).waitFor();
  const shown = await ana.texts();
  assert.deepEqual(shown.slice(0, 42), [...Array.from({ length: 40 }, (_, at) => `line ${at + 1}`), "line 1001", "line 1002"]);
  await ana.done();
});

list("the line being read stays in place, also where only notices are visible", async (server) => {
  await say(server, 150);
  const ana = await Person.join(browser, server, "Ana");
  await ana.message("line 150").waitFor();
  const others = Array.from({ length: 20 }, (_, at) => new WebSocket(`ws://127.0.0.1:${server.port}/ws?userId=u${at}&userName=U${at}`));
  await ana.page.waitForFunction(() => document.querySelectorAll(".notice:not(.start)").length === 20);
  // With this many, the lines are near the first of the messages that are in the document.
  await say(server, 59, 150);
  await ana.message("line 209").waitFor();
  const notice = ana.page.locator(".notice:not(.start)").nth(1);
  const [jump, came] = await notice.evaluate(async (notice) => {
    const list = document.querySelector(".list");
    const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
    const count = list.querySelectorAll(".message").length;
    list.scrollTop += notice.getBoundingClientRect().top - list.getBoundingClientRect().top - 10;
    const before = notice.getBoundingClientRect().top;
    for (let step = 0; step < 5; step += 1) await frame();
    return [Math.abs(notice.getBoundingClientRect().top - before), list.querySelectorAll(".message").length - count];
  });
  assert.ok(came > 0, "older ones came");
  assert.ok(jump < 2, `the line jumped by ${jump} pixels`);
  others.forEach((other) => other.close());
  await ana.done();
});
