// Runs in a page: the cases by name, against the server that the page comes from.
import { EverwireSocket } from "/dist/index.js";
import beyond from "./beyond.mjs";
import { QUICK } from "./harness.mjs";
import reconnecting from "./reconnecting.mjs";
import websocket from "./websocket.mjs";

const ALL = { websocket, reconnecting, beyond };
let count = 0;

/** `null`, or what is wrong. */
export async function run(group, name, deaf) {
  const [, act] = ALL[group].find(([one]) => one === name);
  const id = `page-${(count += 1)}-${navigator.userAgent.includes("Firefox") ? "firefox" : "chromium"}`;
  const ask = async (path, id) => (await fetch(`${path}?id=${id}`)).json();
  try {
    await act({
      EverwireSocket,
      id,
      options: QUICK,
      url: (path, more = "") => `${location.origin.replace("http", "ws")}${path}${path.includes("?") ? "&" : "?"}id=${id}${more}`,
      told: (id) => ask("/told", id),
      cut: (id) => ask("/cut", id),
      deaf: async () => deaf,
      expectErrors: () => {},
    });
    return null;
  } catch (error) {
    return `${error?.message ?? error}\n${error?.stack ?? ""}`;
  }
}

// For drivers whose scripts run in a world of their own: what is to be run comes as an event, and goes as an attribute.
document.addEventListener("run-case", ({ detail }) => {
  const [number, ...args] = JSON.parse(detail);
  run(...args).then((wrong) => (document.documentElement.dataset[`result${number}`] = wrong ?? ""));
});
document.documentElement.dataset.ready = "yes";
