// Uploads that an earlier page or another device began and did not end. What is in a file cannot be kept: where the browser
// gave out a handle that leads to it, one touch goes on; else the person chooses the file again, and it is held against
// what is known of it.

import { sumOf } from "./digest.js";
import { refresh } from "./listing.js";
import { remove } from "./parts.js";
import { Row } from "./row.js";
import { forget, idOf, recall, remember } from "./store.js";
import { placeOf } from "./transfer.js";

const most = 50; // rows

export class Unfinished {
  // add is called with a file and its entry, to go on with it; list answers what the server has.
  constructor(section, queue, target, add, list = openUploads) {
    this.section = section;
    this.words = section.dataset;
    this.queue = queue;
    this.target = target;
    this.add = add;
    this.list = list;
    this.rows = [];
  }

  async show() {
    const { user } = this.target();
    const [stored, open, taken] = await Promise.all([recall(user), this.list(), runningElsewhere()]);
    const byUrl = new Map(open.map((upload) => [placeOf(upload).url, upload]));
    const known = new Set(stored.map((entry) => entry.url));
    for (const entry of stored.slice(-most)) {
      if (taken.has(entry.id) || this.queue.all.some((t) => t.entry.id === entry.id)) continue;
      const listed = byUrl.get(entry.url);
      if (listed) Object.assign(entry, placeOf(listed));
      else entry.offset = entry.url ? await ask(entry) : 0;
      if (!listed && entry.offset === entry.size && entry.size > 0) {
        forget(entry.id);
        refresh();
      } else {
        this.offer(entry);
      }
    }
    for (const [url, upload] of byUrl) if (!known.has(url) && !this.queue.sends(url)) this.offerOther(upload, user);
  }

  // offerOther shows what another device began, if there is a way to know its file.
  offerOther(upload, user) {
    const { name, folder, size, sha256, modified_at } = upload;
    if (this.rows.length >= most || size === null || !(sha256 || modified_at)) return;
    const modified = modified_at ? Math.floor(Date.parse(modified_at)) : -1;
    const entry = { user, folder, name, size, modified, conflict: "rename", sha256: sha256 ?? undefined, ...placeOf(upload) };
    entry.id = idOf(entry);
    this.offer(entry, true);
  }

  offer(entry, other = false) {
    const row = new Row(this.section, { name: entry.name, folder: entry.folder, here: this.target().folder }, {
      pause() {},
      resume: () => this.open(entry),
      cancel: () => this.discard(entry),
    });
    row.progress(entry.offset, entry.size);
    const sentence = entry.handle ? this.words.paused : other ? this.words.elsewhere : this.words.choose;
    row.state("paused", sentence, { resume: true });
    this.rows.push({ entry, row });
    entry.handle?.queryPermission?.({ mode: "read" }).then((state) => state === "granted" && this.open(entry)).catch(() => {});
  }

  // open goes on with a file by its handle, or has it chosen.
  async open(entry) {
    const { handle } = entry;
    try {
      if (handle && (await handle.requestPermission?.({ mode: "read" })) !== "denied") {
        if (!(await this.take(await handle.getFile(), entry.folder, entry))) this.refuse(entry);
        return;
      }
    } catch {
      entry.handle = undefined; // moved or removed: choose it
    }
    const picker = document.createElement("input");
    picker.type = "file";
    picker.hidden = true;
    picker.addEventListener("change", async () => {
      const [file] = picker.files;
      picker.remove();
      if (file && !(await this.take(file, entry.folder, entry))) this.refuse(entry);
    });
    this.rowOf(entry).element.append(picker);
    picker.click();
  }

  rowOf(entry) {
    return this.rows.find((r) => r.entry === entry)?.row;
  }

  refuse(entry) {
    entry.handle = undefined;
    this.rowOf(entry)?.state("failed", this.words.errorOther, { resume: true });
  }

  // take goes on with file if it is one of these on its way into folder; wanted narrows it to one.
  async take(file, folder, wanted) {
    const near = this.rows.filter(({ entry }) => (!wanted || entry === wanted) && entry.folder === folder && entry.name === file.name && entry.size === file.size);
    let match = near.find(({ entry }) => entry.modified === file.lastModified);
    const hashed = match ? [] : near.filter(({ entry }) => entry.sha256);
    if (hashed.length > 0) {
      for (const { row } of hashed) row.say(this.words.checking);
      const sum = await sumOf(this.words.hasher, file);
      match = hashed.find(({ entry }) => entry.sha256 === sum);
      for (const { row } of hashed) row.say(this.words.choose);
    }
    if (!match) return false;
    this.remove(match.entry);
    this.add(file, match.entry);
    return true;
  }

  remove(entry) {
    this.rowOf(entry)?.remove();
    this.rows = this.rows.filter((r) => r.entry !== entry);
  }

  // discard ends an upload on the server and here.
  discard(entry) {
    this.remove(entry);
    forget(entry.id);
    remove(entry);
  }
}

// openUploads answers what the server has of this person. The listing tells the offsets without making who sends stop, as HEAD would.
async function openUploads() {
  try {
    const response = await fetch("/api/v1/uploads");
    return response.ok ? (await response.json()).items : [];
  } catch {
    return [];
  }
}

// ask is for what is not in the listing: it is at its end, or gone, or there is no telling now.
async function ask(entry) {
  try {
    const response = await fetch(entry.url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } });
    if (response.ok) return Number(response.headers.get("Upload-Offset"));
    if (response.status === 404 || response.status === 410) {
      if (entry.parts) remove(entry); // those that are left
      entry.url = entry.parts = undefined;
      remember(entry);
    }
  } catch {
    // No connection.
  }
  return 0;
}

// Pages of the same browser tell each other what they work on.
const channel = typeof BroadcastChannel === "function" ? new BroadcastChannel("satchel-uploads") : null;

// talk tells other pages the ids of what runs here, and that this one is there: somebody may have signed in on it.
export function talk(running, arrived) {
  channel?.addEventListener("message", ({ data }) => {
    if (data?.ask) channel.postMessage({ running: running() });
    if (data?.ask) arrived();
  });
}

function runningElsewhere() {
  const taken = new Set();
  if (!channel) return Promise.resolve(taken);
  return new Promise((resolve) => {
    const listen = ({ data }) => (data?.running ?? []).forEach((id) => taken.add(id));
    channel.addEventListener("message", listen);
    channel.postMessage({ ask: true });
    setTimeout(() => {
      channel.removeEventListener("message", listen);
      resolve(taken);
    }, 250);
  });
}
