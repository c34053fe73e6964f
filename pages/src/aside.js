// What was shared with the installed pages and is not uploaded yet, in IndexedDB: with its content, since nobody could be
// asked to choose it again.

const batches = "batches";

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("satchel-shared", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(batches, { autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function work(mode, act) {
  const base = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = base.transaction(batches, mode, { durability: "strict" });
      const request = act(transaction.objectStore(batches));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    base.close();
  }
}

export const putAside = (files) => work("readwrite", (store) => store.add({ files }));

// aside answers all batches by their keys.
export async function aside() {
  const found = new Map();
  const [keys, values] = await Promise.all([work("readonly", (store) => store.getAllKeys()), work("readonly", (store) => store.getAll())]);
  keys.forEach((key, i) => values[i] && found.set(key, values[i].files));
  return found;
}

export const done = (key) => work("readwrite", (store) => store.delete(key));
