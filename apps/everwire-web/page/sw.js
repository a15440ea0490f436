// Keeps the page's files, so that it opens without a network.
const KEPT = "everwire-@VERSION@";
const FILES = ["/", "/everwire_bg.wasm", "/everwire.js", "/start.js", "/style.css", "/icon.svg", "/manifest.webmanifest"];

addEventListener("install", (event) => event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(FILES))));

addEventListener("activate", (event) => event.waitUntil((async () => {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("everwire-") && name !== KEPT).map((name) => caches.delete(name)));
  await clients.claim();
})()));

addEventListener("message", (event) => event.data === "now" && skipWaiting());

addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin || !FILES.includes(pathname)) return;
  const answer = async () => (await (await caches.open(KEPT)).match(pathname)) ?? fetch(event.request);
  event.respondWith(answer());
});
