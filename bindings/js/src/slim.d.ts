export * from "./socket.js";
export { EverwireSocket as default } from "./socket.js";

/** Where the WebAssembly is: its URL, a response, its bytes, a module, or a promise of one. */
export type WasmSource = string | URL | Response | BufferSource | WebAssembly.Module;

/**
 * Says where `everwire/everwire.wasm` is, and loads the engine. Sockets that exist before queue what is asked of them.
 * Rejects if it can't be loaded.
 */
export function init(source: WasmSource | Promise<WasmSource>): Promise<void>;
