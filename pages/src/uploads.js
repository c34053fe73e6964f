// How files get into the queue: picked, photographed, dropped, pasted, or chosen again after a reload.

import * as tus from "tus-js-client";
import { settle } from "./conflict.js";
import { dropped, openPicker, picked } from "./intake.js";
import { Queue } from "./queue.js";
import { idOf } from "./store.js";
import { refresh } from "./listing.js";
import { takeShared } from "./shared.js";
import { talk, Unfinished } from "./unfinished.js";

// target is where the folder on the page takes its files.
function target() {
  const { endpoint, folder, user, maxFile } = document.getElementById("upload").dataset;
  return { endpoint: new URL(endpoint, location.href).href, folder, user, maxFile: Number(maxFile) };
}

const join = (folder, below) => (below ? (folder === "/" ? below : folder + below) : folder);

export function enhanceUploads(section) {
  const queue = new Queue(section);
  if (!tus.isSupported) return queue;
  const unfinished = new Unfinished(section, queue, target, (file, entry) => queue.add(file, entry, target()));

  // take sends a batch of intake.js to the folder that is on the page now.
  const takeNow = async ({ files, folders }, to) => {
    const fresh = [];
    for (const item of files) if (!(await unfinished.take(item.file, join(to.folder, item.below)))) fresh.push(item);
    for (const { file, below, handle, conflict = "rename" } of await settle(to.folder, fresh)) {
      const entry = { user: to.user, folder: join(to.folder, below), name: file.name, size: file.size, modified: file.lastModified, conflict, handle };
      entry.id = idOf(entry);
      queue.add(file, entry, to);
    }
    if (folders.length > 0) await makeFolders(to.folder, folders);
  };

  // One batch after the other: there is one dialog for the question, and the second batch is to see what the first one brings.
  let before = Promise.resolve();
  const take = (batch, to = target()) => (before = before.then(() => takeNow(batch, to)).catch(console.error));

  begin(queue, take, target);
  unfinished.show().then(() => takeShared(take));
  return queue;
}

// begin has a queue take files by every way in, and go on when the page, the connection or the session is back. at answers where files are sent to
// that are dropped now.
export function begin(queue, take, at) {
  takePicks(take);
  takeDrops(take, at);
  document.addEventListener("paste", (event) => {
    if (event.target.closest("input, textarea, dialog") || !event.clipboardData?.files.length) return;
    event.preventDefault();
    dropped(event.clipboardData).then((batch) => take(batch));
  });

  talk(() => queue.all.filter((t) => t.status !== "done").map((t) => t.entry.id), () => queue.back());
  window.addEventListener("online", () => queue.online());
  window.addEventListener("focus", () => queue.back());
  document.addEventListener("visibilitychange", () => document.hidden || queue.back());
  window.addEventListener("beforeunload", (event) => queue.busy() && event.preventDefault());
}

const pickers = ["files", "folder", "camera"]; // ids of inputs

function takePicks(take) {
  document.addEventListener("change", (event) => {
    if (!pickers.includes(event.target.id)) return;
    const batch = picked(event.target);
    event.target.value = ""; // choosing the same file again is a change, too
    take(batch);
  });
  let plain = false; // the browser's handles did not work: let the input do it
  document.addEventListener("click", async (event) => {
    if (event.target.id !== "files" || plain || !window.showOpenFilePicker) return;
    event.preventDefault();
    const batch = await openPicker();
    if (batch) return take(batch);
    plain = true;
    document.getElementById("files").click();
  });
}

// makeFolders makes those that hold nothing; the others come with their files.
async function makeFolders(root, folders) {
  for (const below of folders) {
    let path = root;
    for (const name of below.split("/").filter(Boolean)) {
      path = join(path, `/${name}`);
      // One that is there already is refused, which is as good.
      const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ path }) };
      await fetch("/api/v1/folders", request).catch(() => {});
    }
  }
  refresh();
}

// takeDrops takes files and folders that are dropped anywhere on the page.
function takeDrops(take, at) {
  const holdsFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const mark = (on) => document.body.classList.toggle("dropping", on);
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    mark(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false));
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    mark(false);
    const to = at();
    dropped(event.dataTransfer).then((batch) => take(batch, to));
  });
}
