// Proxies between a page and its server: one that cuts connections and falls silent, and one with another version of the page.
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { PassThrough, Transform } from "node:stream";
import { test } from "node:test";
import { LIMIT, Server } from "./world.mjs";

/** Defines a test with a server of its own and a proxy before it. */
export function behind(name, body) {
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

/**
 * A proxy between pages and a server, which serves version 1 of the page, and later version 2.
 *
 * `faults` happen to the WebSockets one after the other: each `{ is, after, of }` after that number of bytes of the "page" or
 * of the "server" on the connection that is open then. `faults` holds those that are still to come, and
 * `faultsOver` resolves when there are none.
 *
 * `asked` holds the requested paths, `upgrades` counts the WebSockets, and `instead` has answers for some paths that replace the server's. With
 * `foreign` the proxy acts as another program at this address, which answers everything with this page, and has no other files.
 */
export class Front {
  #faultsOver;

  static async before(server, faults = []) {
    const front = new Front();
    front.version = 1;
    front.faults = [...faults];
    front.faultsOver = new Promise((over) => (front.#faultsOver = over));
    front.links = new Set();
    front.asked = [];
    front.upgrades = 0;
    front.instead = {};
    front.proxy = createServer((asked, answer) => front.#pass(server, asked, answer));
    front.proxy.on("upgrade", (asked, socket, head) => front.#upgrade(server, asked, socket, head));
    await new Promise((listening) => front.proxy.listen(0, "127.0.0.1", listening));
    front.port = front.proxy.address().port;
    return front;
  }

  url(query = "") {
    return `http://127.0.0.1:${this.port}/${query}`;
  }

  /** Silences all open connections: they stay open, and nothing passes; new connections work. */
  silence() {
    for (const link of this.links) link.stall();
  }

  /** Lets the silenced connections pass on everything that they have held back. */
  speak() {
    for (const link of this.links) link.flow();
  }

  /** Cuts all open connections. */
  cut() {
    for (const link of this.links) link.cut();
  }

  /** Holds back the server's answers under these paths until they are released. */
  hold(paths) {
    this.held = { paths, until: new Promise((letGo) => (this.letGo = letGo)) };
  }

  /** Waits until this path was requested this many times. */
  async heard(path, times = 1) {
    for (let step = 0; step < 600; step += 1) {
      if (this.asked.filter((asked) => asked === path).length >= times) return;
      await new Promise((waited) => setTimeout(waited, 20));
    }
    throw new Error(`${path} was not asked for ${times} times`);
  }

  async stop() {
    this.letGo?.();
    for (const link of this.links) link.cut();
    this.proxy.closeAllConnections();
    await new Promise((closed) => this.proxy.close(closed));
  }

  #pass(server, asked, answer) {
    const headers = { ...asked.headers, "accept-encoding": "identity" };
    delete headers["if-none-match"];
    this.asked.push(asked.url);
    if (this.foreign) {
      answer.writeHead(asked.url === "/" ? 200 : 404, { "content-type": "text/html" });
      return answer.end(asked.url === "/" ? this.foreign : "");
    }
    if (asked.url in this.instead) {
      answer.writeHead(200, { "content-type": "application/json" });
      return answer.end(this.instead[asked.url]);
    }
    const passed = request({ port: server.port, host: "127.0.0.1", method: asked.method, path: asked.url, headers }, async (given) => {
      const parts = await given.toArray();
      const body = this.#changed(asked.url, Buffer.concat(parts));
      if (asked.url.startsWith(this.held?.paths)) await this.held.until;
      const { etag, "content-length": length, ...rest } = given.headers;
      answer.writeHead(given.statusCode, { ...rest, "content-length": body.length });
      answer.end(body);
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  }

  /** The two versions differ in their text, and so in the name of the service worker's cache. */
  #changed(url, body) {
    const { pathname } = new URL(url, "http://page");
    if (pathname === "/") return Buffer.from(body.toString().replace("<html", `<html data-version="${this.version}"`));
    if (pathname === "/sw.js") return Buffer.from(body.toString().replace('"everwire-', `"everwire-${this.version}-`));
    return body;
  }

  #upgrade(server, asked, near, head) {
    this.upgrades += 1;
    const far = connect(server.port, "127.0.0.1");
    const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
    for (let at = 0; at < asked.rawHeaders.length; at += 2) lines.push(`${asked.rawHeaders[at]}: ${asked.rawHeaders[at + 1]}`);
    far.write(`${lines.join("\r\n")}\r\n\r\n`);
    far.write(head);
    const [fault] = this.faults;
    const link = new Link(near, far, fault, () => {
      this.faults = this.faults.filter((one) => one !== fault);
      if (this.faults.length === 0) this.#faultsOver();
    });
    this.links.add(link);
    for (const socket of [near, far]) {
      socket.on("error", () => {});
      socket.on("close", () => (link.cut(), this.links.delete(link)));
    }
  }
}

/** A relayed WebSocket: two connections that pass on everything until a fault. */
class Link {
  #near;
  #far;
  #up;
  #down;
  #stalled = false;
  /** Passes on everything that a fault has held back. */
  #release = () => {};

  constructor(near, far, fault, happened) {
    const carry = (end) => (fault?.of === end ? this.#until(fault, happened) : new PassThrough());
    [this.#near, this.#far, this.#up, this.#down] = [near, far, carry("page"), carry("server")];
    near.pipe(this.#up).pipe(far);
    far.pipe(this.#down).pipe(near);
  }

  cut() {
    for (const socket of [this.#near, this.#far]) socket.destroy();
  }

  reset() {
    for (const socket of [this.#near, this.#far]) socket.resetAndDestroy();
  }

  stall() {
    this.#stalled = true;
    for (const socket of [this.#near, this.#far]) socket.unpipe();
  }

  flow() {
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#release();
    this.#near.pipe(this.#up);
    this.#far.pipe(this.#down);
  }

  #until(fault, happened) {
    let left = fault.after;
    const carrier = new Transform({
      transform: (bytes, _, carried) => {
        const rest = bytes.subarray(left);
        carrier.push(bytes.subarray(0, left));
        left -= bytes.length;
        if (left > 0) return carried();
        left = Infinity;
        this.#release = () => carried(null, rest);
        // These bytes still arrive; nothing after them does.
        setImmediate(() => (this[fault.is](), happened()));
      },
    });
    return carrier;
  }
}
