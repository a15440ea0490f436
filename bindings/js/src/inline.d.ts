export * from "./socket.js";
export { EverwireSocket as default } from "./socket.js";
