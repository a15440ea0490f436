import { provide } from "./room.js";

export { ChatRoom, rooms } from "./room.js";

provide(async () => (await import("node:fs/promises")).readFile(new URL("./chat.wasm", import.meta.url)));
