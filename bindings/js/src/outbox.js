// An outbox in `localStorage` belongs to one page at a time: a lock says whose it is.

/** Waits so long for a page that is being left. */
const LEAVING_MS = 300;

/** Takes the name, or, while another page has it, the next one: `NAME`, `NAME.2`, ... */
export async function locked(name) {
  const locks = globalThis.navigator?.locks;
  if (!locks || !globalThis.localStorage) return { name, release() {} };
  for (let number = 1; ; number += 1) {
    const numbered = number === 1 ? name : `${name}.${number}`;
    const release = await held(locks, numbered, number === 1);
    if (release) return { name: numbered, release };
  }
}

/** A function that gives the lock back; none if another page has it. */
function held(locks, name, waits) {
  return new Promise((taken, failed) => {
    const until = new Promise((release) => (held.release = release));
    const { release } = held;
    const options = waits ? { signal: AbortSignal.timeout(LEAVING_MS) } : { ifAvailable: true };
    const has = (lock) => {
      taken(lock ? release : null);
      return lock ? until : undefined;
    };
    locks.request(`everwire:${name}`, options, has).catch((error) => (error.name === "AbortError" || error.name === "TimeoutError" ? taken(null) : failed(error)));
  });
}
