import { provide } from "./socket.js";

export { EverwireSocket, EverwireSocket as default, preload } from "./socket.js";

provide(async () => {
  const [engine, { default: text }] = await Promise.all([import("./engine.js"), import("../gen/inline.js")]);
  await engine.start(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
  return engine;
});
