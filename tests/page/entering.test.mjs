// Joining and leaving in Chromium: sign-ins, networks without an answer, rooms, versions.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { behind as entering } from "./front.mjs";
import { browser as launch, Person } from "./world.mjs";

const PASSWORD = "correct horse battery";
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

/** A user whose page is not open yet. */
async function visitor() {
  return Person.visit(browser, "about:blank");
}

async function signedIn(front, user) {
  const person = await Person.visit(browser, front.url());
  await person.signIn(user, PASSWORD);
  await person.connected();
  return person;
}

/** Everything that the browser stores for the page, by name. */
function kept(person) {
  return person.page.evaluate(() => ({ ...localStorage }));
}

function forgive(person, words) {
  person.complaints = person.complaints.filter((complaint) => !complaint.includes(words));
}

entering("a user whose sign-in has expired is asked to sign in again, and keeps the text that was written", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD });
  const ana = await signedIn(front, "ana");
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  await ana.write("of the meantime");
  await ana.sees("of the meantime", "sending");
  await ana.page.fill("textarea", "half a thought");
  await ana.page.evaluate(() => localStorage.setItem("everwire.sign-in.ana", "of long ago"));
  await server.restart();
  await ana.page.reload();
  await ana.page.locator("#problem", { hasText: "the sign-in has ended" }).waitFor();
  assert.equal(await ana.page.inputValue("#name"), "ana");
  await ana.signIn("ana", PASSWORD);
  await ana.connected();
  await ana.sees("of the meantime", "sent");
  assert.equal(await ana.page.inputValue("textarea"), "half a thought");
  forgive(ana, "401");
  await ana.done();
});

entering("a user who is refused sees why, and can join again", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD });
  const ana = await signedIn(front, "ana");
  const again = ana.page.getByRole("button", { name: "connect again" });
  const reads = (words) => ana.page.locator(".state", { hasText: words }).waitFor();
  server.order("room", "close", "lobby", "ben");
  await reads("the room is for its members only");
  await ana.page.locator("button.people").waitFor({ state: "hidden" });
  await again.click();
  await reads("the room is for its members only");
  await ana.page.getByRole("button", { name: "sign in as somebody else" }).waitFor();
  server.order("room", "admit", "lobby", "ana");
  await again.click();
  await ana.connected();
  await again.waitFor({ state: "hidden" });
  await ana.page.locator("button.people", { hasText: "Nobody else here" }).waitFor();
  await ana.write("heard again");
  await ana.sees("heard again", "sent");
  server.order("user", "ban", "ana");
  await ana.page.locator("#problem", { hasText: "you are banned" }).waitFor();
  await ana.page.waitForSelector("#password");
  ana.complaints = ana.complaints.filter((complaint) => !/40[13]/.test(complaint));
  await ana.done();
});

entering("a user whose password has changed or whose account is removed is asked to sign in", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD });
  const ana = await signedIn(front, "ana");
  const asked = async () => {
    await ana.page.locator("#problem", { hasText: "the sign-in has ended" }).waitFor();
    await ana.page.waitForSelector("#password");
  };
  await ana.page.fill("textarea", "half a thought");
  server.order("user", "passwd", "ana", "another horse battery");
  await asked();
  await ana.signIn("ana", "another horse battery");
  await ana.connected();
  assert.equal(await ana.page.inputValue("textarea"), "half a thought");
  server.order("user", "remove", "ana");
  await asked();
  forgive(ana, "401");
  await ana.done();
});

entering("a returning user sees the stored history on a network without an answer", async (front) => {
  const ana = await Person.join(browser, front, "Ana");
  await ana.write("of before");
  await ana.sees("of before", "sent");
  front.hold("/api/");
  await ana.page.reload();
  await ana.message("of before").waitFor({ timeout: 10_000 });
  front.letGo();
  await ana.done();
});

