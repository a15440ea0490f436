// What the Web Platform Tests check of `WebSocket`, told again for `EverwireSocket`. `exceptions.md` lists what can't hold.
import { equal, event, log, ok, throws, until } from "./harness.mjs";

const bytes = async (data) => [...new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data)];

/** Sends, and gives what the echo sends back. */
async function echoed({ EverwireSocket, url, options }, data, type = "arraybuffer") {
  const socket = new EverwireSocket(url("/echo"), [], options);
  socket.binaryType = type;
  await event(socket, "open");
  socket.send(data);
  const { data: back } = await event(socket, "message");
  socket.close();
  return back;
}

export default [
  // Constructor
  ["an invalid URL is a SyntaxError", ({ EverwireSocket }) => {
    for (const url of ["ws://[::1/", "wss://", "ws://a:b:c/"]) throws(() => new EverwireSocket(url), "SyntaxError");
  }],
  ["another scheme than ws, wss, http and https is a SyntaxError", ({ EverwireSocket }) => {
    for (const url of ["ftp://127.0.0.1/", "mailto:a@example.org", "about:blank", "javascript:null"]) throws(() => new EverwireSocket(url), "SyntaxError");
  }],
  ["a fragment is a SyntaxError", ({ EverwireSocket, url }) => {
    for (const end of ["#", "#test"]) throws(() => new EverwireSocket(url("/echo") + end), "SyntaxError");
  }],
  ["no argument at all is a TypeError", ({ EverwireSocket }) => throws(() => new EverwireSocket(), "TypeError")],
  ["it is called as a constructor only", ({ EverwireSocket, url }) => throws(() => EverwireSocket(url("/echo")), "TypeError")],
  ["a subprotocol that is no token is a SyntaxError", ({ EverwireSocket, url }) => {
    for (const name of ["", "a b", "a,b", "a;b", "a\\b", "a\"b", "(a)", "a/b", "a:b", "a\tb", "é", "\u0000", "\u007f"]) throws(() => new EverwireSocket(url("/echo"), name), "SyntaxError");
  }],
  ["a subprotocol that is given twice is a SyntaxError", ({ EverwireSocket, url }) => throws(() => new EverwireSocket(url("/echo"), ["a", "b", "a"]), "SyntaxError")],
  ["the subprotocol that the server chose is told", async ({ EverwireSocket, url, options }) => {
    for (const [given, chosen] of [["chat", "chat"], [["one", "two"], "one"], [[], ""], [undefined, ""]]) {
      const socket = new EverwireSocket(url("/echo"), given, options);
      equal(socket.protocol, "");
      await event(socket, "open");
      equal(socket.protocol, chosen);
      socket.close();
    }
  }],
  ["an http URL stands for a ws one", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo").replace("ws:", "http:"), [], options);
    equal(socket.url, url("/echo"));
    await event(socket, "open");
    socket.close();
  }],
  ["the URL is told as it was resolved", ({ EverwireSocket, url, options }) => {
    const closed = { ...options, startClosed: true };
    equal(new EverwireSocket("ws://EXAMPLE.org", [], closed).url, "ws://example.org/");
    equal(new EverwireSocket("ws://example.org:80/a b?c=é", [], closed).url, "ws://example.org/a%20b?c=%C3%A9");
    ok(new EverwireSocket(url("/echo"), [], closed).url.startsWith("ws://127.0.0.1:"), "the URL");
  }],
  ["a relative URL is resolved against the page's", ({ EverwireSocket, options }) => {
    if (typeof location === "undefined") return throws(() => new EverwireSocket("/echo", [], options), "SyntaxError");
    equal(new EverwireSocket("/echo", [], { ...options, startClosed: true }).url, new URL("/echo", location.href.replace(/^http/, "ws")).href);
  }],
  ["an object is converted to a string", ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket({ toString: () => url("/echo") }, [], { ...options, startClosed: true });
    equal(socket.url, url("/echo"));
  }],

  // Constants, attributes, handlers
  ["the constants are those of WebSocket, read-only, on the constructor and on each socket", ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, startClosed: true });
    for (const [at, name] of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"].entries()) {
      for (const holder of [EverwireSocket, EverwireSocket.prototype, socket]) {
        equal(holder[name], at);
        try {
          holder[name] = 9;
        } catch (error) {
          equal(error.name, "TypeError");
        }
        delete holder?.nothing;
        equal(holder[name], at);
      }
    }
  }],
  ["attributes can't be written", ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, startClosed: true });
    for (const name of ["url", "readyState", "bufferedAmount", "protocol", "extensions"]) {
      const before = socket[name];
      try {
        socket[name] = "changed";
      } catch (error) {
        equal(error.name, "TypeError");
      }
      equal(socket[name], before);
    }
  }],
  ["the attributes of a new socket", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    equal([socket.readyState, socket.bufferedAmount, socket.protocol, socket.extensions, socket.binaryType], [0, 0, "", "", "blob"]);
    ok(socket instanceof EventTarget, "it is an EventTarget");
    await event(socket, "open");
    equal(socket.readyState, 1);
    socket.close();
    equal(socket.readyState, 2);
    await event(socket, "close");
    equal(socket.readyState, 3);
  }],
  ["a handler is a function or null", ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, startClosed: true });
    for (const name of ["onopen", "onmessage", "onerror", "onclose"]) {
      equal(socket[name], null);
      const handler = () => {};
      socket[name] = handler;
      ok(socket[name] === handler, "the handler is the one that was set");
      for (const other of [1, "text", null, undefined]) {
        socket[name] = handler;
        socket[name] = other;
        equal(socket[name], null, `${name} = ${other}`);
      }
    }
  }],
  ["handlers and listeners are called in the order in which they were set, and one that replaces another in its place", ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, startClosed: true });
    const told = [];
    socket.onopen = () => told.push("first handler");
    socket.addEventListener("open", () => told.push("listener"));
    socket.onopen = function (event) {
      ok(this === socket && event.target === socket, "this is the socket");
      told.push("handler");
    };
    socket.dispatchEvent(new Event("open"));
    equal(told, ["handler", "listener"]);
  }],
  ["a handler that throws stops nobody", async ({ EverwireSocket, url, options, expectErrors }) => {
    expectErrors();
    const socket = new EverwireSocket(url("/hello"), [], options);
    socket.onopen = () => {
      throw new Error("on purpose");
    };
    equal((await event(socket, "message")).data, "hello");
    socket.close();
  }],
  ["binaryType is blob or arraybuffer, and nothing else changes it", ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, startClosed: true });
    for (const [given, then] of [["arraybuffer", "arraybuffer"], ["notBlobOrArrayBuffer", "arraybuffer"], ["", "arraybuffer"], [null, "arraybuffer"], ["blob", "blob"]]) {
      socket.binaryType = given;
      equal(socket.binaryType, then);
    }
  }],

  // Sending
  ["texts come back as they were sent", async (with_) => {
    for (const text of ["Message to send", "", "¥¥¥¥¥¥", "𐐇", "a".repeat(70_000)]) equal(await echoed(with_, text), text);
  }],
  ["an unpaired surrogate becomes U+FFFD", async (with_) => equal(await echoed(with_, "a\uD807b"), "a\uFFFDb")],
  ["what is no text and no bytes is converted to a text", async (with_) => {
    for (const [given, text] of [[null, "null"], [undefined, "undefined"], [42, "42"], [{ toString: () => "shown" }, "shown"], [[1, 2], "1,2"]]) equal(await echoed(with_, given), text);
  }],
  ["nothing to send is a TypeError", ({ EverwireSocket, url, options }) => throws(() => new EverwireSocket(url("/echo"), [], { ...options, startClosed: true }).send(), "TypeError")],
  ["an ArrayBuffer comes back as it was sent", async (with_) => {
    const sent = Uint8Array.from({ length: 65_536 }, (_, at) => at);
    ok((await bytes(await echoed(with_, sent.buffer))).every((byte, at) => byte === (at & 255)), "the bytes");
    equal(await bytes(await echoed(with_, new ArrayBuffer(0))), []);
  }],
  ["each view sends what it shows", async (with_) => {
    const buffer = Uint8Array.from({ length: 32 }, (_, at) => at).buffer;
    for (const View of [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array, BigInt64Array, DataView]) {
      const view = View === DataView ? new DataView(buffer, 8, 16) : new View(buffer, 8, 16 / View.BYTES_PER_ELEMENT);
      equal(await bytes(await echoed(with_, view)), Array.from({ length: 16 }, (_, at) => at + 8), View.name);
    }
  }],
  ["bytes are copied when they are sent", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    socket.binaryType = "arraybuffer";
    const sent = Uint8Array.of(1, 2, 3);
    socket.send(sent);
    sent.fill(9);
    equal(await bytes((await event(socket, "message")).data), [1, 2, 3]);
    socket.close();
  }],
  ["a Blob comes back as it was sent, as a Blob or an ArrayBuffer", async (with_) => {
    const blob = await echoed(with_, new Blob(["blob ", Uint8Array.of(255)]), "blob");
    ok(blob instanceof Blob, "a Blob comes");
    equal(await bytes(blob), [98, 108, 111, 98, 32, 255]);
    ok((await echoed(with_, new Blob(["x"]), "arraybuffer")) instanceof ArrayBuffer, "an ArrayBuffer comes");
  }],
  ["texts, bytes and Blobs arrive in the order in which they were sent", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    for (let at = 0; at < 10; at += 1) {
      socket.send(`${at}`);
      socket.send(new Blob([Uint8Array.of(at)]));
      socket.send(Uint8Array.of(at));
    }
    await until(async () => (await told(id)).messages.length === 30);
    equal((await told(id)).messages, Array.from({ length: 10 }, (_, at) => [`${at}`, [at], [at]]).flat());
    socket.close();
  }],
  ["bufferedAmount counts bytes, in UTF-8, until they are sent", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    await event(socket, "open");
    socket.send("¥¥");
    socket.send(new ArrayBuffer(10));
    equal(socket.bufferedAmount, 14);
    await until(() => socket.bufferedAmount === 0);
    socket.send(new Blob(["12345"]));
    equal(socket.bufferedAmount, 5);
    await until(() => socket.bufferedAmount === 0);
    socket.close();
  }],
  ["what is sent after the close goes nowhere, throws nothing, and is counted", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    await event(socket, "open");
    socket.close();
    socket.send("closing");
    await event(socket, "close");
    socket.send("closed");
    equal(socket.bufferedAmount, 13);
    equal((await told(id)).messages, []);
  }],

  // Messages
  ["a message event has the server's origin and is a MessageEvent", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/hello"), [], options);
    const message = await event(socket, "message");
    ok(message instanceof MessageEvent, "a MessageEvent");
    equal([message.data, message.origin, message.type, message.bubbles, message.cancelable], ["hello", new URL(url("/")).origin, "message", false, false]);
    socket.close();
  }],
  ["a message that comes with the connection comes after the event open", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/hello"), [], options);
    const told = log(socket);
    await event(socket, "message");
    equal(told, ["open", "message:hello"]);
    socket.close();
  }],

  // Closing
  ["close codes and reasons arrive as they were given", async ({ EverwireSocket, url, options, id, told }) => {
    const given = [[[], [1005, ""]], [[1000], [1000, ""]], [[1000, "Clean Close"], [1000, "Clean Close"]], [[3000, "x"], [3000, "x"]], [[4999, "ü".repeat(61)], [4999, "ü".repeat(61)]], [[undefined], [1005, ""]]];
    for (const [at, [args]] of given.entries()) {
      const socket = new EverwireSocket(url("/echo"), [], options);
      await event(socket, "open");
      socket.close(...args);
      const closed = await event(socket, "close");
      equal([closed.wasClean, closed.code], [true, args[0] ?? 1005]);
      await until(async () => (await told(id)).closes.length === at + 1);
    }
    equal((await told(id)).closes, given.map(([, arrived]) => arrived));
  }],
  ["a close code that a page may not use is an InvalidAccessError", ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, startClosed: true });
    for (const code of [0, 500, 999, 1001, 1005, 1006, 1015, 2999, 5000, NaN, null, "text", 65_536 + 1000]) throws(() => socket.close(code), "InvalidAccessError");
    throws(() => socket.close("reason only"), "InvalidAccessError");
  }],
  ["a close reason of more than 123 bytes is a SyntaxError", ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], { ...options, startClosed: true });
    throws(() => socket.close(1000, "a".repeat(124)), "SyntaxError");
    throws(() => socket.close(1000, "ü".repeat(62)), "SyntaxError");
  }],
  ["closing twice, or after the end, changes nothing", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    const heard = log(socket);
    await event(socket, "open");
    socket.close(3000, "first");
    socket.close(3001, "second");
    await event(socket, "close");
    socket.close(3002, "third");
    equal(heard, ["open", "close:3000"]);
    await until(async () => (await told(id)).closes.length === 1);
    equal((await told(id)).closes, [[3000, "first"]]);
  }],
  ["closing while connecting is an error and then 1006, not at once", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    const told = log(socket);
    socket.close();
    equal(socket.readyState, 3 - (socket.readyState === 2));
    equal(told, []);
    const closed = await event(socket, "close");
    equal([told, closed.wasClean, closed.reason], [["error", "close:1006"], false, ""]);
    equal(socket.readyState, 3);
  }],
  ["the server's close is told as it came", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/close?code=1000&reason=bye"), [], options);
    const closed = await event(socket, "close");
    ok(closed instanceof (globalThis.CloseEvent ?? Event), "a CloseEvent");
    equal([closed.code, closed.reason, closed.wasClean, socket.readyState], [1000, "bye", true, 3]);
  }],
  ["closing in a handler works", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/hello"), [], options);
    socket.onmessage = () => socket.close(1000);
    equal((await event(socket, "close")).code, 1000);
  }],
  ["what was sent before the close arrives", async ({ EverwireSocket, url, options, id, told }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    await event(socket, "open");
    for (let at = 0; at < 100; at += 1) socket.send(`${at}`);
    socket.close(1000);
    await event(socket, "close");
    equal((await told(id)).messages.length, 100);
  }],
  ["close returns nothing, and send does", async ({ EverwireSocket, url, options }) => {
    const socket = new EverwireSocket(url("/echo"), [], options);
    equal([socket.send("x"), socket.close()], [undefined, undefined]);
    await event(socket, "close");
  }],
];
