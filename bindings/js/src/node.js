import { provide } from "./socket.js";

export { EverwireSocket, EverwireSocket as default, preload } from "./socket.js";

provide(async () => {
  const [engine, { readFile }] = await Promise.all([import("./engine.js"), import("node:fs/promises")]);
  await engine.start(await readFile(new URL("./everwire.wasm", import.meta.url)));
  return engine;
});
