// Several users, tabs and links in one Chromium: to whom sign-ins, drafts, rooms and unsent messages belong.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { behind as people } from "./front.mjs";
import { browser as launch, Person } from "./world.mjs";

const PASSWORD = "correct horse battery";

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

async function signedIn(front, user) {
  const person = await Person.visit(browser, front.url());
  await person.signIn(user, PASSWORD);
  await person.connected();
  return person;
}

/** The names of everything that the browser stores. */
function names(page) {
  return page.evaluate(() => Object.keys(localStorage));
}

people("a user signs out and in in all tabs at once, and no earlier line comes back", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD, ben: PASSWORD });
  const ana = await signedIn(front, "ana");
  const other = await ana.open(front.url());
  await other.waitForSelector(".dot.good");
  await ana.write("of Ana");
  await other.locator(".message", { hasText: "of Ana" }).waitFor();
  await ana.page.getByRole("button", { name: "sign out" }).click();
  await other.locator("#problem", { hasText: "you have left in another tab" }).waitFor();
  await ana.signIn("ben", PASSWORD);
  await ana.connected();
  await other.close();
  const left = (await names(ana.page)).filter((name) => /(memory|sign-in|rooms?)\.ana/.test(name));
  assert.deepEqual(left, []);
  await ana.write("of Ben");
  await ana.sees("of Ben", "sent");
  await ana.done();
});

people("a tab whose answer comes after another user has signed in stops, and stores nothing", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD, ben: PASSWORD });
  const ana = await signedIn(front, "ana");
  front.hold("/api/refresh");
  const other = await ana.open(front.url());
  await front.heard("/api/refresh");
  await ana.page.getByRole("button", { name: "sign out" }).click();
  await ana.signIn("ben", PASSWORD);
  await ana.connected();
  front.letGo();
  await other.waitForSelector("#password");
  const kept = await ana.page.evaluate(() => ({ ...localStorage }));
  assert.deepEqual([kept["everwire.user"], kept["everwire.sign-in.ana"]], ["ben", undefined]);
  ana.complaints = ana.complaints.filter((complaint) => !complaint.includes("401"));
  await ana.done();
});

people("a link's token is ignored on a server with accounts, and does not stay in the address", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD });
  const ana = await signedIn(front, "ana");
  await ana.page.goto("about:blank");
  await ana.page.goto(front.url("?room=den#user=ben&token=stolen"));
  await ana.connected();
  await ana.page.locator(".side .people", { hasText: "ana" }).waitFor();
  assert.equal(ana.page.url(), front.url("?room=den"));
  await ana.done();
});

people("a link that signs in as another user asks first", async (front) => {
  const ana = await Person.join(browser, front, "Ana");
  let answer = false;
  ana.page.on("dialog", (dialog) => (answer ? dialog.accept() : dialog.dismiss()));
  const is = (name) => ana.page.locator(".side .people", { hasText: name }).waitFor();
  await ana.page.goto(front.url("?name=Ben"));
  await is("Ana");
  assert.equal(ana.page.url(), front.url("?room=lobby"));
  answer = true;
  await ana.page.goto(front.url("?name=Ben"));
  await is("Ben");
  await ana.page.reload();
  await is("Ben");
  await ana.done();
});

