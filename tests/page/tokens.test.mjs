// The example of a token stream in a page (`examples/tokens-page`), behind `everwire proxy`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser as launch, freePort, LIMIT, Person, Program } from "./world.mjs";

const WORDS = Array.from({ length: 200 }, (_, at) => `word${at + 1}`);

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

test("a token stream in a page loses and repeats no word through cuts of the connection and reloads", LIMIT, async () => {
  const folder = new URL("../../examples/tokens-page/dist", import.meta.url).pathname;
  const server = await Program.start(process.env.EVERWIRE_TOKENS_PAGE, ["127.0.0.1:0", folder]);
  const [port, control] = [await freePort(), await freePort()];
  const where = ["--listen", `127.0.0.1:${port}`, "--to", `127.0.0.1:${server.port}`, "--control", `127.0.0.1:${control}`];
  const proxy = await Program.start(process.env.EVERWIRE_BINARY, ["proxy", ...where]);
  try {
    const person = await Person.visit(browser, `http://127.0.0.1:${port}/`);
    const shown = async () => (await person.page.textContent("#story")).split(" ").filter(Boolean);
    const shows = (words) => person.page.waitForFunction((words) => document.querySelector("#story").textContent.split(" ").length > words, words);
    for (const words of [10, 40, 70, 100, 130]) {
      await shows(words);
      const cut = await fetch(`http://127.0.0.1:${control}/cut`, { method: "POST" });
      assert.ok(cut.ok);
      await shows(words + 10);
      const before = await shown();
      await person.page.reload();
      await shows(before.length);
      assert.deepEqual((await shown()).slice(0, before.length), before, "what was shown before the reload is there");
    }
    await person.page.waitForFunction(() => document.querySelector("#status").textContent === "told");
    assert.deepEqual(await shown(), WORDS);
    await person.page.reload();
    await person.page.waitForFunction(() => document.querySelector("#status").textContent === "told");
    assert.deepEqual(await shown(), WORDS, "a finished story is not sent again");
    assert.deepEqual(person.complaints, []);
    await person.context.close();
  } finally {
    await proxy.kill();
    await server.kill();
  }
});
