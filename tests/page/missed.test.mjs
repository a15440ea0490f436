// Missed lines in Chromium: where the page scrolls to, the receipts that others get, and notifications.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import WebSocket from "ws";
import { behind as missed } from "./front.mjs";
import { browser as launch, Person, say } from "./world.mjs";

const PASSWORD = "correct horse battery";

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

/** Makes a page visible and focused, or not. */
const look = (person, looks) => person.page.evaluate((looks) => {
  document.hasFocus = () => looks;
  if (looks) window.dispatchEvent(new Event("focus"));
}, looks);

/** Waits until the unread line is at the top of the list, with this text. */
async function atLine(person, words) {
  await person.page.locator(".unread", { hasText: words }).waitFor();
  await person.page.waitForFunction(() => {
    const [list, line] = [".list", ".unread"].map((one) => document.querySelector(one).getBoundingClientRect().top);
    return line - list > -1 && line - list < 60;
  });
}

const titled = (person, beginning) => person.page.waitForFunction((beginning) => document.title.startsWith(beginning), beginning);

/** Goes to the newest line, and marks the skipped ones as read. */
async function readAll(person) {
  await person.page.locator(".newest").click();
  await person.page.getByRole("button", { name: "mark all as read" }).click();
}

/** Zoe's own view of who has read her lines. */
async function watch(server) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?userId=zoe&userName=Zoe&after=`);
  const watched = { read: 0, delivered: 0, close: () => socket.close() };
  socket.on("message", (data) => {
    for (const event of [JSON.parse(data)].flat()) {
      if (event.type !== "receipt") continue;
      watched.read = Math.max(watched.read, event.read);
      watched.delivered = Math.max(watched.delivered, event.delivered);
    }
  });
  await new Promise((opened) => socket.once("open", opened));
  return watched;
}

async function until(what) {
  for (let step = 0; step < 500; step += 1) {
    if (what()) return;
    await new Promise((waited) => setTimeout(waited, 20));
  }
  throw new Error(`it never came to ${what}`);
}

missed("after an absence the page scrolls to the first new line, and only lines that were on the screen count as read", async (front, server) => {
  await say(server, 20);
  const ana = await Person.join(browser, front, "Ana");
  await ana.message("line 20").waitFor();
  await ana.kept();
  await ana.page.goto("about:blank");
  await say(server, 300, 20);
  const zoe = await watch(server);
  await ana.page.goto(front.url());
  await atLine(ana, /300.* new messages/);
  await until(() => zoe.delivered === 320 && zoe.read > 20);
  await titled(ana, "(2");
  const shown = await ana.page.evaluate(() => {
    const bottom = document.querySelector(".list").getBoundingClientRect().bottom;
    return [...document.querySelectorAll(".message")].filter((row) => row.getBoundingClientRect().bottom <= bottom + 1).length;
  });
  // The rows include those above the unread line, which were read before.
  assert.ok(zoe.read <= 20 + shown, `${zoe.read} were told to be read, and some ${shown} are above the end of the screen`);
  assert.ok(zoe.read < 60, `${zoe.read} were told to be read`);
  const news = ana.page.locator(".newest");
  assert.match(await news.textContent(), /2\d\d.? new/);
  const before = zoe.read;
  const count = () => news.textContent().then((words) => Number(words.match(/\d+/)[0]));
  const counted = await count();
  await ana.page.locator(".list").evaluate((list) => list.scrollBy(0, 400));
  await until(() => zoe.read > before);
  assert.ok(zoe.read < 80);
  await titled(ana, `(${320 - zoe.read})`);
  assert.equal(await count(), 320 - zoe.read, `it was ${counted} before`);

  // Going to the newest line does not mark the skipped ones as read.
  const here = zoe.read;
  await news.click();
  await ana.message("line 320").waitFor();
  await ana.page.locator(".newest", { hasText: "↑" }).waitFor();
  await say(server, 1, 320);
  await ana.message("line 321").waitFor();
  await until(() => zoe.delivered === 321);
  assert.equal(zoe.read, here);
  const left = await count();
  assert.ok(left < 320 - here, "what is on the screen at the end is not unread");
  await titled(ana, `(${left})`);
  await ana.page.reload();
  await atLine(ana, /new messages/);
  await titled(ana, "(2");
  await ana.page.locator(".newest", { hasText: "↓" }).click();
  await ana.page.locator(".newest", { hasText: "↑" }).click();
  await atLine(ana, /new messages/);
  await ana.page.locator(".newest", { hasText: "↓" }).click();
  await ana.page.getByRole("button", { name: "mark all as read" }).click();
  await until(() => zoe.read === 321);
  await titled(ana, "lobby");
  await ana.page.locator(".ways button:visible").waitFor({ state: "detached" });
  await ana.page.reload();
  await ana.message("line 321").waitFor();
  assert.equal(await ana.page.locator(".unread").count(), 0);
  zoe.close();
  await ana.done();
});

missed("after a time without a network, or without the user's attention, the first new line is on the screen", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  await say(server, 1);
  await ana.message("line 1").waitFor();
  await ana.context.setOffline(true);
  front.cut();
  await ana.page.waitForSelector(".dot.bad");
  await say(server, 100, 1);
  await ana.context.setOffline(false);
  await atLine(ana, /100.* new messages/);
  await readAll(ana);
  await titled(ana, "lobby");
  await look(ana, false);
  await say(server, 90, 101);
  await titled(ana, "(90)");
  await look(ana, true);
  await atLine(ana, /90.* new messages/);
  await titled(ana, "(7");
  await ana.done();
});

missed("a room opens at the place where the user left it", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  await ana.page.getByRole("textbox", { name: "Join another room" }).fill("den");
  await ana.page.keyboard.press("Enter");
  await ana.page.locator("h1", { hasText: "den" }).waitFor();
  await ana.connected();
  await say(server, 150);
  await ana.page.locator(".side .count", { hasText: "150" }).waitFor();
  await ana.page.locator(".side .rooms .room", { hasText: "lobby" }).click();
  await atLine(ana, /150.* new messages/);
  await ana.message(/^line 1$/).waitFor();
  await ana.done();
});

missed("lines that were read on one device count as read on the other", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD, zoe: PASSWORD });
  const visit = async () => {
    const ana = await Person.visit(browser, front.url());
    await ana.signIn("ana", PASSWORD);
    await ana.connected();
    return ana;
  };
  const zoe = await Person.visit(browser, front.url());
  await zoe.signIn("zoe", PASSWORD);
  await zoe.connected();
  const [phone, desk] = [await visit(), await visit()];
  for (const device of [phone, desk]) await look(device, false);
  // Each is as high as eight lines.
  for (let line = 1; line <= 8; line += 1) await zoe.write(`line ${line}${"\n…".repeat(7)}`);
  for (const device of [phone, desk]) await titled(device, "(8)");
  await look(phone, true);
  await readAll(phone);
  await titled(phone, "lobby");
  await titled(desk, "lobby");
  await look(phone, false);
  await desk.page.goto("about:blank");
  for (let line = 9; line <= 14; line += 1) await zoe.write(`line ${line}${"\n…".repeat(7)}`);
  await zoe.sees("line 14", "delivered");
  await desk.page.goto(front.url());
  await atLine(desk, /6.* new messages/);
  for (const person of [zoe, phone, desk]) await person.done();
});

for (const count of [60, 400]) {
  missed(`a new device opens at the first of ${count} new lines, and tells only those on the screen to be read`, async (front, server) => {
    const phone = await Person.join(browser, front, "Ana");
    await phone.write("from the phone");
    await phone.sees("from the phone", "sent");
    const id = await phone.page.evaluate(() => localStorage.getItem("everwire.id"));
    await phone.done();
    await say(server, count);
    const zoe = await watch(server);
    const desk = await Person.visit(browser, "about:blank");
    await desk.context.addInitScript((id) => localStorage.setItem("everwire.id", id), id);
    await desk.page.goto(front.url());
    await desk.page.fill("#name", "Ana");
    await desk.page.press("#name", "Enter");
    await desk.message(/^line 1$/).waitFor();
    await atLine(desk, new RegExp(`${count}.* new messages`));
    await until(() => zoe.read > 1);
    // A wrong receipt or a wrong scroll position would show a moment later.
    await desk.page.waitForTimeout(1_000);
    const [first, last] = await desk.page.evaluate(() => {
      const { top, bottom } = document.querySelector(".list").getBoundingClientRect();
      const rows = [...document.querySelectorAll(".message")].filter((row) => {
        const place = row.getBoundingClientRect();
        return place.top >= top && place.bottom <= bottom + 1;
      });
      return [rows.at(0), rows.at(-1)].map((row) => row.querySelector(".text").textContent);
    });
    assert.equal(first, "line 1");
    // The line from the phone was the first of all.
    assert.equal(zoe.read, 1 + Number(last.slice("line ".length)));
    zoe.close();
    await desk.done();
  });
}

missed("a user is notified only on request, and not of lines on the screen", async (front) => {
  const ana = await Person.visit(browser, "about:blank", { permissions: ["notifications"] });
  await ana.context.addInitScript(() => {
    window.told = { asked: 0, shown: [], sounds: 0, badge: [] };
    window.Notification.requestPermission = async () => ((told.asked += 1), "granted");
    ServiceWorkerRegistration.prototype.showNotification = async (title, { body, tag }) => void told.shown.push([title, body, tag]);
    window.AudioContext = class {
      constructor() { throw (told.sounds += 1, new Error("silent")); }
    };
    navigator.setAppBadge = async (count) => void told.badge.push(count);
    navigator.clearAppBadge = async () => void told.badge.push(0);
  });
  await ana.page.goto(front.url());
  await ana.page.fill("#name", "Ana");
  await ana.page.press("#name", "Enter");
  await ana.connected();
  await ana.page.evaluate(() => navigator.serviceWorker.ready.then((registration) => registration.active.state));
  const told = () => ana.page.evaluate(() => told);
  const ben = await Person.join(browser, front, "Ben");
  await look(ana, false);
  await ben.write("psst");
  await ana.page.waitForFunction(() => told.sounds === 1 && told.badge.at(-1) === 1);
  assert.deepEqual([(await told()).asked, (await told()).shown], [0, []]);
  await look(ana, true);
  await ana.page.waitForFunction(() => told.badge.at(-1) === 0);
  await ana.page.getByRole("checkbox", { name: "Notifications" }).check();
  await ana.page.waitForFunction(() => told.asked === 1);
  await ana.page.getByRole("checkbox", { name: "Sound" }).uncheck();
  await ben.write("seen at once");
  await ana.message("seen at once").waitFor();
  await look(ana, false);
  await ben.write("are you there?");
  await ana.page.waitForFunction(() => told.shown.length === 1);
  await ben.write("@ana, are you?");
  await ana.page.waitForFunction(() => told.shown.length === 2);
  const { shown, sounds } = await told();
  assert.deepEqual(shown, [["Ben in lobby", "are you there?", "lobby"], ["Ben mentions you in lobby", "@ana, are you?", "lobby"]]);
  assert.equal(sounds, 1, "it was switched off");
  await ana.page.locator(".side .count", { hasText: "@2" }).waitFor();
  const marked = ana.page.locator(".message[data-mention]");
  assert.equal(await marked.count(), 1);
  assert.equal(await marked.locator("b").textContent(), "@ana");
  await ana.page.reload();
  await ana.connected();
  assert.ok(await ana.page.getByRole("checkbox", { name: "Notifications" }).isChecked());
  assert.ok(!(await ana.page.getByRole("checkbox", { name: "Sound" }).isChecked()));
  await ben.done();
  await ana.done();
});

missed("of several tabs one notifies of a line, and none does if its user looks at the room in another", async (front) => {
  const ana = await Person.visit(browser, "about:blank", { permissions: ["notifications"] });
  await ana.context.addInitScript(() => {
    window.told = { shown: [], sounds: 0 };
    window.Notification.requestPermission = async () => "granted";
    ServiceWorkerRegistration.prototype.showNotification = async (title, { body }) => void told.shown.push(body);
    window.AudioContext = class {
      constructor() { throw (told.sounds += 1, new Error("silent")); }
    };
  });
  await ana.page.goto(front.url());
  await ana.page.fill("#name", "Ana");
  await ana.page.press("#name", "Enter");
  await ana.connected();
  await ana.page.evaluate(() => navigator.serviceWorker.ready.then((registration) => registration.active.state));
  await ana.page.getByRole("checkbox", { name: "Notifications" }).check();
  await ana.page.getByRole("checkbox", { name: "Notifications" }).isEnabled();
  const tabs = [ana.page, await ana.open(front.url()), await ana.open(front.url())];
  for (const tab of tabs) {
    await tab.waitForSelector(".dot.good");
    await tab.evaluate(() => (document.hasFocus = () => false));
  }
  const told = async () => {
    const all = await Promise.all(tabs.map((tab) => tab.evaluate(() => window.told)));
    return { shown: all.flatMap(({ shown }) => shown), sounds: all.reduce((sum, { sounds }) => sum + sounds, 0) };
  };
  const ben = await Person.join(browser, front, "Ben");
  await ben.write("first");
  for (const tab of tabs) await tab.waitForFunction(() => document.title.startsWith("(1)"));
  for (let step = 0; step < 500 && (await told()).shown.length === 0; step += 1) await ana.page.waitForTimeout(20);
  // The user looks at one of them.
  await tabs[1].evaluate(() => ((document.hasFocus = () => true), dispatchEvent(new Event("focus"))));
  for (const tab of tabs) await tab.waitForFunction(() => document.title.startsWith("lobby"));
  await ben.write("second");
  await ben.sees("second", "read");
  await tabs[1].evaluate(() => (document.hasFocus = () => false));
  await ben.write("third");
  for (let step = 0; step < 500 && !(await told()).shown.includes("third"); step += 1) await ana.page.waitForTimeout(20);
  // Each other tab has had its turn after the tab that has notified.
  await ana.page.waitForTimeout(1_500);
  const all = await told();
  assert.deepEqual({ ...all, shown: all.shown.sort() }, { shown: ["first", "third"], sounds: 2 });
  await ben.done();
  await ana.done();
});

missed("pressing a notification opens its room", async (front) => {
  const ana = await Person.join(browser, front, "Ana", { query: "?room=den" });
  await ana.page.getByRole("textbox", { name: "Join another room" }).fill("hall");
  await ana.page.keyboard.press("Enter");
  await ana.page.locator("h1", { hasText: "hall" }).waitFor();
  // The message that the service worker sends.
  await ana.page.evaluate(() => navigator.serviceWorker.dispatchEvent(new MessageEvent("message", { data: { room: "den" } })));
  await ana.page.locator("h1", { hasText: "den" }).waitFor();
  await ana.done();
});

missed("published rooms are listed", async (front, server) => {
  server.order("room", "publish", "garden");
  const ana = await Person.join(browser, front, "Ana");
  await ana.page.locator("h2.others").waitFor();
  await ana.page.locator(".others .room", { hasText: "garden" }).click();
  await ana.page.locator("h1", { hasText: "garden" }).waitFor();
  await ana.connected();
  await ana.page.locator("h2.others").waitFor({ state: "hidden" });
  await ana.done();
});
