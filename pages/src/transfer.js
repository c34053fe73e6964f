// One file on its way to the server.

import * as tus from "tus-js-client";
import { lookUp, sumSoon } from "./digest.js";
import { fill, Speed } from "./format.js";
import { Parts, remove, worthParts } from "./parts.js";
import { here, passes, Refused, rejection, responseOf } from "./refusal.js";
import { forget, remember } from "./store.js";

// The wait before the next try doubles from the first to the longest, in ms; every byte that gets through starts anew.
// A server that is away comes back some time, so there is no last try. Who was told to let go, again and again, gives up.
const firstWait = 500;
const longestWait = 60_000;
const mostConflicts = 10;

// Bytes of a request. A server that is killed has lost at most the one that was on its way, and proxies that hold requests back or bound
// them let this much through.
const chunk = 8 << 20;

export class Transfer {
  // entry is a row of store.js; queue is told of all that happens.
  constructor(file, entry, endpoint, queue) {
    this.file = file;
    this.entry = entry;
    this.queue = queue;
    this.words = queue.words;
    this.speed = new Speed();
    this.rate = 0; // bytes a second
    this.sent = entry.offset ?? 0;
    this.tries = 0;
    this.run = 0; // counts what was begun, so that what was left behind does nothing any more
    this.row = null;
    this.endpoint = endpoint;
    this.prepare();
    this.set("waiting", this.words.waiting, { pause: true });
  }

  get url() {
    return this.upload.url;
  }

  // lanes is how many requests with bytes it has, or will have as soon as it can.
  get lanes() {
    return Math.max(1, this.upload.lanes ?? 1);
  }

  // begun reports whether the server has something of it.
  get begun() {
    return this.upload.url != null || this.entry.parts !== undefined;
  }

  // prepare makes the upload that this is about: in parts, or in one piece. What was begun stays what it is.
  prepare() {
    const { file, entry } = this;
    const options = this.options();
    const parts = entry.parts || (!entry.url && !this.queue.whole && worthParts(file));
    this.upload = parts ? new Parts(file, { ...options, parts: entry.parts }) : new tus.Upload(file, options);
    if (entry.url) this.upload.url = entry.url;
  }

  // set takes over a status: waiting, running, paused, failed, done, cancelled.
  set(status, sentence, buttons = {}) {
    this.status = status;
    this.shown = [status, sentence, buttons];
    if (status !== "running") this.rate = 0;
    this.row?.state(...this.shown);
    this.row?.progress(this.sent, this.file.size);
    this.queue.changed();
  }

  // showIn gives the transfer a row.
  showIn(row) {
    this.row = row;
    row.state(...this.shown);
    row.progress(this.sent, this.file.size);
  }

  options() {
    const { file, entry } = this;
    return {
      endpoint: this.endpoint,
      chunkSize: chunk,
      metadata: {
        filename: file.name,
        filetype: file.type,
        folder: entry.folder,
        mtime: String(file.lastModified / 1000),
        conflict: entry.conflict,
        ...(entry.sha256 && { sha256: entry.sha256 }),
      },
      storeFingerprintForResuming: false, // store.js does it
      retryDelays: null, // again() does it
      onAfterResponse: (request, response) => {
        if (request.getMethod() === "HEAD" && response.getStatus() >= 400) throw new Refused(response);
      },
      onUploadUrlAvailable: () => {
        this.upload.url = here(this.upload.url);
        this.keep({ url: this.upload.url });
      },
      onParts: (parts) => this.keep({ parts: parts?.map(({ url, start, end }) => ({ url, start, end })) }),
      onLane: () => this.queue.next(),
      crowded: () => this.queue.crowded(),
      onProgress: (sent, total) => {
        if (sent > this.sent) this.tries = 0;
        this.sent = sent;
        this.rate = this.speed.add(sent);
        this.row?.progress(sent, total, this.rate);
        this.row?.say("");
        this.queue.changed();
      },
      onSuccess: () => this.succeed(),
      onError: (error) => this.stumble(error, this.run),
    };
  }

  keep(more) {
    Object.assign(this.entry, more);
    if (this.status !== "cancelled" && this.status !== "done") remember(this.entry);
  }

  // start sends the file, from where an earlier page or another device stopped if there was one.
  async start() {
    const run = ++this.run;
    this.set("running", this.words.starting, { pause: true });
    if (!this.begun && !this.looked) {
      this.looked = true;
      if ((await this.look()) === "complete") return run === this.run ? this.succeed() : this.overtaken();
      if (run !== this.run) return;
    }
    this.upload.start();
  }

  // look asks the drive for the content before it is sent.
  async look() {
    const sha256 = await sumSoon(this.words.hasher, this.file);
    if (!sha256 || this.status !== "running") return null;
    this.upload.options.metadata.sha256 = sha256;
    this.keep({ sha256 });
    const found = await lookUp(this.words.hasher, this.file, this.entry);
    if (found?.status === "partial" && !this.queue.sends(here(found.upload.url))) {
      this.keep(placeOf(found.upload));
      this.prepare();
    }
    return found?.status;
  }

