import { preload, provide } from "./socket.js";

export { EverwireSocket, EverwireSocket as default, preload } from "./socket.js";

let give;
const given = new Promise((resolve) => (give = resolve));

/** Where the WebAssembly is: a URL, a response, bytes, a module, or a promise of one. */
export function init(source) {
  give(source);
  return preload().then(() => {});
}

/** What has an address is fetched while the engine is. */
const fetched = (source) => (typeof source === "string" || source instanceof URL ? fetch(source) : source);

provide(async () => {
  const [engine, source] = await Promise.all([import("./engine.js"), given.then(fetched)]);
  await engine.start(source);
  return engine;
});
