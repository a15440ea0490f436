// The list of messages in Chromium: what stays where it is, what is counted, what is read aloud, and how a line is written.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
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

/** From now on somebody looks at a page, or looks away. */
const look = (person, looks) => person.page.evaluate((looks) => {
  document.hasFocus = () => looks;
  if (looks) window.dispatchEvent(new Event("focus"));
}, looks);

list("the line of the unread counts what came while nobody looked", async (server) => {
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

list("lines are written on each keyboard in its own way", async (server) => {
  const ana = await Person.join(browser, server, "Ana");
  // As Safari says that a word of Chinese is done.
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

list("what can't be taken back any more says so", async (server) => {
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
