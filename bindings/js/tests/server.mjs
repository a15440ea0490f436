// What the tests' sockets connect to, and where their pages come from: one port, whose WebSockets behave as their path says.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { WebSocketServer } from "ws";

const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".map": "application/json" };

/**
 * | path | what it does |
 * |---|---|
 * | `/echo` | sends back what comes; the text `ping` is answered by `pong` |
 * | `/close?code=&reason=` | closes at once |
 * | `/close-on-message?code=` | closes when something comes |
 * | `/cut-on-message` | ends the connection without a close frame when the text `cut` comes, and is an echo otherwise |
 * | `/refuse` | answers 503 |
 * | `/flaky?id=&times=` | refuses so many times, then is `/echo` |
 * | `/silent` | reads, and says nothing |
 * | `/hello` | says `hello` first, then is `/echo` |
 * | `/login?id=` | closes with 4401 unless the first message is `login`, which it answers by `welcome`; then `/echo` |
 * | `/flood?count=` | sends so many messages |
 *
 * `id` names one test's connections: `connections` and `messages` tell of them, as GET `/told?id=` does.
 */
export class Server {
  connections = new Map();
  messages = new Map();
  closes = new Map();
  #roots;

  static async start(roots, { headers = {}, port = 0 } = {}) {
    const server = new Server();
    server.#roots = roots;
    server.headers = headers;
    server.http = createServer((asked, answer) => server.#answer(asked, answer));
    server.sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered].find((name) => !name.startsWith("no-")) ?? false });
    server.http.on("upgrade", (asked, socket, head) => server.#upgrade(asked, socket, head));
    await new Promise((listening) => server.http.listen(port, "127.0.0.1", listening));
    server.port = server.http.address().port;
    return server;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  get ws() {
    return `ws://127.0.0.1:${this.port}`;
  }

  async stop() {
    for (const socket of this.sockets.clients) socket.terminate();
    this.http.closeAllConnections();
    await new Promise((closed) => this.http.close(closed));
  }

  /** Everything of this test's ends without a close frame. */
  cut(id) {
    for (const socket of this.sockets.clients) if (socket.id === id) socket.terminate();
  }

  /** Sends this to all of this test's. */
  push(id, text) {
    for (const socket of this.sockets.clients) if (socket.id === id) socket.send(text);
  }

  open(id) {
    return [...this.sockets.clients].filter((socket) => socket.id === id).length;
  }

  #answer(asked, answer) {
    const { pathname, searchParams } = new URL(asked.url, this.origin);
    const json = (value) => answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    const id = searchParams.get("id");
    if (pathname === "/told") {
      return json({ connections: this.connections.get(id) ?? 0, messages: this.messages.get(id) ?? [], closes: this.closes.get(id) ?? [], open: this.open(id) });
    }
    if (pathname === "/cut") return this.cut(id), json(true);
    for (const [prefix, root] of Object.entries(this.#roots)) {
      if (!pathname.startsWith(prefix)) continue;
      try {
        const file = prefix.endsWith("/") ? new URL(`.${pathname.slice(prefix.length - 1)}`, root) : root;
        const body = readFileSync(file);
        return answer.writeHead(200, { "content-type": TYPES[extname(pathname)] ?? "text/plain", ...this.headers }).end(body);
      } catch {
        continue;
      }
    }
    const page = pathname === "/cases" ? '<script type="module" src="/cases/page.mjs"></script>' : "";
    answer.writeHead(["/", "/cases"].includes(pathname) ? 200 : 404, { "content-type": "text/html", ...this.headers }).end(`<!doctype html><title>tests</title>${page}`);
  }

  #upgrade(asked, socket, head) {
    const { pathname, searchParams } = new URL(asked.url, this.origin);
    const id = searchParams.get("id");
    const number = (this.connections.get(id) ?? 0) + 1;
    this.connections.set(id, number);
    const times = Number(searchParams.get("times") ?? 0);
    if (pathname === "/refuse" || (pathname === "/flaky" && number <= times)) {
      return socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    }
    this.sockets.handleUpgrade(asked, socket, head, (open) => this.#serve(open, pathname, searchParams, id, number));
  }

  #serve(open, pathname, query, id, number) {
    open.id = id;
    const note = (map, value) => map.set(id, [...(map.get(id) ?? []), value]);
    const echo = (data, isBinary) => open.send(!isBinary && `${data}` === "ping" ? "pong" : data, { binary: isBinary });
    open.on("message", (data, isBinary) => note(this.messages, isBinary ? [...data] : `${data}`));
    open.on("close", (code, reason) => note(this.closes, [code, `${reason}`]));
    const serve = {
      "/close": () => open.close(Number(query.get("code") ?? 1000), query.get("reason") ?? ""),
      "/close-first": () => (number === 1 ? open.close(Number(query.get("code"))) : open.on("message", echo)),
      "/close-on-message": () => open.on("message", () => open.close(Number(query.get("code") ?? 1000), query.get("reason") ?? "")),
      "/cut-on-message": () => open.on("message", (data, isBinary) => (`${data}` === "cut" ? open.terminate() : echo(data, isBinary))),
      "/silent": () => {},
      "/hello": () => (open.send("hello"), open.on("message", echo)),
      "/login": () =>
        open.once("message", (data) => {
          if (`${data}` !== "login") return open.close(4401, "who are you?");
          open.send("welcome");
          open.on("message", echo);
        }),
      "/flood": () => {
        for (let at = 0; at < Number(query.get("count")); at += 1) open.send(`${at}`);
      },
    };
    (serve[pathname] ?? (() => open.on("message", echo)))();
  }
}
