import init from "./everwire.js";

// What the browser keeps; nothing where it is told to keep nothing.
function kept(where, act) {
  try {
    return act(window[where]);
  } catch {
    return null;
  }
}

// A number that no other open tab has: each has an outbox of its own, and a tab that is opened in the place of one that
// was closed sends what is left in it. A reloaded tab waits for its own.
async function tab() {
  if (!navigator.locks) return "";
  const take = (number, options) => new Promise((taken) => {
    const held = (lock) => (taken(Boolean(lock)), lock && new Promise(() => {}));
    navigator.locks.request(`everwire.tab.${number}`, options, held).catch(() => taken(false));
  });
  const before = kept("sessionStorage", (storage) => storage.getItem("everwire.tab"));
  if (before) {
    const patience = new AbortController();
    setTimeout(() => patience.abort(), 2000);
    if (await take(before, { signal: patience.signal })) return before;
  }
  for (let number = 0; number < 100; number += 1) {
    if (await take(number, { ifAvailable: true })) {
      kept("sessionStorage", (storage) => storage.setItem("everwire.tab", number));
      return String(number);
    }
  }
  return "";
}

// The page opens without a network. A new version waits until somebody wants it.
async function keep() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  // At the first visit the page had no worker, and gets the one that belongs to it.
  let owned = Boolean(workers.controller);
  workers.addEventListener("controllerchange", () => owned ? location.reload() : (owned = true));
  const registration = await workers.register("/sw.js");
  const announce = () => {
    if (!registration.waiting || !workers.controller) return;
    document.documentElement.dataset.update = "";
    dispatchEvent(new Event("everwire-update"));
  };
  const watch = () => registration.installing?.addEventListener("statechange", announce);
  registration.addEventListener("updatefound", watch);
  addEventListener("everwire-update-now", () => registration.waiting?.postMessage("now"));
  document.addEventListener("visibilitychange", () => document.hidden || registration.update().catch(() => {}));
  watch();
  announce();
}

// A client that has failed in the middle of something does nothing any more, whatever it looks like.
function fail(problem) {
  console.error(problem);
  const line = document.getElementById("wrong").content.firstElementChild;
  // It stands there already.
  if (!line) return;
  const other = document.documentElement.lang === "ru" || navigator.language.startsWith("ru") ? "en" : "ru";
  line.querySelectorAll(`[lang=${other}]`).forEach((words) => words.remove());
  line.querySelector("button").addEventListener("click", () => location.reload());
  document.body.append(line);
}
const failed = (problem) => problem instanceof WebAssembly.RuntimeError && fail(problem);
addEventListener("error", (event) => failed(event.error));
addEventListener("unhandledrejection", (event) => failed(event.reason));

document.documentElement.dataset.tab = await tab();
await init().catch(fail);
keep().catch(() => {});
