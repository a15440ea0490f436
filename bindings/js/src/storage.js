// Where an outbox is kept, as one text: what has `getItem(name)` and `setItem(name, text)`, at once or by promises.

const TABLE = "outboxes";

const done = (asked) => new Promise((resolve, reject) => Object.assign(asked, { onsuccess: () => resolve(asked.result), onerror: () => reject(asked.error) }));

let database;

/** Opens it once; one that the browser has closed is opened anew. */
function opened() {
  database ??= (async () => {
    const asked = indexedDB.open("everwire", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(TABLE);
    const open = await done(asked);
    open.onclose = open.onversionchange = () => ((database = undefined), open.close());
    return open;
  })().catch((error) => {
    database = undefined;
    throw error;
  });
  return database;
}

const read = async (act) => done(act((await opened()).transaction(TABLE).objectStore(TABLE)));

/** Written when this resolves, as far as the browser can tell. */
async function write(act) {
  const transaction = (await opened()).transaction(TABLE, "readwrite", { durability: "strict" });
  act(transaction.objectStore(TABLE));
  return new Promise((resolve, reject) => Object.assign(transaction, { oncomplete: () => resolve(), onabort: () => reject(transaction.error) }));
}

const BUILT_IN = {
  localStorage: {
    getItem: (name) => localStorage.getItem(name),
    setItem: (name, text) => localStorage.setItem(name, text),
    removeItem: (name) => localStorage.removeItem(name),
    keys: () => Object.keys(localStorage),
  },
  indexedDB: {
    getItem: (name) => read((table) => table.get(name)),
    setItem: (name, text) => write((table) => table.put(text, name)),
    removeItem: (name) => write((table) => table.delete(name)),
    keys: () => read((table) => table.getAllKeys()),
  },
};

/** The storage of this name, or the user's own. */
export function storage(given = "localStorage") {
  if (typeof given === "object" && typeof given?.getItem === "function" && typeof given.setItem === "function") return given;
  const builtIn = Object.hasOwn(BUILT_IN, given) && BUILT_IN[given];
  if (!builtIn) throw new Error('outbox.storage is "localStorage", "indexedDB", or an object with getItem and setItem');
  if (!globalThis[given]) throw new Error(`outbox.store: there is no ${given} here; give a storage of your own, or none`);
  return builtIn;
}