people("a token in a link is used by this tab only, and a second user's link asks and stops the first tab", async (front, server) => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const part = (what) => Buffer.from(JSON.stringify(what)).toString("base64url");
  const token = (sub) => {
    const signed = `${part({ alg: "EdDSA", kid: "1" })}.${part({ iss: "https://id", aud: "chat", sub, name: sub, exp: 4_000_000_000 })}`;
    return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
  };
  await server.kill();
  const keys = join(server.folder, "keys.json");
  writeFileSync(keys, JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1" }] }));
  server.more = ["--auth", "tokens", "--issuer", "https://id", "--issuer-keys", keys, "--audience", "chat"];
  await server.restart();
  const ana = await Person.visit(browser, front.url(`#user=ana&token=${token("ana")}`));
  await ana.connected();
  assert.equal(ana.page.url(), front.url("?room=lobby"));
  await ana.page.reload();
  await ana.connected();
  const other = await ana.context.newPage();
  let answer = false;
  other.on("dialog", (dialog) => (answer ? dialog.accept() : dialog.dismiss()));
  const link = front.url(`#user=ben&token=${token("ben")}`);
  await other.goto(link);
  await other.waitForSelector(".join");
  await ana.connected();
  answer = true;
  await other.goto("about:blank");
  await other.goto(link);
  await other.locator(".side .people", { hasText: "ben" }).waitFor();
  await ana.page.locator("#problem", { hasText: "somebody else is here" }).waitFor();
  await ana.done();
});

people("tabs do not overwrite each other's drafts and rooms", async (front) => {
  const ana = await Person.join(browser, front, "Ana");
  const other = await ana.open(front.url());
  await other.waitForSelector(".dot.good");
  const join = async (page, room) => {
    await page.getByRole("textbox", { name: "Join another room" }).fill(room);
    await page.keyboard.press("Enter");
    await page.locator("h1", { hasText: room }).waitFor();
  };
  await ana.page.fill("textarea", "a long draft");
  await ana.page.waitForFunction(() => Object.values(localStorage).includes("a long draft"));
  await join(ana.page, "garden");
  await join(other, "kitchen");
  await ana.page.close();
  await other.close();
  ana.page = await ana.open(front.url());
  await ana.connected();
  await ana.page.locator("h1", { hasText: "kitchen" }).waitFor();
  await ana.page.locator(".side .rooms .room", { hasText: "lobby" }).click();
  assert.equal(await ana.page.inputValue("textarea"), "a long draft");
  assert.deepEqual(await ana.page.locator(".side .rooms .room > :first-child").allTextContents(), ["lobby", "garden", "kitchen"]);
  await ana.done();
});

people("the next tab shows and sends the unsent messages of closed tabs, of every room", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  const other = await ana.open(front.url("?room=den"));
  await other.waitForSelector(".dot.good");
  await ana.page.waitForFunction(() => navigator.serviceWorker.controller);
  await server.kill();
  await other.waitForSelector(".dot.bad");
  await other.fill("textarea", "of the second tab");
  await other.press("textarea", "Enter");
  await other.locator('.message .status[title="sending" i]').waitFor();
  // Another page of the same origin, which runs no chat.
  await ana.page.goto(front.url("icon.svg"));
  await other.close();
  // As if the room had been lost from the list.
  await ana.page.evaluate(() => {
    const list = Object.keys(localStorage).find((name) => name.startsWith("everwire.rooms"));
    localStorage.setItem(list, "lobby");
  });
  await server.restart();
  await ana.page.goto(front.url());
  await ana.page.locator(".side .rooms .room", { hasText: "den" }).click();
  await ana.sees("of the second tab", "sent");
  await ana.page.waitForFunction(() => !Object.entries(localStorage).some(([name, kept]) => name.startsWith("everwire.outbox") && kept.includes("of the second tab")));
  await ana.done();
});

people("another program at the same address is shown at once", async (front) => {
  const ana = await Person.join(browser, front, "Ana");
  await ana.page.evaluate(() => navigator.serviceWorker.ready.then((registration) => registration.active.state));
  await ana.page.reload();
  await ana.page.waitForFunction(() => navigator.serviceWorker.controller);
  front.foreign = "<h1>another program</h1>";
  await ana.page.goto(front.url());
  await ana.page.locator("h1", { hasText: "another program" }).waitFor();
  const left = await ana.page.evaluate(async () => [(await navigator.serviceWorker.getRegistrations()).length, (await caches.keys()).length]);
  assert.deepEqual(left, [0, 0]);
  ana.complaints = ana.complaints.filter((complaint) => !complaint.includes("404"));
  await ana.done();
});
