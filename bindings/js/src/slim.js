import { preload, provide } from "./socket.js";

export { EverwireSocket, EverwireSocket as default, preload } from "./socket.js";

let give;
const given = new Promise((resolve) => (give = resolve));

/** Where the WebAssembly is: a URL, a response, bytes, a module, or a promise of one. */
export function init(source) {
  give(source);
  return preload().then(() => {});
}

provide(async () => {
  const engine = await import("./engine.js");
  await engine.start(await given);
  return engine;
});
