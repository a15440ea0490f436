// Writes screenshots of the page into the given folder (`cargo xtask screenshots`): each state, at both sizes, light and dark.
import { join } from "node:path";
import WebSocket from "ws";
import { Front } from "./front.mjs";
import { browser as launch, Person, Server } from "./world.mjs";

const [folder, only] = process.argv.slice(2);
const SIZES = {
  desk: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true },
};

/** Each gets the options of a person's page, a function that takes the picture, the proxy before the server, and the server. */
const STATES = {
  async ""(options, picture, front) {
    const [maria, jonas] = [await guest(front, "Maria"), await guest(front, "Jonas")];
    await jonas.write("The ferry leaves at seven. Who brings the charts?");
    await jonas.write("The forecast is at https://example.org/forecast");
    const ana = await guest(front, "Ana", options);
    await ana.message("forecast").waitFor();
    await ana.write("I do. And coffee for everybody");
    await ana.sees("coffee", "read");
    await maria.write("Coffee! Then I will be there in time.");
    await maria.write("Somebody has to tell Tom that the train at six does not run on Saturdays any more, so he has to take the bus, or sleep at ours.");
    await ana.message("Somebody").waitFor();
    await ana.write("I have told him. He takes the bus.");
    await ana.sees("I have told", "read");
    await jonas.page.bringToFront();
    await jonas.page.locator("textarea").pressSequentially("See you");
    await ana.page.bringToFront();
    await ana.page.getByText(/Jonas.* is typing/).waitFor();
    await picture(ana);
    for (const person of [maria, jonas, ana]) await person.done();
  },

  async "loading"(options, picture, front) {
    front.hold("/everwire_bg");
    const context = await browser.newContext({ locale: "en-GB", ...options });
    const page = await context.newPage();
    await page.goto(front.url(), { waitUntil: "commit" });
    await page.locator(".loading [lang=en]").waitFor();
    await page.waitForFunction(() => document.querySelector(".loading img").complete);
    await picture({ page });
    front.letGo();
    await context.close();
  },

  async "missed"(options, picture, front, server) {
    const ana = await guest(front, "Ana", options);
    await talk(server, "Jonas", ["The boat is in the water."]);
    await ana.message("in the water").waitFor();
    await ana.page.evaluate(() => (document.hasFocus = () => false));
    await talk(server, "Maria Lund", ["@Ana: are you on board?", "We meet at the pier."]);
    await talk(server, "Jonas", Array.from({ length: 38 }, (_, at) => `Position ${at + 1}: 54° ${10 + at}′ N, wind from the west`));
    await ana.page.locator(".unread", { hasText: "40" }).waitFor();
    await ana.page.locator(".newest", { hasText: "new" }).waitFor();
    await ana.page.evaluate(() => ((document.hasFocus = () => true), dispatchEvent(new Event("focus"))));
    await ana.page.waitForFunction(() => /[123]\d.? new/.test(document.querySelector(".newest").textContent));
    await picture(ana);
    await ana.done();
  },

  async "offline"(options, picture, front, server) {
    const ana = await guest(front, "Ana", options);
    await talk(server, "Jonas", ["We are in the tunnel soon."]);
    await ana.message("tunnel").waitFor();
    await server.kill();
    await ana.page.getByRole("button", { name: "retry now" }).waitFor();
    await ana.write("I am there already");
    await ana.sees("I am there", "sending");
    // Before it disappears.
    await ana.page.waitForFunction(() => /[3-9].? s/.test(document.querySelector(".state").textContent));
    await picture(ana);
    await ana.done();
  },

  async "refused"(options, picture, front) {
    const ana = await Person.visit(browser, "about:blank", options);
    await ana.page.routeWebSocket(/\/ws/, (near) => {
      const far = near.connectToServer();
      near.onMessage((message) => {
        const line = String(message).startsWith("{") ? JSON.parse(message) : {};
        if (!line.text?.includes("charts")) return far.send(message);
        near.send(JSON.stringify({ type: "rejected", id: line.id, reason: "another user's message has this id" }));
      });
    });
    await ana.page.goto(front.url("?room=harbour"));
    await ana.page.fill("#name", "Ana");
    await ana.page.press("#name", "Enter");
    await ana.connected();
    await ana.write("Good morning");
    await ana.sees("Good morning", "sent");
    await ana.write("I bring the charts, as far as they are dry");
    await ana.message("charts").locator(".reason").waitFor();
    await picture(ana);
    await ana.done();
  },

  async "rooms"(options, picture, front, server) {
    for (const room of ["garden", "workshop"]) server.order("room", "publish", room);
    const ana = await guest(front, "Ana", options);
    const tom = await guest(front, "Tom");
    await ana.page.locator("ul.others", { hasText: "garden" }).waitFor({ state: "attached" });
    await tom.write("Hello");
    await ana.message("Hello").waitFor();
    if (options.hasTouch) await ana.page.locator(".menu").tap();
    await ana.page.locator(".choices").waitFor();
    // Wait for the end of its transition.
    await ana.page.waitForFunction(() => document.querySelector(".side").getBoundingClientRect().left === 0);
    await picture(ana);
    for (const person of [tom, ana]) await person.done();
  },

  async "closed"(options, picture, front, server) {
    await server.withAccounts({ ana: "correct horse battery" });
    server.order("room", "close", "harbour", "ben");
    const ana = await Person.visit(browser, front.url("?room=harbour"), options);
    await ana.signIn("ana", "correct horse battery");
    await ana.page.locator(".state", { hasText: "for its members only" }).waitFor();
    await picture(ana);
    await ana.context.close();
  },

  async "banned"(options, picture, front, server) {
    await server.withAccounts({ ana: "correct horse battery" });
    const ana = await Person.visit(browser, front.url("?room=harbour"), options);
    await ana.signIn("ana", "correct horse battery");
    await ana.connected();
    server.order("user", "ban", "ana");
    await ana.page.locator("#problem", { hasText: "banned" }).waitFor();
    await picture(ana);
    await ana.context.close();
  },
};

const browser = await launch();
try {
  for (const [state, story] of Object.entries(STATES).filter(([state]) => only === undefined || only === state)) {
    for (const [size, options] of Object.entries(SIZES)) {
      for (const colorScheme of ["light", "dark"]) await take(state, story, size, { ...options, colorScheme });
    }
  }
} finally {
  await browser.close();
}

async function take(state, story, size, options) {
  const server = await Server.start();
  const front = await Front.before(server);
  const file = [size, options.colorScheme, state].filter(Boolean).join("-");
  await story(options, ({ page }) => page.screenshot({ path: join(folder, `${file}.png`) }), front, server);
  await front.stop();
  await server.stop();
}

function guest(front, name, options = {}) {
  return Person.join(browser, front, name, { query: "?room=harbour", ...options });
}

/** A user without a page. */
async function talk(server, name, lines) {
  const who = encodeURIComponent(name);
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/ws?room=harbour&userId=${who}&userName=${who}`);
  await new Promise((opened) => socket.once("open", opened));
  for (const text of lines) {
    socket.send(JSON.stringify({ type: "text", id: `${process.hrtime.bigint()}`, userId: name, userName: name, text, timestamp: Date.now() }));
  }
  socket.ping();
  await new Promise((stored) => socket.once("pong", stored));
  socket.close();
}
