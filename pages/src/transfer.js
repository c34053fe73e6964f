// One file on its way to the server.

import * as tus from "tus-js-client";
import { lookUp, sumSoon } from "./digest.js";
import { fill, Speed } from "./format.js";
import { forget, remember } from "./store.js";

// The wait before the next try doubles from the first to the longest, in ms; every byte that gets through starts anew.
// A server that is away comes back some time, so there is no last try. Who was told to let go, again and again, gives up.
const firstWait = 500;
const longestWait = 60_000;
const mostConflicts = 10;

// Refused is an answer to HEAD. tus-js-client would take it for "begin again from zero".
class Refused extends Error {
  constructor(response) {
    super(`status ${response.getStatus()}`);
    this.response = response;
  }
}

export class Transfer {
  // entry is a row of store.js; queue is told of all that happens.
  constructor(file, entry, endpoint, queue) {
    this.file = file;
    this.entry = entry;
    this.queue = queue;
    this.words = queue.words;
    this.speed = new Speed();
    this.rate = 0; // bytes a second
    this.sent = 0;
    this.tries = 0;
    this.run = 0; // counts what was begun, so that what was left behind does nothing any more
    this.row = null;
    this.upload = new tus.Upload(file, this.options(endpoint));
    if (entry.url) this.upload.url = entry.url;
    this.set("waiting", this.words.waiting, { pause: true });
  }

  get url() {
    return this.upload.url;
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

  options(endpoint) {
    const { file, entry } = this;
    return {
      endpoint,
      metadata: {
        filename: file.name,
        filetype: file.type,
        folder: entry.folder,
        mtime: String(file.lastModified / 1000),
        conflict: entry.conflict,
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
    return remember(this.entry);
  }

  // start sends the file, from where an earlier page or another device stopped if there was one.
  async start() {
    const run = ++this.run;
    this.set("running", this.words.starting, { pause: true });
    if (!this.upload.url && !this.looked) {
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
      this.upload.url = here(found.upload.url);
      this.keep({ url: this.upload.url });
    }
    return found?.status;
  }

  // overtaken is for what was paused, or begun again, while the drive found that it holds the content: the file is there.
  overtaken() {
    if (this.status === "cancelled") return;
    this.stop();
    this.upload.abort(true).catch(() => {});
    this.succeed();
  }

  stop() {
    this.run++;
    this.waits = false;
    clearTimeout(this.timer);
    return this.upload.abort();
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
      this.upload.abort(true).catch(() => {}); // what the server did not hear of expires
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
    const response = error.causingError?.response ?? error.originalResponse;
    const status = response?.getStatus() ?? 0;
    const begun = this.upload.url != null;
    if (status === 0 && !(await readable(this.file))) return run === this.run && this.fail(0);
    if (run !== this.run) return;
    if (begun && (status === 404 || status === 410)) return this.anew(run);
    const contested = status === 423 || (status === 409 && begun);
    if (contested ? this.tries < mostConflicts : status === 0 || status === 408 || status === 429 || (status >= 500 && status !== 507)) {
      return this.again(Number(response?.getHeader("Retry-After")) || 0);
    }
    this.fail(status, begun);
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
    this.upload.url = null;
    this.sent = 0;
    this.keep({ url: undefined });
    this.upload.start();
  }

  // fail shows a refusal in words. A status of 0 is a file that cannot be read any more.
  fail(status, begun = this.upload.url != null) {
    this.stop();
    this.signedOut = status === 401;
    let sentence = this.words.errorRead;
    if (status > 0) sentence = (status !== 400 || !begun) && this.words[`error-${status}`];
    this.set("failed", sentence || fill(this.words.error, status), {
      resume: status !== 413 && (status !== 400 || begun),
      signIn: this.signedOut,
    });
    this.queue.next();
  }
}

// here is an upload's address on the server of this page, which may name itself by another one: the page is allowed to
// talk to its own only.
export function here(url) {
  return new URL(new URL(url, location.href).pathname, location.href).href;
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
