// What the queue must still know after a reload or a killed page: one row for each upload that is not at its end, in
// IndexedDB. Where a browser keeps nothing (a private window), uploads end with their page.
//
// A row is {id, user, folder, name, size, modified, type, conflict, sha256, url, parts, offset, handle}. It says where the upload is, and
// what the file looks like; parts are of one that has some (parts.js), offset is how far it was when it was asked for last; handle leads to
// the file itself where the browser gives one out.

const rows = "uploads";
let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("satchel", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(rows, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

// work does one thing in a transaction of its own. Strict: what was answered is there after the process was killed.
async function work(mode, act) {
  try {
    const base = await open();
    return await new Promise((resolve, reject) => {
      const transaction = base.transaction(rows, mode, { durability: "strict" });
      const request = act(transaction.objectStore(rows));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } catch {
    return undefined;
  }
}

// idOf names a file on its way into a folder. The same file chosen again has the same one.
export function idOf({ user, folder, name, size, modified }) {
  return JSON.stringify([user, folder, name, size, modified]);
}

export const remember = (entry) => work("readwrite", (store) => store.put(entry));
export const forget = (id) => work("readwrite", (store) => store.delete(id));

// recall answers the rows of user.
export async function recall(user) {
  const all = (await work("readonly", (store) => store.getAll())) ?? [];
  return all.filter((entry) => entry.user === user);
}
