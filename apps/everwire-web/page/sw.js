// The service worker: caches the page's files, so that it opens without a network.
const FOLDER = new URL(".", location).pathname;
const HERE = FOLDER === "/" ? "" : FOLDER;
const KEPT = HERE + "everwire-@VERSION@";
const NAMES = ["", "everwire_bg.wasm", "everwire.js", "start.js", "style.css", "icon.svg", "manifest.webmanifest"];
const FILES = NAMES.map((name) => FOLDER + name);

// The longest wait for the server's answer, which shows whether the address is still that of a chat, in milliseconds.
const PATIENCE_MS = 1000;

addEventListener("install", (event) => event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(FILES))));

const forget = async (but) => {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(HERE + "everwire-") && name !== but).map((name) => caches.delete(name)));
};

addEventListener("activate", (event) => event.waitUntil(forget(KEPT).then(() => clients.claim())));

// A click on a notification shows its room, in an open page if there is one.
addEventListener("notificationclick", (event) => {
  const { data: room } = event.notification;
  event.notification.close();
  event.waitUntil(clients.matchAll({ type: "window" }).then(async (all) => {
    // A page of another chat on this host does not count.
    const open = all.find(({ url }) => url.startsWith(registration.scope));
    if (!open) return clients.openWindow(`./?room=${encodeURIComponent(room)}`);
    await open.focus();
    open.postMessage({ room });
  }));
});

addEventListener("message", (event) => event.data === "now" && skipWaiting());

// The address may belong to another program by now, so the cached page is shown only if the server is a chat server, or is
// down (no answer, or a status from 500 on). Other answers are shown, as those of a proxy that asks for a password or redirects.
async function page(asked, kept) {
  const patience = new AbortController();
  setTimeout(() => patience.abort(), PATIENCE_MS);
  const given = await fetch(asked, { signal: patience.signal }).catch(() => null);
  if (!given || given.status >= 500 || given.headers.has("everwire-page")) return kept;
  if (given.ok) {
    await registration.unregister();
    await forget();
  }
  return given;
}

addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin || !FILES.includes(pathname)) return;
  const answer = async () => {
    const kept = await (await caches.open(KEPT)).match(pathname);
    if (!kept) return fetch(event.request);
    return event.request.mode === "navigate" ? page(event.request, kept) : kept;
  };
  event.respondWith(answer());
});