  // overtaken is for what was paused, or begun again, while the drive found that it holds the content: the file is there.
  overtaken() {
    if (this.status === "cancelled") return;
    this.stop();
    this.takeBack();
    this.succeed();
  }

  stop() {
    this.run++;
    this.waits = false;
    clearTimeout(this.timer);
    this.upload.abort();
  }

  // takeBack ends what was stopped on the server.
  takeBack() {
    const { upload } = this;
    if (upload instanceof Parts) upload.end();
    else remove(upload);
  }

  pause() {
    if (this.status !== "running" && this.status !== "waiting") return;
    this.stop();
    this.set("paused", this.words.paused, { resume: true });
    this.queue.next();
  }

  resume() {
    if (this.status !== "paused" && this.status !== "failed") return;
    if (this.signedOut) return this.queue.back();
    this.speed = new Speed();
    this.tries = 0;
    this.set("waiting", this.words.waiting, { pause: true });
    this.queue.next();
  }

  cancel() {
    const ended = this.status === "done";
    this.stop();
    this.set("cancelled", "");
    this.row?.remove();
    if (!ended) {
      forget(this.entry.id);
      this.takeBack();
    }
    this.queue.drop(this);
  }

  succeed() {
    forget(this.entry.id);
    this.sent = this.file.size;
    this.set("done", this.words.done);
    this.queue.succeeded();
    setTimeout(() => this.status === "done" && this.cancel(), 5000);
  }

  // stumble decides what an error means: try again, begin anew, or ask the person.
  async stumble(error, run) {
    const response = responseOf(error);
    const status = response?.getStatus() ?? 0;
    const { begun } = this;
    if (status === 0 && !(await readable(this.file))) return run === this.run && this.fail(0);
    if (run !== this.run) return;
    if (begun && (status === 404 || status === 410)) return this.anew(run);
    const contested = status === 423 || (status === 409 && begun);
    if (contested ? this.tries < mostConflicts : passes(status)) {
      return this.again(Number(response?.getHeader("Retry-After")) || 0);
    }
    this.fail(status, begun, rejection(response));
  }

  // again tries later, but not before the server said. after is in seconds.
  again(after) {
    const wait = Math.min(longestWait, firstWait * 2 ** this.tries++) * (0.75 + Math.random() / 2);
    this.rate = 0;
    this.speed = new Speed();
    this.row?.progress(this.sent, this.file.size);
    this.row?.say(navigator.onLine === false ? this.words.offline : this.words.retrying);
    this.queue.changed();
    clearTimeout(this.timer);
    this.waits = true;
    this.after = performance.now() + after * 1000;
    this.timer = setTimeout(() => this.hurry(), Math.max(wait, after * 1000));
  }

  // hurry ends a wait: the connection is back. What the server asked for is waited for still.
  hurry() {
    if (!this.waits) return;
    clearTimeout(this.timer);
    const left = this.after - performance.now();
    if (left > 0) {
      this.timer = setTimeout(() => this.hurry(), left);
      return;
    }
    this.waits = false;
    if (this.status === "running") this.upload.start();
  }

  // anew begins from zero: the server does not have the upload any more. It would not have one of another person's either.
  async anew(run) {
    const who = await this.queue.whoIsHere();
    if (run !== this.run) return;
    if (who === undefined) return this.again(0);
    if (who !== this.entry.user) return this.fail(401, true);
    if (this.entry.parts) remove(this.entry); // those that are left
    this.sent = 0;
    this.keep({ url: undefined, parts: undefined, offset: undefined });
    this.prepare();
    this.upload.start();
  }

  // fail shows a refusal in words, its own if it has some. A status of 0 is a file that cannot be read any more.
  fail(status, begun = this.begun, said = undefined) {
    this.stop();
    this.signedOut = status === 401;
    let sentence = said ?? this.words.errorRead;
    if (status > 0 && !said) sentence = (status !== 400 || !begun) && this.words[`error-${status}`];
    this.set("failed", sentence || fill(this.words.error, status), {
      resume: status !== 413 && (status !== 400 || begun),
      signIn: this.signedOut,
    });
    this.queue.next();
  }
}

// placeOf is where an upload is that the server tells of (GET /api/v1/uploads), and how far: {url, parts, offset} of a row of store.js.
export function placeOf({ url, parts, offset }) {
  let end = 0;
  const piece = (part) => ({ url: here(part.url), start: end, end: (end += part.size), sent: part.offset });
  return { url: here(url), parts: parts?.map(piece), offset };
}

// readable reports whether a file is still what was chosen. A browser tells of one that was changed as of a broken connection.
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
