// Error messages, reading, printing and writing in Chromium.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import WebSocket from "ws";
import { behind as states } from "./front.mjs";
import { browser as launch, inspect, Person, say } from "./world.mjs";

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

/** Makes the server refuse lines with these words from now on. */
async function refusing(person, words) {
  await person.page.routeWebSocket(/\/ws/, (near) => {
    const far = near.connectToServer();
    near.onMessage((message) => {
      const line = String(message).startsWith("{") ? JSON.parse(message) : {};
      if (!line.text?.includes(words)) return far.send(message);
      near.send(JSON.stringify({ type: "rejected", id: line.id, reason: "another user's message has this id" }));
    });
  });
}

states("a refused message keeps its text over a reload, and can be edited and copied", async (front) => {
  const ana = await Person.visit(browser, "about:blank", { permissions: ["clipboard-read", "clipboard-write"] });
  await refusing(ana, "not this");
  await ana.page.goto(front.url());
  await ana.page.fill("#name", "Ana");
  await ana.page.press("#name", "Enter");
  await ana.connected();
  for (const text of ["not this one", "not this other", "but that"]) await ana.write(text);
  await ana.sees("but that", "sent");
  const refused = ana.message("not this one");
  await refused.locator(".reason", { hasText: "another message has this id" }).waitFor();
  await ana.page.reload();
  await ana.connected();
  await refused.locator(".reason").waitFor();
  assert.deepEqual((await ana.texts()).sort(), ["but that", "not this one", "not this other"]);
  await refused.getByRole("button", { name: "copy" }).click();
  await ana.page.locator(".done", { hasText: "Copied" }).waitFor({ state: "attached" });
  assert.equal(await ana.page.evaluate(() => navigator.clipboard.readText()), "not this one");
  await ana.page.fill("textarea", "begun already");
  await refused.getByRole("button", { name: "edit" }).click();
  assert.equal(await ana.page.inputValue("textarea"), "not this one\nbegun already");
  await ana.message("not this other").getByRole("button", { name: "delete" }).click();
  await ana.page.reload();
  await ana.connected();
  await ana.sees("but that", "sent");
  assert.deepEqual(await ana.texts(), ["but that"], "what was edited or deleted does not come back");
  assert.equal(await ana.page.inputValue("textarea"), "not this one\nbegun already");
  await ana.done();
});

states("a key edits the last line that has not been sent, and no line that has", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  await ana.write("arrived");
  await ana.sees("arrived", "sent");
  await ana.page.press("textarea", "ArrowUp");
  assert.equal(await ana.page.inputValue("textarea"), "");
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  await ana.write("one");
  await ana.write("two");
  await ana.page.press("textarea", "ArrowUp");
  assert.equal(await ana.page.inputValue("textarea"), "two");
  await ana.page.press("textarea", "ArrowUp");
  assert.equal(await ana.page.inputValue("textarea"), "two", "not while something is written");
  await ana.done();
});

states("a user who does not want to wait for the next attempt connects now", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  await server.kill();
  const now = ana.page.getByRole("button", { name: "retry now" });
  await now.waitFor();
  // Some requests check whether the server is there, others ask why it refuses.
  await front.heard("/api/info", 7);
  // The page does not connect before the user asks, however long the server takes to start.
  front.instead = { "/api/info": "nobody's answer" };
  await server.restart();
  await now.waitFor({ state: "hidden" });
  await now.waitFor();
  front.instead = {};
  const since = Date.now();
  await now.click();
  await ana.connected();
  assert.ok(Date.now() - since < 1500, `it took ${Date.now() - since} ms`);
  await now.waitFor({ state: "hidden" });
  await ana.done();
});

states("the sign-in page of a network is not taken for the server's answer", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  await server.kill();
  front.foreign = "<!doctype html><title>Welcome aboard</title>";
  await ana.page.waitForSelector(".dot.bad");
  const asked = () => front.asked.filter((path) => path === "/api/info").length;
  await front.heard("/api/info", asked() + 1);
  const tried = front.upgrades;
  front.instead["/api/info"] = front.foreign;
  await front.heard("/api/info", asked() + 2);
  assert.equal(front.upgrades, tried);
  front.foreign = undefined;
  front.instead = {};
  await server.restart();
  await ana.connected();
  ana.complaints = ana.complaints.filter((complaint) => !complaint.includes("404"));
  await ana.done();
});

