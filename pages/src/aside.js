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

// putAside answers an id that nobody guesses. Who has it may have the batch uploaded (aside).
export async function putAside(files) {
  const id = crypto.randomUUID();
  await work("readwrite", (store) => store.add({ id, at: Date.now(), files, accepted: false }));
  return id;
}

const patience = 60 * 60 * 1000; // ms that a batch waits for who accepts it

// aside answers the batches to be uploaded by their keys: the one with the id, which is accepted by that, and those that were before. Any other may be from a
// page of another site: it stays where it is, and goes after a while.
export async function aside(id) {
  const found = new Map();
  await work("readwrite", (store) => {
    const walk = store.openCursor();
    walk.onsuccess = () => {
      const cursor = walk.result;
      if (!cursor) return;
      const batch = cursor.value;
      if (batch.accepted || batch.id === id) {
        found.set(cursor.key, batch.files);
        if (!batch.accepted) cursor.update({ ...batch, accepted: true });
      } else if (!(Date.now() - batch.at < patience)) {
        cursor.delete();
      }
      cursor.continue();
    };
    return walk;
  });
  return found;
}

export const done = (key) => work("readwrite", (store) => store.delete(key));
