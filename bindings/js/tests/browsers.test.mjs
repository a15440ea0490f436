// The cases in Chromium and Firefox.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { Driven } from "../../../tests/page/drivers.mjs";
import { browser as launch } from "../../../tests/page/world.mjs";
import beyond from "./cases/beyond.mjs";
import reconnecting from "./cases/reconnecting.mjs";
import websocket from "./cases/websocket.mjs";
import { Server } from "./server.mjs";

const ALL = { websocket, reconnecting, beyond };
/** What can't hold in one of them; `exceptions.md` tells why. */
const NOT = { chromium: [], firefox: ["delays grow by their factor up to the longest"] };

/** Both, unless somebody wants only one. */
const KINDS = (process.env.EVERWIRE_JS_BROWSERS ?? "chromium,firefox").split(",");

let server, chromium, firefox, deafUrl;
const deaf = createServer(() => {});
const pages = {};

before(async () => {
  server = await Server.start({ "/dist/": new URL("../dist/", import.meta.url), "/cases/": new URL("cases/", import.meta.url) });
  await new Promise((listening) => deaf.listen(0, "127.0.0.1", listening));
  deafUrl = `ws://127.0.0.1:${deaf.address().port}/`;
  if (KINDS.includes("chromium")) await startChromium();
  if (KINDS.includes("firefox")) await startFirefox();
});

async function startChromium() {
  chromium = await launch();
  const page = await chromium.newPage();
  await page.goto(`${server.origin}/`);
  pages.chromium = (...args) => page.evaluate(async (args) => (await import("/cases/page.mjs")).run(...args), args);
}

async function startFirefox() {
  firefox = await Driven.start("firefox");
  await firefox.visit(`${server.origin}/cases`);
  await firefox.until(() => document.documentElement.dataset.ready);
  let number = 0;
  pages.firefox = async (...args) => {
    number += 1;
    await firefox.run((detail) => void document.dispatchEvent(new CustomEvent("run-case", { detail })), JSON.stringify([number, ...args]));
    const result = await firefox.until((name) => document.documentElement.dataset[name] !== undefined && [document.documentElement.dataset[name]], `result${number}`);
    return result[0] || null;
  };
}

after(async () => {
  await chromium?.close();
  await firefox?.stop();
  await server.stop();
  deaf.closeAllConnections?.();
  deaf.close();
});

for (const kind of KINDS) {
  for (const [group, cases] of Object.entries(ALL)) {
    for (const [name] of cases) {
      if (NOT[kind].includes(name)) continue;
      test(`${kind}, ${group}: ${name}`, { timeout: 60_000 }, async () => {
        const wrong = await pages[kind](group, name, deafUrl);
        assert.equal(wrong, null, wrong);
      });
    }
  }
}
