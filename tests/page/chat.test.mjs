// The page in Chromium, against a real server. `cargo test --package everwire-tests --test page` runs it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser as launch, inspect, LIMIT, Person, say, Server } from "./world.mjs";

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

/** Defines a test with a server of its own. */
function chat(name, body) {
  test(name, LIMIT, async () => {
    const server = await Server.start();
    try {
      await body(server);
    } finally {
      await server.stop();
    }
  });
}

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

chat("two users talk, see each other type, and see which messages were read", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const ben = await Person.join(browser, server, "Ben");
  await ana.page.locator(".notice", { hasText: /Ben.* joined/ }).waitFor();
  await ana.write("hello Ben");
  await ben.message("hello Ben").waitFor();
  assert.equal(await ben.page.locator(".name").textContent(), "Ana");
  await ben.page.bringToFront();
  await ana.sees("hello Ben", "read");
  // A user counts as typing for two seconds after each key.
  const typed = ben.page.locator("textarea").pressSequentially("hi, Ana", { delay: 300 });
  await ana.page.getByText(/Ben.* is typing…/).waitFor();
  await typed;
  await ben.page.press("textarea", "Enter");
  await ana.message("hi, Ana").waitFor();
  assert.equal(await ana.page.locator(".typing").textContent(), "");
  await ben.done();
  await ana.page.locator(".notice", { hasText: /Ben.* left/ }).waitFor();
  await ana.done();
});

chat("a message written while the server is down is sent once after its restart", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const ben = await Person.join(browser, server, "Ben");
  await ana.write("before");
  await ben.message("before").waitFor();
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  await ana.write("meanwhile");
  await ana.sees("meanwhile", "sending");
  await ana.page.locator(".waiting-count", { hasText: /1.* message waits/ }).waitFor();
  await ana.page.locator(".link", { hasText: /offline|connecting/i }).waitFor();
  await server.restart();
  await ana.connected();
  await ana.sees("meanwhile", "read");
  await ben.connected();
  await ben.message("meanwhile").waitFor();
  assert.deepEqual(await ben.texts(), ["before", "meanwhile"]);
  assert.deepEqual(await ana.texts(), ["before", "meanwhile"]);
  await ben.done();
  await ana.done();
});

chat("without a server the page opens with its stored history, and sends once what was written meanwhile", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const ben = await Person.join(browser, server, "Ben");
  await ana.write("before");
  await ben.message("before").waitFor();
  await ana.kept();
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  await ana.write("in the tunnel");
  await ana.sees("in the tunnel", "sending");
  await ana.page.reload();
  await ana.message("before").waitFor();
  await ana.sees("in the tunnel", "sending");
  await ana.write("after a reload");
  await server.restart();
  await ana.connected();
  await ben.connected();
  await ben.message("after a reload").waitFor();
  await ana.sees("after a reload", "sent");
  for (const person of [ana, ben]) assert.deepEqual(await person.texts(), ["before", "in the tunnel", "after a reload"]);
  await ana.page.reload();
  await ana.message("after a reload").waitFor();
  assert.deepEqual(await ana.texts(), ["before", "in the tunnel", "after a reload"]);
  await ben.done();
  await ana.done();
});

chat("two tabs neither lose nor repeat a message", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const ben = await Person.join(browser, server, "Ben");
  const other = await ana.open(server.url());
  await other.waitForSelector(".dot.good");
  await server.kill();
  for (const [page, text] of [[ana.page, "from the first tab"], [other, "from the second tab"]]) {
    await page.waitForSelector(".dot.bad");
    await page.fill("textarea", text);
    await page.press("textarea", "Enter");
    await page.locator(".message", { hasText: text }).waitFor();
  }
  // The open tab shows and sends the messages that the closed tab has not sent.
  await other.close();
  await ana.sees("from the second tab", "sending");
  await server.restart();
  for (const text of ["from the first tab", "from the second tab"]) await ben.message(text).waitFor();
  assert.deepEqual(await ben.texts(), ["from the first tab", "from the second tab"]);
  await ben.done();
  await ana.done();
});

chat("no message is lost when the network is away for a while", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const ben = await Person.join(browser, server, "Ben");
  await ana.context.setOffline(true);
  await ana.write("one");
  await ana.write("two");
  await ana.context.setOffline(false);
  await ben.message("two").waitFor();
  await ana.sees("two", "sent");
  assert.deepEqual(await ben.texts(), ["one", "two"]);
  assert.deepEqual(await ana.texts(), ["one", "two"]);
  await ben.done();
  await ana.done();
});