entering("a new user does not wait for the network, and an invalid answer counts as none", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD });
  const ana = await visitor();
  await ana.page.clock.install();
  front.hold("/api/info");
  await ana.page.goto(front.url());
  await front.heard("/api/info");
  await ana.page.clock.fastForward("00:06");
  await ana.page.locator("#problem", { hasText: "the server does not answer" }).waitFor();
  front.letGo();
  front.instead["/api/info"] = "{}";
  await ana.page.clock.fastForward("00:04");
  await front.heard("/api/info", 2);
  delete front.instead["/api/info"];
  await ana.page.clock.fastForward("00:04");
  await ana.page.waitForSelector("#password");
  front.hold("/api/sign-in");
  await ana.signIn("ana", PASSWORD);
  await front.heard("/api/sign-in");
  assert.ok(await ana.page.locator(".join button").isDisabled());
  await ana.page.clock.fastForward("00:21");
  await ana.page.locator("#problem", { hasText: "the server does not answer" }).waitFor();
  front.letGo();
  await ana.page.click(".join button");
  await ana.connected();
  front.instead["/api/info"] = "{}";
  await ana.page.reload();
  await ana.connected();
  assert.equal((await kept(ana))["everwire.auth"], "accounts");
  await ana.done();
});

entering("all rooms wait for the same token, and use it also when it comes late", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD });
  const ana = await signedIn(front, "ana");
  for (const room of ["den", "hall"]) {
    await ana.page.getByRole("textbox", { name: "Join another room" }).fill(room);
    await ana.page.keyboard.press("Enter");
    await ana.page.locator("h1", { hasText: room }).waitFor();
  }
  const before = (await kept(ana))["everwire.sign-in.ana"];
  await ana.page.clock.install();
  front.hold("/api/refresh");
  await ana.page.reload();
  await front.heard("/api/refresh");
  // Each attempt ends after ten seconds.
  await ana.page.clock.fastForward("00:11");
  await ana.page.waitForSelector(".dot.bad");
  front.letGo();
  await ana.connected();
  assert.equal(front.asked.filter((path) => path === "/api/refresh").length, 1);
  assert.notEqual((await kept(ana))["everwire.sign-in.ana"], before);
  await ana.done();
});

entering("a browser without storage shows the page, and one that can't run it says so", async (front) => {
  const ana = await visitor();
  await ana.context.addInitScript(() => {
    const barred = { get: () => { throw new DOMException("no", "SecurityError"); } };
    for (const name of ["localStorage", "sessionStorage"]) Object.defineProperty(window, name, barred);
  });
  await ana.page.goto(front.url());
  await ana.page.fill("#name", "Ana");
  await ana.page.press("#name", "Enter");
  await ana.connected();
  await ana.page.evaluate(() => void setTimeout(() => { throw new WebAssembly.RuntimeError("unreachable"); }));
  await ana.page.getByText("Something went wrong.").waitFor();
  await ana.page.getByRole("button", { name: "reload" }).click();
  await ana.page.waitForSelector("#name");
  await ana.context.addInitScript(() => {
    WebAssembly.instantiateStreaming = WebAssembly.instantiate = () => Promise.reject(new Error("it is too old"));
  });
  await ana.page.reload();
  await ana.page.getByText("Something went wrong.").waitFor();
  ana.complaints = ana.complaints.filter((complaint) => !/unreachable|it is too old/.test(complaint));
  await ana.done();
});

entering("a new version reaches a tab of the first visit too", async (front) => {
  const ana = await Person.join(browser, front, "Ana");
  await ana.page.waitForFunction(() => navigator.serviceWorker.controller);
  front.version = 2;
  await ana.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await ana.page.getByRole("button", { name: "use it" }).click();
  await ana.page.waitForSelector('html[data-version="2"]');
  await ana.connected();
  await ana.done();
});

entering("a room with an invalid name does not block the other rooms", async (front) => {
  const ana = await Person.join(browser, front, "Ana", { query: "?room=%20den%20" });
  assert.equal(await ana.page.textContent("h1"), "den");
  await ana.page.evaluate(() => {
    const name = Object.keys(localStorage).find((name) => name.startsWith("everwire.rooms"));
    localStorage.setItem(name, `${"x".repeat(65)}\n${localStorage.getItem(name)}`);
  });
  await ana.page.goto(front.url(`?room=${"y".repeat(65)}`));
  await ana.connected();
  assert.deepEqual(await ana.page.locator(".side .rooms .room").allTextContents(), ["den"]);
  await ana.done();
});

