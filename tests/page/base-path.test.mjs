// The page below a path of its host, in Chromium.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser as launch, LIMIT, Person, Server } from "./world.mjs";

const PASSWORD = "correct horse battery";

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

test("below a path the page signs in, talks, is stored, and opens without a network", LIMIT, async () => {
  const server = await Server.start();
  try {
    await server.withAccounts({ ana: PASSWORD });
    await server.kill();
    server.more.push("--base-path", "/team/chat");
    await server.restart();

    // Without the slash, as people write it.
    const ana = await Person.visit(browser, server.url("team/chat?room=den"));
    assert.equal(new URL(ana.page.url()).pathname, "/team/chat/");
    await ana.signIn("ana", PASSWORD);
    await ana.connected();
    await ana.write("below");
    await ana.sees("below", "sent");
    await ana.kept();
    await ana.page.reload();
    await ana.connected();
    assert.deepEqual(await ana.texts(), ["below"], "the refresh token was taken");

    const names = await ana.page.evaluate(async () => {
      const locks = (await navigator.locks.query()).held.map((lock) => lock.name);
      return [...Object.keys(localStorage), ...Object.keys(sessionStorage), ...(await caches.keys()), ...locks];
    });
    const foreign = names.filter((name) => !name.startsWith("/team/chat/everwire"));
    assert.deepEqual(foreign, [], "another chat on this host has names of its own");
    const { scope, manifest } = await ana.page.evaluate(async () => ({
      scope: (await navigator.serviceWorker.ready).scope,
      manifest: await (await fetch(document.querySelector("link[rel=manifest]").href)).json(),
    }));
    assert.equal(new URL(scope).pathname, "/team/chat/");
    assert.deepEqual([manifest.start_url, manifest.scope, manifest.id], ["./", "./", undefined]);

    const asked = [];
    ana.page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await server.kill();
    await ana.page.reload();
    await ana.message("below").waitFor();
    await ana.page.getByRole("button", { name: "retry now" }).waitFor();
    assert.deepEqual(asked.filter((path) => !path.startsWith("/team/chat/")), [], "nothing is asked of what else is on this host");
    await ana.done();
  } finally {
    await server.stop();
  }
});