chat("a user with an account signs in once", async (server) => {
  await server.withAccounts({ ana: "correct horse battery", ben: "another good horse" });
  const ana = await Person.visit(browser, server.url());
  await ana.page.getByText("this server wants to know who you are").waitFor();
  await ana.signIn("ana", "a wrong password");
  await ana.page.getByText("the user or the password is wrong").waitFor();
  await ana.signIn("ana", "correct horse battery");
  await ana.connected();
  const ben = await Person.visit(browser, server.url());
  await ben.signIn("ben", "another good horse");
  await ben.connected();
  await ana.write("it is me");
  await ben.message("it is me").waitFor();
  await ana.page.reload();
  await ana.connected();
  await ana.message("it is me").waitFor();
  ana.complaints = ana.complaints.filter((complaint) => !complaint.includes("401"));
  await ben.done();
  await ana.done();
});

chat("older history is loaded when the user scrolls to it", async (server) => {
  await say(server, 330);
  const ana = await Person.join(browser, server, "Ana");
  await ana.message("line 330").waitFor();
  const list = ana.page.locator(".list");
  for (let step = 0; step < 200 && (await ana.message(/^line 1$/).count()) === 0; step += 1) {
    await list.evaluate((node) => node.scrollBy(0, -1500));
    await ana.page.evaluate(() => new Promise((frame) => requestAnimationFrame(() => requestAnimationFrame(frame))));
  }
  await ana.message(/^line 1$/).waitFor();
  await ana.page.getByText("the beginning of the room").waitFor();
  await ana.done();
});

chat("an unsent message can be withdrawn", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  await ana.write("on second thoughts");
  await ana.message("on second thoughts").getByRole("button", { name: "take back" }).click();
  await ana.message("on second thoughts").waitFor({ state: "detached" });
  await server.restart();
  await ana.connected();
  assert.deepEqual(await ana.texts(), []);
  await ana.done();
});

chat("everything can be done with the keyboard", async (server) => {
  const ana = await Person.visit(browser, server.url());
  await ana.page.waitForSelector("#name:focus");
  await ana.page.keyboard.type("Ana");
  await ana.page.keyboard.press("Enter");
  await ana.page.waitForSelector("textarea:focus");
  assert.ok(await ana.page.locator(".send").isDisabled(), "there is nothing to send");
  await ana.page.keyboard.press("Enter");
  await ana.page.keyboard.type("   ");
  assert.ok(await ana.page.locator(".send").isDisabled(), "white space is nothing");
  await ana.page.keyboard.type("one");
  await ana.page.keyboard.press("Shift+Enter");
  await ana.page.keyboard.type("two");
  await ana.page.keyboard.press("Enter");
  await ana.message("one").waitFor();
  assert.deepEqual(await ana.texts(), ["   one\ntwo"]);
  assert.equal(await ana.page.inputValue("textarea"), "");
  await ana.done();
});

chat("rooms show their unread counts, and a draft stays in its room", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const ben = await Person.join(browser, server, "Ben", { query: "?room=den" });
  await ana.page.getByRole("textbox", { name: "Join another room" }).fill("den");
  await ana.page.keyboard.press("Enter");
  await ana.page.locator("h1", { hasText: "den" }).waitFor();
  await ana.connected();
  await ana.page.locator(".notice", { hasText: /Ben.* joined/ }).or(ana.page.locator(".side .people", { hasText: "Ben" })).first().waitFor();
  await ana.page.fill("textarea", "half a thought");
  await ana.page.getByRole("button", { name: "lobby", exact: true }).click();
  assert.equal(await ana.page.inputValue("textarea"), "");
  await ben.write("psst");
  await ana.page.locator(".side .count", { hasText: "1" }).waitFor();
  await ana.page.reload();
  await ana.page.locator(".side .rooms .room", { hasText: "den" }).click();
  await ana.message("psst").waitFor();
  assert.equal(await ana.page.inputValue("textarea"), "half a thought");
  await ben.done();
  await ana.done();
});

chat("the length of a name is counted in characters that people see", async (server) => {
  const ana = await Person.visit(browser, server.url(""));
  await ana.page.fill("#name", "e\u0301".repeat(65));
  await ana.page.press("#name", "Enter");
  await ana.page.locator("#problem", { hasText: "64" }).waitFor();
  await ana.page.fill("#name", "e\u0301".repeat(64));
  await ana.page.press("#name", "Enter");
  await ana.connected();
  await ana.done();
});

chat("a user who does nothing for five minutes is away until a key is pressed", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const ben = await Person.visit(browser, server.url(""));
  await ben.page.clock.install();
  await ben.page.fill("#name", "Ben");
  await ben.page.press("#name", "Enter");
  await ben.connected();
  const shown = ana.page.locator(".side .people li", { hasText: "Ben" });
  await shown.waitFor();
  assert.match(await shown.innerText(), /^B\s+Ben$/, "the letters of the picture, and the name");
  await ben.page.clock.fastForward("05:30");
  await shown.getByText("away").waitFor();
  await ben.page.keyboard.press("Shift");
  await shown.getByText("away").waitFor({ state: "detached" });
  await ben.done();
  await ana.done();
});

