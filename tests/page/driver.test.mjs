// The client in Chromium, by its own cases (`tests/browser`, built by `cargo xtask suite`), against servers that misbehave.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { WebSocketServer } from "ws";
import { browser as launch, Person } from "./world.mjs";

const SUITE = new URL("../browser/dist/", import.meta.url);
const TYPES = { js: "text/javascript", wasm: "application/wasm" };

let browser;
before(async () => (browser = await launch()));
after(async () => browser.close());

/** A case of the suite. The server does `serve` with each connection, which has a number from 1, and lets in whom `admit` does. */
function client(name, which, serve = () => {}, admit = () => true) {
  test(name, async () => {
    const sockets = new WebSocketServer({ noServer: true });
    let number = 0;
    const server = createServer((asked, answer) => file(asked.url, answer));
    server.on("upgrade", (asked, socket, head) => {
      number += 1;
      if (!admit(number)) return socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      sockets.handleUpgrade(asked, socket, head, (open) => serve(open, number));
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    const place = `127.0.0.1:${server.address().port}`;
    try {
      const person = await Person.visit(browser, `http://${place}/`);
      const wrong = await person.page.evaluate(async ([which, url]) => {
        const suite = await import("/everwire.js");
        await suite.default();
        const timeout = new Promise((late) => setTimeout(late, 20_000, "nothing more happens"));
        return Promise.race([timeout, (async () => suite[which](url))().then(() => null, String)]);
      }, [which, `ws://${place}/`]);
      if (wrong) throw new Error(wrong);
      await person.context.close();
    } finally {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    }
  });
}

function file(url, answer) {
  const name = url.slice(1);
  if (!Object.keys(TYPES).some((type) => name.endsWith(type))) {
    return answer.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>tests</title>");
  }
  answer.writeHead(200, { "content-type": TYPES[name.split(".").pop()] }).end(readFileSync(new URL(name, SUITE)));
}

function echo(socket) {
  socket.on("message", (data, isBinary) => {
    const text = isBinary ? null : data.toString();
    socket.send(text === "ping" ? "pong" : data, { binary: isBinary });
  });
}

client("the store in localStorage does what every store does", "store");
client("text and bytes arrive both ways, in order", "echo", echo);
client("a pong proves that what was sent before has been read", "evidence", (socket) => {
  socket.on("message", (data) => data.toString() === "ping" && socket.send("pong"));
});
client("who is refused tries again, and loses nothing", "refused", echo, (number) => number > 2);
client("the server's close code is told, and the next connection goes on", "closed", (socket, number) => {
  if (number > 1) return echo(socket);
  socket.on("message", () => socket.close(4001, "enough"));
});
client("a cut is told as one, and the next connection goes on", "cut", (socket, number) => {
  if (number > 1) return echo(socket);
  socket.on("message", () => socket.terminate());
});
client("a connection that falls silent is given up, and the next goes on", "silent", (socket, number) => {
  if (number > 1) echo(socket);
});
