// What may stand between a page and its server: a proxy that falls silent, and one with another version of the page.
import { createServer, request } from "node:http";
import { connect } from "node:net";

/** Passes on what pages ask of a server, as version 1 of the page, and then as version 2. */
export class Front {
  static async before(server) {
    const front = new Front();
    front.version = 1;
    front.sockets = new Set();
    front.proxy = createServer((asked, answer) => front.#pass(server, asked, answer));
    front.proxy.on("upgrade", (asked, socket, head) => front.#upgrade(server, asked, socket, head));
    await new Promise((listening) => front.proxy.listen(0, "127.0.0.1", listening));
    front.port = front.proxy.address().port;
    return front;
  }

  url(query = "") {
    return `http://127.0.0.1:${this.port}/${query}`;
  }

  /** What is open stays open, and nothing passes any more; what is opened from now on works. */
  silence() {
    for (const [near, far] of this.sockets) [near.unpipe(far), far.unpipe(near)];
  }

  async stop() {
    for (const pair of this.sockets) pair.forEach((socket) => socket.destroy());
    this.proxy.closeAllConnections();
    await new Promise((closed) => this.proxy.close(closed));
  }

  #pass(server, asked, answer) {
    const headers = { ...asked.headers, "accept-encoding": "identity" };
    delete headers["if-none-match"];
    const passed = request({ port: server.port, host: "127.0.0.1", method: asked.method, path: asked.url, headers }, async (given) => {
      const parts = await given.toArray();
      const body = this.#changed(asked.url, Buffer.concat(parts));
      const { etag, "content-length": length, ...rest } = given.headers;
      answer.writeHead(given.statusCode, { ...rest, "content-length": body.length });
      answer.end(body);
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  }

  /** The two versions differ in what they show, and so in the name under which a worker keeps them. */
  #changed(url, body) {
    const { pathname } = new URL(url, "http://page");
    if (pathname === "/") return Buffer.from(body.toString().replace("<html", `<html data-version="${this.version}"`));
    if (pathname === "/sw.js") return Buffer.from(body.toString().replace('"everwire-', `"everwire-${this.version}-`));
    return body;
  }

  #upgrade(server, asked, near, head) {
    const far = connect(server.port, "127.0.0.1");
    const pair = [near, far];
    this.sockets.add(pair);
    const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
    for (let at = 0; at < asked.rawHeaders.length; at += 2) lines.push(`${asked.rawHeaders[at]}: ${asked.rawHeaders[at + 1]}`);
    far.write(`${lines.join("\r\n")}\r\n\r\n`);
    far.write(head);
    near.pipe(far).pipe(near);
    for (const socket of pair) {
      socket.on("error", () => {});
      socket.on("close", () => (pair.forEach((one) => one.destroy()), this.sockets.delete(pair)));
    }
  }
}