states("an unknown state is not shown as an empty one", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  await ana.page.locator(".empty", { hasText: "Nobody has said anything yet" }).waitFor();
  const others = ana.page.locator("button.people");
  await others.filter({ hasText: "Nobody else here" }).waitFor();
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  await others.waitFor({ state: "hidden" });
  await ana.page.getByRole("textbox", { name: "Join another room" }).fill("den");
  await ana.page.keyboard.press("Enter");
  await ana.page.locator(".empty", { hasText: "Not loaded yet" }).waitFor();
  await others.waitFor({ state: "hidden" });
  await server.restart();
  await ana.page.locator(".empty", { hasText: "Nobody has said anything yet" }).waitFor();
  await others.filter({ hasText: "Nobody else here" }).waitFor();
  await ana.done();
});

states("a name that begins with @ is completed", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  const ben = await Person.join(browser, front, "Ben Adler");
  await speak(server, "Berta", ["hello"]);
  await ana.message("hello").waitFor();
  await ana.page.fill("textarea", "an address: b@be");
  assert.ok(await ana.page.locator(".names").isHidden(), "no name begins there");
  await ana.page.fill("textarea", "");
  await ana.page.locator("textarea").pressSequentially("hi @be");
  const offered = ana.page.locator(".names li");
  await offered.nth(1).waitFor();
  assert.deepEqual(await offered.allTextContents(), ["@Ben Adler", "@Berta"]);
  await inspect(ana);
  await ana.page.press("textarea", "ArrowDown");
  await ana.page.locator(".names [aria-selected=true]", { hasText: "@Berta" }).waitFor();
  await ana.page.press("textarea", "Enter");
  assert.equal(await ana.page.inputValue("textarea"), "hi @Berta ");
  assert.ok(await ana.page.locator(".names").isHidden());
  assert.deepEqual(await ana.texts(), ["hello"], "that Enter sent nothing");
  await ana.page.locator("textarea").pressSequentially("and @b");
  await ana.page.press("textarea", "Escape");
  assert.ok(await ana.page.locator(".names").isHidden());
  await ana.page.locator("textarea").pressSequentially("e");
  await offered.filter({ hasText: "Ben" }).click();
  assert.equal(await ana.page.inputValue("textarea"), "hi @Berta and @Ben Adler ");
  await ana.page.press("textarea", "Enter");
  await ben.page.locator(".message[data-mention]", { hasText: "hi @Berta and @Ben Adler" }).waitFor();
  await ben.done();
  await ana.done();
});

states("the page reports an invalid room name in the address", async (front) => {
  const ana = await Person.join(browser, front, "Ana", { query: `?room=${"x".repeat(65)}` });
  await ana.page.locator(".wrong", { hasText: "longer than 64 characters" }).waitFor();
  assert.equal(await ana.page.locator("h1").textContent(), "lobby");
  await ana.done();
});

states("without storage the page says what happens to unsent messages", async (front, server) => {
  const ana = await Person.visit(browser, "about:blank");
  await ana.context.addInitScript(() => {
    const barred = { get: () => { throw new DOMException("no", "SecurityError"); } };
    for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, barred);
  });
  await ana.page.goto(front.url());
  await ana.page.fill("#name", "Ana");
  await ana.page.press("#name", "Enter");
  await ana.connected();
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  const line = ana.page.locator(".unkept", { hasText: "keeps nothing for this page" });
  assert.ok(await line.isHidden(), "nothing waits");
  await ana.write("in the tunnel");
  await line.waitFor();
  await server.restart();
  await ana.sees("in the tunnel", "sent");
  await line.waitFor({ state: "hidden" });
  await ana.done();
});

states("users have colours and initials of their own, and each line has its sender and time", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  const others = ["Ben Adler", "Cat", "Dan", "Eve", "Fay"];
  for (const [at, name] of others.entries()) await speak(server, name, [`first of ${name}`, `second of ${name}`], at);
  await ana.message("second of Fay").waitFor();
  const avatars = await ana.page.locator(".message .avatar").evaluateAll((all) => all.map((one) => [getComputedStyle(one).backgroundColor, one.textContent]));
  assert.equal(avatars.length, others.length, "one for those that stand together");
  assert.equal(new Set(avatars.map(([colour]) => colour)).size, others.length);
  assert.deepEqual(avatars.map(([, letters]) => letters), ["BA", "C", "D", "E", "F"]);
  const ben = await Person.join(browser, front, "Ben Adler");
  await ben.write("here too");
  const drawn = (within) => ana.page.locator(`${within} .avatar`, { hasText: "BA" }).last().evaluate((one) => [getComputedStyle(one).backgroundColor, one.textContent]);
  await ana.message("here too").waitFor();
  assert.deepEqual(await drawn(".side .people"), await drawn(".message"), "the same wherever a user is shown");
  await ben.done();
  const row = ana.message("second of Cat");
  assert.match(await row.innerText(), /Cat.?:/);
  assert.equal(await row.getAttribute("role"), "listitem");
  assert.match(await row.locator("time").getAttribute("title"), /^\w+day, \d+ \w+ 20\d\d, \d\d:\d\d$/);
  await ana.write("mine");
  assert.match(await ana.message("mine").innerText(), /You:/);
  await ana.done();
});

