// The reader's language, before anything is there that could say it.
const asked = [new URLSearchParams(location.search).get("lang"), ...navigator.languages];
const language = asked.map((name) => name?.slice(0, 2).toLowerCase()).find((name) => ["en", "ru"].includes(name)) ?? "en";
Object.assign(document.documentElement, { lang: language }).dataset.lang = language;
// At once, and by no preload: Chromium and Firefox take one for a request that WebKit takes it not for, and the other way round.
const wasm = fetch("./everwire_bg.wasm");
wasm.catch(() => {});
const client = import("./everwire.js");

// What the client asks of the browser, in few words.
globalThis.everwire = {
  /** Whether the text is in the clipboard now. A page by plain http has none, but may copy what is selected. */
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
  /** Whether the browser lets us notify, after it has asked. */
  async askToNotify() {
    return (await globalThis.Notification?.requestPermission()) === "granted";
  },
  /** One for each room: the next takes the place of the one before. */
  async notify(title, body, room, mention) {
    const options = { body, tag: room, data: room, icon: "icon.svg", renotify: mention, silent: true };
    const worker = await navigator.serviceWorker?.getRegistration().catch(() => null);
    // On phones only the worker may.
    if (worker?.active) return worker.showNotification(title, options);
    new Notification(title, options).onclick = () => go(room);
  },
  badge(count) {
    (count ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.())?.catch(() => {});
  },
  /** Two short tones. Browsers are silent until somebody has done something in the page. */
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

// To a room that somebody was notified of, by the way of the address.
function go(room) {
  focus();
  const address = new URL(location.href);
  address.searchParams.set("room", room);
  history.pushState(null, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
}
navigator.serviceWorker?.addEventListener("message", ({ data }) => data?.room && go(data.room));

// Several chats may be on one host, each below a path: the names of what is kept, and of locks, begin with it.
const folder = new URL(".", location).pathname;
const here = folder === "/" ? "" : folder;

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

// The page opens without a network. A new version waits until somebody wants it.
async function keep() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  // At the first visit the page had no worker, and gets the one that belongs to it.
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

// A client that has failed in the middle of something does nothing any more, whatever it looks like.
function fail(problem) {
  console.error(problem);
  const line = document.getElementById("wrong").content.firstElementChild;
  // It stands there already.
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
