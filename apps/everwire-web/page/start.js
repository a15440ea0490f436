// Sets the reader's language, before any text is shown.
const asked = [new URLSearchParams(location.search).get("lang"), ...navigator.languages];
const language = asked.map((name) => name?.slice(0, 2).toLowerCase()).find((name) => ["en", "ru"].includes(name)) ?? "en";
Object.assign(document.documentElement, { lang: language }).dataset.lang = language;
// Fetched at once and not by a preload link: no form of such a link is reused for this request by all of Chromium, Firefox and
// WebKit.
const wasm = fetch("./everwire_bg.wasm");
wasm.catch(() => {});
const client = import("./everwire.js");

// Functions that the client calls, because they are shorter in JavaScript.
globalThis.everwire = {
  /** Copies a text; returns whether it is in the clipboard. Without TLS a page has no clipboard, but may copy a selection. */
  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text, className: "heard" });
      document.body.append(area);
      area.select();
      const copied = document.execCommand("copy");
      area.remove();
      return copied;
    }
  },
  mayNotify: () => globalThis.Notification?.permission === "granted",
  /** Has the browser ask for permission to notify; returns whether it was granted. */
  async askToNotify() {
    return (await globalThis.Notification?.requestPermission()) === "granted";
  },
  /** Shows a notification; a room's next one replaces it. */
  async notify(title, body, room, mention) {
    const options = { body, tag: room, data: room, icon: "icon.svg", renotify: mention, silent: true };
    const worker = await navigator.serviceWorker?.getRegistration().catch(() => null);
    // On phones only a service worker may show notifications.
    if (worker?.active) return worker.showNotification(title, options);
    new Notification(title, options).onclick = () => go(room);
  },
  badge(count) {
    (count ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.())?.catch(() => {});
  },
  /** Plays two short tones. Browsers allow no sound before the user has clicked or typed in the page. */
  sound() {
    const context = (this.context ??= new AudioContext());
    if (context.state === "suspended") context.resume().catch(() => {});
    const gain = context.createGain();
    gain.connect(context.destination);
    gain.gain.setValueAtTime(0.08, context.currentTime);
    gain.gain.exponentialRampToValueAtTime(0.0001, context.currentTime + 0.35);
    for (const [at, frequency] of [[0, 660], [0.12, 880]]) {
      const tone = context.createOscillator();
      tone.frequency.value = frequency;
      tone.connect(gain);
      tone.start(context.currentTime + at);
      tone.stop(context.currentTime + at + 0.11);
    }
  },
};

// Shows the room of a notification, by a change of the page's address.
function go(room) {
  focus();
  const address = new URL(location.href);
  address.searchParams.set("room", room);
  history.pushState(null, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
}
navigator.serviceWorker?.addEventListener("message", ({ data }) => data?.room && go(data.room));

// One host may have several chats, each under a path of its own: the names of stored values and locks begin with the path.
const folder = new URL(".", location).pathname;
const here = folder === "/" ? "" : folder;

// Accesses the browser's storage; returns null if the user's settings forbid storage.
function kept(where, act) {
  try {
    return act(window[where]);
  } catch {
    return null;
  }
}

// Returns a number that no other open tab has. Each number has an outbox of its own; a new tab takes the number of a closed
// one, and sends what is left in its outbox. A reloaded tab waits until its number is free.
async function tab() {
  if (!navigator.locks) return "";
  const take = (number, options) => new Promise((taken) => {
    const held = (lock) => (taken(Boolean(lock)), lock && new Promise(() => {}));
    navigator.locks.request(`${here}everwire.tab.${number}`, options, held).catch(() => taken(false));
  });
  const before = kept("sessionStorage", (storage) => storage.getItem(`${here}everwire.tab`));
  if (before) {
    const patience = new AbortController();
    setTimeout(() => patience.abort(), 2000);
    if (await take(before, { signal: patience.signal })) return before;
  }
  for (let number = 0; number < 100; number += 1) {
    if (await take(number, { ifAvailable: true })) {
      kept("sessionStorage", (storage) => storage.setItem(`${here}everwire.tab`, number));
      return String(number);
    }
  }
  return "";
}

// Installs the service worker, so that the page opens without a network. A new version waits until the user accepts it.
async function keep() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  // On the first visit the page gets the worker of its own version, so it is not reloaded.
  let owned = Boolean(workers.controller);
  workers.addEventListener("controllerchange", () => owned ? location.reload() : (owned = true));
  const registration = await workers.register("sw.js");
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

// Shows that the client has failed: after a trap it does nothing any more, though the page may look unchanged.
function fail(problem) {
  console.error(problem);
  const line = document.getElementById("wrong").content.firstElementChild;
  // It is shown already.
  if (!line) return;
  const other = document.documentElement.lang === "ru" ? "en" : "ru";
  line.querySelectorAll(`[lang=${other}]`).forEach((words) => words.remove());
  line.querySelector("button").addEventListener("click", () => location.reload());
  document.body.append(line);
}
const failed = (problem) => problem instanceof WebAssembly.RuntimeError && fail(problem);
addEventListener("error", (event) => failed(event.error));
addEventListener("unhandledrejection", (event) => failed(event.reason));

document.documentElement.dataset.tab = await tab();
await client.then(({ default: init }) => init({ module_or_path: wasm })).catch(fail);
keep().catch(() => {});