chat("a user who leaves a room is no longer listed in it", async (server) => {
  const ana = await Person.join(browser, server, "Ana", { query: "?room=den" });
  const ben = await Person.join(browser, server, "Ben", { query: "?room=den" });
  await ana.page.getByRole("textbox", { name: "Join another room" }).fill("hall");
  await ana.page.keyboard.press("Enter");
  await ana.page.locator("h1", { hasText: "hall" }).waitFor();
  await ana.page.getByRole("button", { name: /leave .*den/i }).click();
  await ben.page.locator(".notice", { hasText: /Ana.* left/ }).waitFor();
  await ben.done();
  await ana.done();
});

chat("hostile text is shown as plain text", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const ben = await Person.join(browser, server, "<b onmouseover=alert(1)>Ben");
  const hostile = "<img src=x onerror=alert(1)> javascript:alert(1) https://a.example/<script> \u202eevil";
  await ben.write(hostile);
  await ana.message("javascript:alert(1)").waitFor();
  assert.deepEqual(await ana.texts(), [hostile]);
  assert.deepEqual(await ana.page.locator(".text a").evaluateAll((links) => links.map((link) => link.href)), ["https://a.example/"]);
  assert.equal(await ana.page.locator(".text img, .name b").count(), 0);
  await ana.page.fill("textarea", "x".repeat(17_000));
  await ana.page.locator(".composer .problem", { hasText: /too many/ }).waitFor();
  assert.ok(await ana.page.locator(".send").isDisabled());
  await ben.done();
  await ana.done();
});

chat("a pile of accents covers no other line", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  const ben = await Person.join(browser, server, "Ben");
  for (const line of ["above", `z${"\u0301".repeat(2000)}`]) await ben.write(line);
  const [above, pile] = [ana.message("above"), ana.message("z").locator(".text")];
  await pile.waitFor();
  const covered = await above.screenshot();
  await pile.evaluate((text) => (text.textContent = "z"));
  assert.ok(covered.equals(await above.screenshot()), "the line above looks as it does without the pile");
  await ben.done();
  await ana.done();
});

chat("a long history keeps its scroll position, and has a button to the newest message", async (server) => {
  // Posted before the page opens, so that none is new: a slow machine does not show every line of a flood that arrives live.
  await say(server, 600);
  const ana = await Person.join(browser, server, "Ana");
  await ana.message("line 600").waitFor();
  const list = ana.page.locator(".list");
  for (let step = 0; step < 200 && (await ana.message(/^line 1$/).count()) === 0; step += 1) {
    await list.evaluate((node) => node.scrollBy(0, -1500));
    await ana.page.evaluate(() => new Promise((frame) => requestAnimationFrame(() => requestAnimationFrame(frame))));
  }
  await ana.message(/^line 1$/).waitFor();
  assert.ok((await ana.page.locator(".message").count()) <= 400, "only a part is in the document");
  const top = () => ana.message(/^line 1$/).evaluate((node) => node.getBoundingClientRect().top);
  const before = await top();
  await say(server, 1, 600);
  const newest = ana.page.locator(".newest", { hasText: /1.? new/ });
  await newest.waitFor();
  assert.ok(Math.abs((await top()) - before) < 2, "what is read stays where it is");
  await newest.click();
  await ana.message("line 601").waitFor();
  await ana.done();
});

chat("a flood of messages is shown completely and in order, as are the messages after it", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  await say(server, 4000);
  await ana.message(/^line 4000$/).waitFor();
  await say(server, 1, 4000);
  await ana.message(/^line 4001$/).waitFor();
  const shown = await ana.texts();
  assert.deepEqual(shown, shown.map((_, at) => `line ${4002 - shown.length + at}`));
  await ana.done();
});

chat("everything fits on a phone, in Russian and in dark mode", async (server) => {
  const ana = await Person.join(browser, server, "Аня", { ...PHONE, locale: "ru-RU", colorScheme: "dark" });
  await ana.write("привет");
  await ana.sees("привет", "Отправлено");
  assert.equal(await ana.page.locator("html").getAttribute("lang"), "ru");
  await ana.page.getByRole("button", { name: "Комнаты" }).click();
  await ana.page.locator(".side .people", { hasText: "Аня" }).waitFor();
  await ana.page.locator(".shade").click({ position: { x: 380, y: 400 } });
  const width = await ana.page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 390, `the page is ${width} wide`);
  await ana.done();
});

chat("axe finds no accessibility violation", async (server) => {
  for (const options of [{}, { ...PHONE, colorScheme: "dark" }]) {
    const ana = await Person.visit(browser, server.url(), options);
    await ana.page.waitForSelector("#name");
    await inspect(ana);
    await ana.page.fill("#name", "Ana");
    await ana.page.press("#name", "Enter");
    await ana.connected();
    await ana.write("see https://example.org/");
    await ana.sees("see", "sent");
    await say(server, 1);
    await ana.message("line 1").first().waitFor();
    await inspect(ana);
    await ana.done();
  }
});
