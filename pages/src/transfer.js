// One file on its way to the server.

import * as tus from "tus-js-client";
import { Speed } from "./format.js";
import { Row } from "./row.js";
import { fingerprint } from "./unfinished.js";

// Waits before further tries, in ms: about four minutes. Every byte that gets through starts them anew.
const retryDelays = [500, 1000, 2000, 4000, 8000, 15000, 30000, 30000, 60000, 90000];

// Refused carries the status of an answer to HEAD that must not be taken for "begin again".
class Refused extends Error {
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

export class Transfer {
  // target is {endpoint, folder, user, here}; queue is told when a place gets free, and of success.
  constructor(section, file, target, queue) {
    this.file = file;
    this.target = target;
    this.queue = queue;
    this.words = section.dataset;
    this.speed = new Speed();
    this.status = "waiting"; // waiting, running, paused, failed, done, cancelled
    this.sent = 0;
    this.fingerprint = fingerprint(file, target.user, target.folder);
    this.row = new Row(section, { name: file.name, folder: target.folder, here: target.here }, {
      pause: () => this.pause(),
      resume: () => this.resume(),
      cancel: () => this.cancel(),
    });
    this.row.progress(0, file.size);
    this.row.state("waiting", this.words.waiting, { pause: true });
    this.upload = new tus.Upload(file, this.options());
  }

  options() {
    const { file, target } = this;
    return {
      endpoint: target.endpoint,
      metadata: {
        filename: file.name,
        filetype: file.type,
        folder: target.folder,
        mtime: String(file.lastModified / 1000),
      },
      fingerprint: () => Promise.resolve(this.fingerprint),
      removeFingerprintOnSuccess: true,
      retryDelays,
      // A proxy that answers 502 for a moment, or a session that ended, is no reason to begin again from zero.
      onAfterResponse: (request, response) => {
        const status = response.getStatus();
        if (request.getMethod() === "HEAD" && status >= 400 && ![404, 410, 423].includes(status)) throw new Refused(status);
      },
      // The server may name itself by its public address; this page is allowed to talk to its own only.
      onUploadUrlAvailable: () => {
        this.upload.url = new URL(new URL(this.upload.url).pathname, location.href).href;
      },
      onShouldRetry: (error) => {
        const status = statusOf(error);
        const again = status === 0 || status === 409 || status === 423 || status === 429 || (status >= 500 && status !== 507);
        if (again) this.row.say(this.words.retrying);
        return again;
      },
      onProgress: (sent, total) => {
        this.sent = sent;
        this.row.progress(sent, total, this.speed.add(sent));
        this.row.say("");
      },
      onSuccess: () => this.succeed(),
      onError: (error) => this.fail(statusOf(error), error.originalRequest != null),
    };
  }

  get storageKey() {
    return this.upload._urlStorageKey;
  }

  // start sends the file, from where an earlier page stopped if there was one.
  async start() {
    this.status = "running";
    this.row.state("running", this.words.starting, { pause: true });
    if (!this.looked) {
      this.looked = true;
      const [previous] = (await this.upload.findPreviousUploads()).sort((a, b) => (a.creationTime < b.creationTime ? 1 : -1));
      if (previous) this.upload.resumeFromPreviousUpload(previous);
      if (this.status !== "running") return; // paused or cancelled meanwhile
    }
    this.upload.start();
  }

  pause() {
    this.upload.abort();
    this.status = "paused";
    this.row.progress(this.sent, this.file.size);
    this.row.state("paused", this.words.paused, { resume: true });
    this.queue.next();
  }

  resume() {
    this.speed = new Speed();
    this.status = "waiting";
    this.row.state("waiting", this.words.waiting, { pause: true });
    this.queue.next();
  }

  cancel() {
    const ended = this.status === "done";
    this.status = "cancelled";
    this.row.remove();
    if (!ended) this.upload.abort(true).catch(() => {}); // what the server did not hear of expires
    this.queue.drop(this);
  }

  succeed() {
    this.status = "done";
    this.row.progress(this.file.size, this.file.size);
    this.row.state("done", this.words.done);
    this.queue.succeeded(this);
    setTimeout(() => this.status === "done" && this.cancel(), 5000);
  }

  // fail shows a refusal in words. A status of 0 is no answer at all: the connection, or the file itself.
  fail(status, sent) {
    this.status = "failed";
    this.lost = status === 0 && sent;
    const begun = this.upload.url != null; // a name or a folder is refused before
    let sentence = sent ? this.words.errorNetwork : this.words.errorRead;
    if (status > 0) sentence = (status !== 400 || !begun) && this.words[`error-${status}`];
    this.row.progress(this.sent, this.file.size);
    this.row.state("failed", sentence || `${this.words.error} (${status}).`, {
      resume: status !== 413 && (status !== 400 || begun),
      signIn: status === 401,
    });
    this.queue.next();
  }
}

function statusOf(error) {
  return error.causingError?.status ?? error.originalResponse?.getStatus() ?? 0;
}