entering("one press leaves a room, at once for the others; with unsent messages the page asks first", async (front, server) => {
  const ana = await Person.join(browser, front, "Ana");
  const ben = await Person.join(browser, front, "Ben", { query: "?room=den" });
  const join = async (room) => {
    await ana.page.getByRole("textbox", { name: "Join another room" }).fill(room);
    await ana.page.keyboard.press("Enter");
    await ana.page.locator("h1", { hasText: room }).waitFor();
    await ana.connected();
  };
  const rooms = (names) => ana.page.waitForFunction((names) => [...document.querySelectorAll(".side .rooms .room > :first-child")].map((room) => room.textContent).join() === names, names);
  for (const room of ["den", "hall"]) await join(room);
  await ana.page.locator(".side .rooms .room", { hasText: "lobby" }).click();
  await ana.page.reload();
  await ana.connected();
  await ana.page.getByRole("button", { name: /leave .*den/i }).dblclick();
  await rooms("lobby,hall");
  // The server would notice a lost connection only after five seconds.
  await ben.page.locator(".notice", { hasText: /Ana.* left/ }).waitFor({ timeout: 4_500 });
  assert.ok(await ana.page.evaluate(() => document.activeElement.matches(".rooms button")), "the keyboard stays among the rooms");
  assert.deepEqual(Object.keys(await kept(ana)).filter((name) => /memory.*\.den$/.test(name)), []);
  await server.kill();
  await ana.page.waitForSelector(".dot.bad");
  await ana.write("wait for me");
  const leave = ana.page.getByRole("button", { name: /leave .*lobby/i });
  await leave.click();
  await ana.page.locator(".side .problem", { hasText: "1" }).waitFor();
  await rooms("lobby,hall");
  await leave.click();
  await rooms("hall");
  await ana.page.waitForSelector(".side .problem:empty", { state: "attached" });
  await server.restart();
  await join("lobby");
  await ana.sees("wait for me", "sent");
  await ben.done();
  await ana.done();
});

entering("on a phone the focus can move into the list of rooms and back", async (front) => {
  const ana = await Person.join(browser, front, "Ana", PHONE);
  const focused = (selector) => ana.page.waitForFunction((selector) => document.activeElement.matches(selector), selector);
  await ana.page.getByRole("button", { name: "Rooms" }).click();
  await focused(".side .rooms .room");
  await ana.page.waitForSelector("main[inert]");
  await ana.page.keyboard.press("Escape");
  await focused(".menu");
  assert.equal(await ana.page.locator("main[inert]").count(), 0);
  await ana.done();
});

entering("a guest can change their name", async (front) => {
  const ana = await Person.visit(browser, front.url("?name=Ana"));
  await ana.connected();
  await ana.page.getByRole("button", { name: "another name" }).click();
  await ana.page.fill("#name", "Anna");
  await ana.page.press("#name", "Enter");
  await ana.connected();
  await ana.page.reload();
  await ana.page.locator(".side .people", { hasText: "Anna" }).waitFor();
  await ana.done();
});

entering("a user who signs out leaves nothing to read, and the next user is another one", async (front, server) => {
  await server.withAccounts({ ana: PASSWORD, ben: PASSWORD });
  const ana = await signedIn(front, "ana");
  await ana.write("of Ana");
  await ana.sees("of Ana", "sent");
  await ana.page.reload();
  await ana.connected();
  await ana.page.fill("textarea", "half a thought");
  await ana.page.getByRole("button", { name: "sign out" }).click();
  await front.heard("/api/sign-out");
  await ana.signIn("ben", PASSWORD);
  await ana.connected();
  assert.equal(await ana.page.inputValue("textarea"), "");
  const names = Object.keys(await kept(ana));
  assert.ok(!names.some((name) => name.startsWith("everwire.memory.ana")), `${names}`);
  await ana.done();
});
