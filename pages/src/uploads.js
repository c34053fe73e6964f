// The queue of uploads, and how files get into it: chosen, dropped, or chosen again after a reload.

import * as tus from "tus-js-client";
import { refresh } from "./listing.js";
import { Row } from "./row.js";
import { Transfer } from "./transfer.js";
import { answerOthers, discard, findUnfinished, fingerprint } from "./unfinished.js";

const atOnce = 2; // transfers that run at the same time

class Transfers {
  constructor(section) {
    this.section = section;
    this.all = [];
  }

  // busy reports whether leaving the page would stop something.
  busy() {
    return this.all.some((t) => t.status === "running" || t.status === "waiting");
  }

  // holding reports whether leaving the page would lose a file that has to be chosen again then.
  holding() {
    return this.all.some((t) => t.status !== "done");
  }

  add(file, target) {
    const print = fingerprint(file, target.user, target.folder);
    const same = this.all.find((t) => t.fingerprint === print && t.status !== "done");
    if (same) return same.status === "paused" || same.status === "failed" ? same.resume() : undefined;
    const transfer = new Transfer(this.section, file, target, this);
    this.all.push(transfer);
    if (target.maxFile > 0 && file.size > target.maxFile) return transfer.fail(413, true);
    this.next();
  }

  // next starts what waits as far as there is room.
  next() {
    let running = this.all.filter((t) => t.status === "running").length;
    for (const transfer of this.all) {
      if (running >= atOnce) return;
      if (transfer.status !== "waiting") continue;
      transfer.start();
      running++;
    }
  }

  drop(transfer) {
    this.all = this.all.filter((t) => t !== transfer);
    this.next();
  }

  succeeded() {
    refresh();
    this.next();
  }
}

// target is where the folder on the page takes its files.
function target() {
  const { endpoint, folder, user, maxFile } = document.getElementById("upload").dataset;
  return { endpoint: new URL(endpoint, location.href).href, folder, here: folder, user, maxFile: Number(maxFile) };
}

export function enhanceUploads(section) {
  const transfers = new Transfers(section);
  if (!tus.isSupported) return transfers;

  const unfinished = new Unfinished(section, transfers);
  const take = (files) => {
    for (const file of files) if (!unfinished.take(file, target().folder)) transfers.add(file, target());
  };
  document.addEventListener("change", (event) => {
    if (event.target.id !== "files") return;
    const files = [...event.target.files];
    event.target.value = ""; // choosing the same file again is a change, too
    take(files);
  });
  takeDrops(section, take);

  answerOthers(() => transfers.all.map((t) => t.storageKey).filter(Boolean));
  window.addEventListener("online", () => {
    transfers.all.filter((t) => t.status === "failed" && t.lost).forEach((t) => t.resume());
  });
  window.addEventListener("beforeunload", (event) => {
    if (transfers.busy()) event.preventDefault();
  });
  unfinished.show();
  return transfers;
}

// Unfinished is the rows of what an earlier page began.
class Unfinished {
  constructor(section, transfers) {
    this.section = section;
    this.transfers = transfers;
    this.rows = [];
  }

  async show() {
    const { user, folder: here } = target();
    for (const upload of await findUnfinished(user, refresh)) {
      if (this.transfers.all.some((t) => t.storageKey === upload.key)) continue; // chosen again already
      const entry = { ...upload };
      entry.row = new Row(this.section, { ...upload, here }, {
        pause() {},
        resume: () => this.choose(entry),
        cancel: () => {
          this.forget(entry);
          discard(entry);
        },
      });
      entry.row.progress(upload.offset, upload.size);
      entry.row.state("paused", this.section.dataset.choose, { resume: true });
      this.rows.push(entry);
    }
  }

  // choose opens a picker for this one file.
  choose(entry) {
    const picker = document.createElement("input");
    picker.type = "file";
    picker.hidden = true;
    picker.addEventListener("change", () => {
      const [file] = picker.files;
      picker.remove();
      if (file && !this.take(file, entry.folder)) entry.row.state("failed", this.section.dataset.errorOther, { resume: true });
    });
    entry.row.element.append(picker);
    picker.click();
  }

  // take goes on with file if it is one of these on its way into folder.
  take(file, folder) {
    const entry = this.rows.find(
      (u) => u.folder === folder && u.name === file.name && u.size === file.size && u.modified === file.lastModified,
    );
    if (!entry) return false;
    this.forget(entry);
    this.transfers.add(file, { ...target(), folder });
    return true;
  }

  forget(entry) {
    this.rows = this.rows.filter((u) => u !== entry);
    entry.row.remove();
  }
}

// takeDrops takes files that are dropped anywhere on the page.
function takeDrops(section, take) {
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
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const isFolder = (item) => item.webkitGetAsEntry?.()?.isDirectory;
    for (const item of items.filter(isFolder)) refuseFolder(section, item.getAsFile());
    take(items.filter((item) => !isFolder(item)).map((item) => item.getAsFile()));
  });
}

function refuseFolder(section, folder) {
  if (!folder) return;
  const row = new Row(section, { name: folder.name, folder: "", here: "" }, { pause() {}, resume() {}, cancel: () => row.remove() });
  row.state("failed", section.dataset.errorFolder);
}
