import { provide } from "./socket.js";

export { EverwireSocket, EverwireSocket as default, preload } from "./socket.js";

// Bundlers know both forms, `import()` and `new URL(..., import.meta.url)`: they make files of their own of them.
provide(async () => {
  const engine = await import("./engine.js");
  await engine.start(fetch(new URL("./everwire.wasm", import.meta.url)));
  return engine;
});
