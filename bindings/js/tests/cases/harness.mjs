// What the cases have in a browser and in Node.js alike.

/** Waits for an event. */
export const event = (target, type) => new Promise((heard) => target.addEventListener(type, heard, { once: true }));

/** Every event of a socket, in order: `open`, `message:text`, `close:1000` and so on. */
export function log(socket) {
  const told = [];
  for (const type of ["open", "message", "error", "close"]) {
    socket.addEventListener(type, (event) => told.push(type === "message" ? `message:${event.data}` : type === "close" ? `close:${event.code}` : type));
  }
  return told;
}

export async function until(test, what = `${test}`) {
  for (const start = Date.now(); Date.now() - start < 15_000; ) {
    if (await test()) return;
    await new Promise((waited) => setTimeout(waited, 10));
  }
  throw new Error(`it never came to this: ${what}`);
}

export function equal(actual, expected, what = "") {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value) ?? String(value));
  if (a !== b) throw new Error(`${what} ${a} instead of ${b}`);
}

export function ok(value, what) {
  if (!value) throw new Error(what);
}

export function throws(act, name) {
  try {
    act();
  } catch (error) {
    return equal(error.name, name, `the error "${error.message}":`);
  }
  throw new Error(`nothing was thrown instead of a ${name}`);
}

/** As quick as tests want it. */
export const QUICK = { retry: { minDelay: 20, maxDelay: 50, jitter: "none" } };