states("the page can be printed, and read in forced colours", async (front, server) => {
  await say(server, 60);
  const ana = await Person.join(browser, front, "Ana");
  await ana.message("line 60").waitFor();
  await ana.page.emulateMedia({ forcedColors: "active" });
  assert.equal(await ana.message("line 60").locator(".bubble").evaluate((one) => getComputedStyle(one).borderTopWidth), "1px");
  await inspect(ana);
  await ana.page.emulateMedia({ forcedColors: "none", media: "print" });
  const [list, shown] = await ana.page.evaluate(() => {
    const list = document.querySelector(".list");
    return [list.scrollHeight - list.clientHeight, [".composer", ".side"].map((one) => getComputedStyle(document.querySelector(one)).display)];
  });
  assert.ok(list <= 1, "nothing is cut off");
  assert.deepEqual(shown, ["none", "none"]);
  await ana.done();
});

states("a Russian page has no English text", async (front, server) => {
  const anna = await Person.visit(browser, "about:blank", { locale: "ru-RU" });
  await refusing(anna, "нельзя");
  front.hold("/everwire_bg");
  await anna.page.goto(front.url(), { waitUntil: "commit" });
  await anna.page.locator(".loading", { hasText: "Загрузка" }).waitFor();
  await speaksRussian(anna);
  front.letGo();
  await anna.page.fill("#name", "я".repeat(65));
  await speaksRussian(anna);
  await anna.page.press("#name", "Enter");
  await anna.page.locator("#problem", { hasText: "64" }).waitFor();
  await speaksRussian(anna);
  await anna.page.fill("#name", "Анна");
  await anna.page.press("#name", "Enter");
  await anna.connected();
  await speak(server, "Бен", ["привет", "как дела?"]);
  await anna.message("как дела").waitFor();
  await anna.write("так нельзя");
  await anna.message("так нельзя").locator(".reason").waitFor();
  await speaksRussian(anna);
  await anna.page.locator(".new-room input").fill("комната".repeat(20));
  await anna.page.locator(".new-room input").press("Enter");
  await anna.page.locator(".new-room .problem", { hasText: "64" }).waitFor();
  await server.kill();
  await anna.page.getByRole("button", { name: "Повторить сейчас" }).waitFor();
  await anna.write("ждёт");
  await speaksRussian(anna);
  await anna.page.evaluate(() => dispatchEvent(new Event("offline")));
  await anna.page.locator(".state", { hasText: "Нет сети" }).waitFor();
  await speaksRussian(anna);
  await anna.done();
});

/** All text that is shown or read aloud, without the names of the program and of the first room, and without addresses. */
async function speaksRussian(person) {
  const said = await person.page.evaluate(() => {
    const shown = [...document.querySelectorAll("body *:not(template):not(noscript)")].filter((one) => one.checkVisibility());
    const own = (one) => [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data);
    const named = (one) => ["title", "aria-label", "placeholder", "alt"].map((name) => one.getAttribute(name) ?? "");
    return [document.title, ...shown.flatMap((one) => [...own(one), ...named(one)])].join("\n");
  });
  const words = said.match(/[A-Za-z]{2,}/g) ?? [];
  assert.deepEqual(words.filter((word) => !["Everwire", "lobby", "Esc"].includes(word)), []);
}

async function speak(server, name, lines) {
  const id = encodeURIComponent(name);
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?userId=${id}&userName=${id}`);
  await new Promise((opened) => socket.once("open", opened));
  for (const text of lines) {
    socket.send(JSON.stringify({ type: "text", id: `${process.hrtime.bigint()}`, userId: name, userName: name, text, timestamp: Date.now() }));
  }
  socket.ping();
  await new Promise((stored) => socket.once("pong", stored));
  socket.close();
}
