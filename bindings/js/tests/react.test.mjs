// `useEverwire` in Chromium, in React's strict mode, which mounts everything twice.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { browser as launch, Person } from "../../../tests/page/world.mjs";
import { Server } from "./server.mjs";

const here = (path) => new URL(path, import.meta.url);

const APP = `
  import { StrictMode, useState } from "react";
  import { createRoot } from "react-dom/client";
  import { useEverwire } from "everwire/react";

  function App() {
    const [url, setUrl] = useState(null);
    const [messages, setMessages] = useState([]);
    const { state, connected, deliver } = useEverwire(url, {
      textPings: ["ping", "pong"],
      retry: { minDelay: 20, jitter: "none" },
      // Another function with each rendering.
      onMessage: (data) => setMessages([...messages, data]),
    });
    Object.assign(window, { setUrl, deliver });
    return <p className={connected ? "on" : "off"} title={state.name}>{messages.join()}</p>;
  }

  const root = createRoot(document.body.appendChild(document.createElement("main")));
  window.unmount = () => root.unmount();
  root.render(<StrictMode><App /></StrictMode>);
`;

let server, browser, built;
before(async () => {
  built = mkdtempSync(join(tmpdir(), "everwire-react-"));
  await build({
    stdin: { contents: APP, loader: "jsx", resolveDir: fileURLToPath(here("..")) },
    bundle: true, format: "esm", jsx: "automatic", outfile: join(built, "app.js"), logLevel: "error",
    external: ["everwire"], alias: { "everwire/react": fileURLToPath(here("../dist/react.js")) },
  });
  server = await Server.start({ "/dist/": here("../dist/"), "/app.js": pathToFileURL(join(built, "app.js")) });
  browser = await launch();
});
after(async () => {
  await browser.close();
  await server.stop();
  rmSync(built, { recursive: true, force: true });
});

test("a component is rendered with each state and message, and its socket goes with its URL and with itself", { timeout: 60_000 }, async () => {
  const person = await Person.visit(browser, `${server.origin}/`);
  const { page } = person;
  await page.setContent(`<script type="importmap">{"imports": {"everwire": "/dist/index.js"}}</script><script type="module" src="/app.js"></script>`);
  await page.waitForSelector("p.off[title=closed]", { state: "attached" });
  await page.evaluate((url) => window.setUrl(url), `${server.ws}/echo?id=one`);
  await page.waitForSelector("p.on[title=connected]", { state: "attached" });
  assert.deepEqual(await page.evaluate(async () => [await window.deliver("a"), await window.deliver("b")]), [{ status: "received" }, { status: "received" }]);
  await page.waitForFunction(() => document.querySelector("p").textContent === "a,b");
  server.cut("one");
  await page.waitForSelector("p.on", { state: "attached" });
  await page.evaluate((url) => window.setUrl(url), `${server.ws}/hello?id=two`);
  await page.waitForFunction(() => document.querySelector("p").textContent === "a,b,hello");
  for (let step = 0; server.open("one") > 0 && step < 500; step += 1) await page.waitForTimeout(10);
  assert.deepEqual([server.open("one"), server.open("two")], [0, 1]);
  await page.evaluate(() => window.unmount());
  for (let step = 0; server.open("two") > 0 && step < 500; step += 1) await page.waitForTimeout(10);
  assert.equal(server.open("two"), 0);
  await person.context.close();
});
