import { provide } from "./room.js";

export { ChatRoom, rooms } from "./room.js";

provide(() => fetch(new URL("./chat.wasm", import.meta.url)));
