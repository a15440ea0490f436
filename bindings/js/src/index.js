import { provide } from "./socket.js";

export { EverwireSocket, EverwireSocket as default, preload } from "./socket.js";

// Bundlers know both forms, `import()` and `new URL(..., import.meta.url)`: they make files of their own of them. Both are fetched at
// the same time.
provide(async () => {
  const [engine, wasm] = await Promise.all([import("./engine.js"), fetch(new URL("./everwire.wasm", import.meta.url))]);
  await engine.start(wasm);
  return engine;
});
