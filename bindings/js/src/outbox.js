// A stored outbox belongs to one page at a time: a lock says whose it is. What a page has left is taken over by another one.

/** Waits so long for a page that is being left. */
const LEAVING_MS = 300;
/** A page that has ended may only be loading again: it takes its own within this time. */
const RELOAD_MS = 3_000;

const lock = (name) => `everwire:${name}`;

/** Only what all pages have in common needs a lock. */
const locksOf = (storage) => (storage.keys ? globalThis.navigator?.locks : undefined);

/** Takes the name, or, while another page has it, the next one: `NAME`, `NAME.2`, ... */
export async function locked(name, storage) {
  const locks = locksOf(storage);
  if (!locks) return { name, release() {} };
  for (let number = 1; ; number += 1) {
    const numbered = number === 1 ? name : `${name}.${number}`;
    // Asked first without a limit: a busy browser takes its time to say that nobody has it.
    const release =
      (await held(locks, numbered, { ifAvailable: true })) ??
      (number === 1 && (await held(locks, numbered, { signal: AbortSignal.timeout(LEAVING_MS) })));
    if (release) return { name: numbered, release };
  }
}

/** A function that gives the lock back; none if another page has it, or it is not waited for any more. */
function held(locks, name, options) {
  return new Promise((taken, failed) => {
    const has = (granted) => new Promise((release) => (granted ? taken(release) : (release(), taken(null))));
    locks.request(lock(name), options, has).catch((error) => (error.name === "AbortError" || error.name === "TimeoutError" ? taken(null) : failed(error)));
  });
}

/**
 * Calls `inherit({ name, release })` for each outbox of this name whose page has ended, as long as the returned function is not
 * called: those that are there now, and those of pages that end later.
 */
export function heir(name, own, storage, inherit) {
  const locks = locksOf(storage);
  if (!locks) return () => {};
  const stop = new AbortController();
  const watched = new Set([own]);
  const isOurs = (other) => other === name || (other.startsWith(`${name}.`) && /^\d+$/.test(other.slice(name.length + 1)));
  const watch = (other) => {
    if (!isOurs(other) || watched.has(other)) return;
    watched.add(other);
    awaitEnd(locks, other, stop.signal)
      .then((release) => release && inherit({ name: other, release }))
      // Locks are refused to a page that is being left.
      .catch(() => {})
      .finally(() => watched.delete(other));
  };
  const channel = new BroadcastChannel(lock(name));
  channel.onmessage = ({ data }) => watch(data);
  channel.postMessage(own);
  (async () => {
    const { held = [] } = await locks.query();
    const kept = await storage.keys();
    if (stop.signal.aborted) return;
    for (const { name: of } of held) if (of.startsWith(lock(""))) watch(of.slice(lock("").length));
    kept.forEach(watch);
  })().catch(() => {});
  return () => (stop.abort(), channel.close());
}

/** Waits until nobody has the lock, nor comes back for it, and takes it; nothing once the signal says so. */
async function awaitEnd(locks, name, signal) {
  for (;;) {
    const free = await held(locks, name, { ifAvailable: true });
    if (free) return free;
    const ended = await held(locks, name, { signal });
    if (!ended) return null;
    ended();
    await new Promise((waited) => setTimeout(waited, RELOAD_MS));
    if (signal.aborted) return null;
  }
}
