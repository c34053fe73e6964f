// All the files on their way, and what is known of them together.

import { fill, formatSize, showFacts, timeLeft } from "./format.js";
import { refresh } from "./listing.js";
import { report } from "./report.js";
import { Row } from "./row.js";
import { remember } from "./store.js";
import { Transfer } from "./transfer.js";

const atOnce = 3; // transfers that run at the same time
const lanes = 4; // requests that carry their bytes: a browser has six for a host over HTTP/1.1, and the page needs some itself
const rowsAtOnce = 50; // rows on the page: ten thousand would make it slow

export class Queue {
  constructor(section) {
    this.section = section;
    this.words = section.dataset;
    this.all = [];
    const head = section.querySelector(".total");
    head.addEventListener("click", (event) => {
      const act = event.target.closest("[data-all]")?.dataset.all;
      if (act === "pause") this.pauseAll();
      if (act === "resume") this.resumeAll();
      if (act === "cancel") for (const transfer of [...this.all].reverse()) if (transfer.status !== "done") transfer.cancel();
    });
  }

  // busy reports whether leaving the page would stop something.
  busy() {
    return this.all.some((t) => t.status === "running" || t.status === "waiting");
  }

  // holding reports whether leaving the page would lose a file that has to be chosen again then.
  holding() {
    return this.all.some((t) => t.status !== "done");
  }

  // sends reports whether an upload is one of these already.
  sends(url) {
    return this.all.some((t) => t.url === url);
  }

  // add takes a file; entry is a row of store.js.
  add(file, entry, { endpoint, maxFile, folder }) {
    const same = this.all.find((t) => t.entry.id === entry.id && t.status !== "done");
    if (same) return same.resume();
    const transfer = new Transfer(file, entry, endpoint, this);
    transfer.here = folder;
    this.all.push(transfer);
    if (maxFile > 0 && file.size > maxFile) return transfer.fail(413, false);
    remember(entry);
    this.next();
  }

  // next starts what waits as far as there is room, and shows what is not shown.
  next() {
    const { running, waiting, free } = this.traffic();
    const room = Math.max(0, Math.min(atOnce - running.length, free));
    if (this.signedOut().length === 0) for (const transfer of waiting.slice(0, room)) transfer.start();
    let spare = free - Math.min(room, waiting.length);
    for (const { upload } of running) while (spare > 0 && upload.widen?.()) spare--;
    this.changed();
  }

  // traffic tells what runs, what waits, and how many lanes are free.
  traffic() {
    const running = this.all.filter((t) => t.status === "running");
    const waiting = this.all.filter((t) => t.status === "waiting");
    return { running, waiting, free: lanes - running.reduce((used, t) => used + t.lanes, 0) };
  }

  // crowded reports whether a transfer waits for a lane that another has beside its first.
  crowded() {
    const { running, waiting, free } = this.traffic();
    return waiting.length > 0 && running.length < atOnce && free <= 0;
  }

  pauseAll() {
    for (const transfer of this.all.filter((t) => t.status === "waiting").reverse()) transfer.pause(); // or each would start the next
    for (const transfer of this.all) transfer.pause();
  }

  resumeAll() {
    for (const transfer of [...this.all].reverse()) transfer.resume();
  }

  drop(transfer) {
    this.all = this.all.filter((t) => t !== transfer);
    this.next();
  }

  succeeded() {
    refresh();
    this.next();
  }

  // online goes on at once with what waits for the connection.
  online() {
    for (const transfer of this.all) {
      transfer.tries = 0;
      transfer.hurry();
    }
  }

  // whoIsHere answers the name of who is signed in, "" for nobody, undefined if there is no telling now.
  async whoIsHere() {
    try {
      const response = await fetch("/api/v1/me");
      if (response.status === 401) return "";
      return response.ok ? (await response.json()).user.username : undefined;
    } catch {
      return undefined;
    }
  }

  // signedOut answers what ended with its session. Nothing begins until somebody has signed in again.
  signedOut() {
    return this.all.filter((t) => t.signedOut && t.status === "failed");
  }

  // back goes on with what waits for a session, if the one whose files these are has signed in.
  async back() {
    const waits = this.signedOut();
    if (waits.length === 0) return;
    const who = await this.whoIsHere();
    if (!who || waits.some((t) => t.entry.user !== who)) return;
    for (const transfer of waits) {
      transfer.signedOut = false;
      transfer.resume();
    }
  }

  // changed shows the whole anew, soon: many things change at once.
  changed() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.show();
    }, 200);
  }

  show() {
    let rows = this.section.querySelectorAll("li").length;
    for (const transfer of this.all) {
      if (transfer.row || (rows >= rowsAtOnce && transfer.status !== "running" && transfer.status !== "failed")) continue;
      const { name, folder } = transfer.entry;
      transfer.showIn(new Row(this.section, { name, folder, here: transfer.here }, {
        pause: () => transfer.pause(),
        resume: () => transfer.resume(),
        cancel: () => transfer.cancel(),
      }));
      rows++;
    }
    this.showTotal();
    report(this.all);
  }

  showTotal() {
    const open = this.all.filter((t) => t.status !== "done");
    const head = this.section.querySelector(".total");
    head.hidden = this.all.length < 2;
    const button = (act, shown) => (head.querySelector(`[data-all=${act}]`).hidden = !shown);
    button("pause", this.busy());
    button("resume", open.some((t) => t.status === "paused" || t.status === "failed"));
    button("cancel", open.length > 0);
    const sum = (of) => this.all.reduce((all, t) => all + of(t), 0);
    const total = sum((t) => t.file.size);
    const sent = sum((t) => Math.min(t.sent, t.file.size));
    const share = total > 0 ? sent / total : 1;
    head.querySelector("progress").value = share;
    const units = this.words.units.split(" ");
    const rate = sum((t) => t.rate);
    const facts = [
      fill(this.words.count, this.all.length - open.length, this.all.length),
      fill(this.words.progress, Math.floor(share * 100), formatSize(total, units)),
    ];
    if (rate > 0) facts.push(fill(this.words.speed, formatSize(rate, units)), timeLeft((total - sent) / rate, this.words.left));
    showFacts(head.querySelector(".sum"), facts);
  }
}
