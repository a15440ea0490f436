import init from "./everwire.js";

// A number that no other open tab has: each has an outbox of its own, and a tab that is opened in the place of one that
// was closed sends what is left in it. A reloaded tab waits for its own.
async function tab() {
  if (!navigator.locks) return "";
  const take = (number, options) => new Promise((taken) => {
    const held = (lock) => (taken(Boolean(lock)), lock && new Promise(() => {}));
    navigator.locks.request(`everwire.tab.${number}`, options, held).catch(() => taken(false));
  });
  const before = sessionStorage.getItem("everwire.tab");
  if (before && await take(before, { signal: AbortSignal.timeout(2000) })) return before;
  for (let number = 0; number < 100; number += 1) {
    if (await take(number, { ifAvailable: true })) {
      sessionStorage.setItem("everwire.tab", number);
      return String(number);
    }
  }
  return "";
}

// The page opens without a network. A new version waits until somebody wants it.
async function keep() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  if (workers.controller) workers.addEventListener("controllerchange", () => location.reload());
  const registration = await workers.register("/sw.js");
  const announce = () => {
    if (!registration.waiting || !workers.controller) return;
    document.documentElement.dataset.update = "";
    dispatchEvent(new Event("everwire-update"));
  };
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", announce));
  addEventListener("everwire-update-now", () => registration.waiting?.postMessage("now"));
  announce();
}

document.documentElement.dataset.tab = await tab();
await init();
keep().catch(() => {});
