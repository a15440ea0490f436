// How people come into the page and out of it, in Chromium: signing in, networks that say nothing, rooms, versions.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Front } from "./front.mjs";
import { browser as launch, LIMIT, Person, Server } from "./world.mjs";

const PASSWORD = "correct horse battery";
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

/** A test with a server of its own, and what stands before it. */
function entering(name, body) {
  test(name, LIMIT, async () => {
    const server = await Server.start();
    const front = await Front.before(server);
    try {
      await body(front, server);
    } finally {
      await front.stop();
      await server.stop();
    }
  });
}

/** Somebody for whom the page is still to be opened. */
async function visitor() {
  return Person.visit(browser, "about:blank");
}

async function signedIn(front, user) {
  const person = await Person.visit(browser, front.url());
  await person.signIn(user, PASSWORD);
  await person.connected();
  return person;
}

/** What the browser keeps for the page, by name. */
function kept(person) {
  return person.page.evaluate(() => ({ ...localStorage }));
}

function forgive(person, words) {
  person.complaints = person.complaints.filter((complaint) => !complaint.includes(words));
}

entering("a browser that keeps nothing shows the page, and one that can't run it says so", async (front) => {
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

entering("a new version comes into a tab of the first visit too", async (front) => {
  const ana = await Person.join(browser, front, "Ana");
  await ana.page.waitForFunction(() => navigator.serviceWorker.controller);
  front.version = 2;
  await ana.page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await ana.page.getByRole("button", { name: "use it" }).click();
  await ana.page.waitForSelector('html[data-version="2"]');
  await ana.connected();
  await ana.done();
});
