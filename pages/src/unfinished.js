// Uploads that an earlier page began and did not end. The browser remembers where they are
// (tus-js-client's URL storage), not what is in the file: that has to be chosen again.

import * as tus from "tus-js-client";

const mark = "satchel";

// fingerprint names a file on its way into a folder. The same file chosen again has the same one.
export function fingerprint(file, user, folder) {
  return JSON.stringify([mark, user, folder, file.name, file.size, file.lastModified]);
}

// describe reads a fingerprint back; null for what is not of ours.
function describe(entry) {
  try {
    const key = entry.urlStorageKey;
    const [ours, user, folder, name, size, modified] = JSON.parse(key.slice("tus::".length, key.lastIndexOf("::")));
    return ours === mark ? { user, folder, name, size, modified, key, url: entry.uploadUrl } : null;
  } catch {
    return null;
  }
}

export function storage() {
  return tus.defaultOptions.urlStorage;
}

// findUnfinished answers the uploads of user that no other page is working on and that the server
// still has, each with the bytes that are there. finished is called for one that turns out to be whole.
export async function findUnfinished(user, finished) {
  if (!tus.canStoreURLs) return [];
  const stored = (await storage().findAllUploads()).map(describe).filter((u) => u && u.user === user && u.url);
  if (stored.length === 0) return [];
  const taken = await runningElsewhere();
  const found = await Promise.all(
    stored.filter((u) => !taken.has(u.key)).slice(-50).map(async (u) => {
      const offset = await ask(u.url);
      if (offset === "gone" || offset === u.size) {
        await storage().removeUpload(u.key);
        if (offset === u.size) finished();
        return null;
      }
      return { ...u, offset: offset ?? 0 };
    }),
  );
  return found.filter(Boolean);
}

// ask answers the offset, "gone", or undefined if there is no telling now.
async function ask(url) {
  try {
    const response = await fetch(url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
    if (response.ok) return Number(response.headers.get("Upload-Offset"));
    if (response.status === 404 || response.status === 410) return "gone";
  } catch {
    // No connection.
  }
  return undefined;
}

// discard ends an unfinished upload on the server and here.
export async function discard(unfinished) {
  try {
    await tus.Upload.terminate(unfinished.url, { retryDelays: null });
  } catch {
    // It expires by itself.
  }
  await storage().removeUpload(unfinished.key);
}

// Pages of the same browser tell each other what they work on, because asking the server for an
// upload's offset would make the page that sends it stop.
const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel("satchel-uploads") : null;

// answerOthers tells other pages the storage keys of what runs here.
export function answerOthers(running) {
  channel?.addEventListener("message", (event) => {
    if (event.data?.ask) channel.postMessage({ running: running() });
  });
}

function runningElsewhere() {
  const taken = new Set();
  if (!channel) return Promise.resolve(taken);
  return new Promise((resolve) => {
    const listen = (event) => (event.data?.running ?? []).forEach((key) => taken.add(key));
    channel.addEventListener("message", listen);
    channel.postMessage({ ask: true });
    setTimeout(() => {
      channel.removeEventListener("message", listen);
      resolve(taken);
    }, 250);
  });
}
