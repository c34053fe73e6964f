// A large file that goes up in parts side by side, which the server makes one file of (tus: concatenation).
//
// The upload that joins the parts is made right after them, before any byte is sent: so it is refused early, any device finds it and its
// parts, and the last byte makes the file. tus-js-client's parallelUploads joins them afterwards.

import * as tus from "tus-js-client";
import { here, passes, Refused, responseOf } from "./refusal.js";

// Bytes of files that are worth it. The server reads all but the first part once more to join them, which takes as long as reading it does:
// the last answer to a larger file would be waited for too long.
const least = 64 * 2 ** 20;
const most = 8 * 2 ** 30;

const count = 4;
const chunk = 2 << 20; // bytes: what all parts have on their way together is as much as one upload has (transfer.js)

export const worthParts = (file) => file.size >= least && file.size <= most;

// remove ends an upload on the server, with its parts. A part may be held for a moment by a request that was just broken off (423). What the
// server does not hear of expires.
export function remove({ url, parts = [] }) {
  const urls = [url, ...parts.map((part) => part.url)].filter(Boolean);
  return Promise.allSettled(urls.map((each) => tus.Upload.terminate(each, { ...tus.defaultOptions, retryDelays: [500, 1000, 2000, 4000, 8000] })));
}

// Parts has the form of a tus.Upload. Its options are, besides: parts, of {url, start, end, sent}, where they were begun before;
// onParts, told of them; crowded, which says whether others wait for a lane; onLane, told when one is free (queue.js).
export class Parts {
  constructor(file, options) {
    this.file = file;
    this.options = options;
    this.url = null;
    this.run = 0;
    this.parts = options.parts?.map((part) => ({ ...part })) ?? this.cut();
  }

  cut() {
    const size = Math.ceil(this.file.size / count);
    return Array.from({ length: count }, (_, i) => ({ url: null, start: i * size, end: Math.min(this.file.size, (i + 1) * size) }));
  }

  // lanes is how many requests carry bytes.
  get lanes() {
    return this.parts.filter((part) => part.upload).length;
  }

  async start() {
    const run = ++this.run;
    try {
      if (this.url && (await this.joined())) return run === this.run && this.options.onSuccess();
      await (this.making ??= this.make().finally(() => (this.making = null)));
    } catch (error) {
      if (run === this.run) this.options.onError(error);
      return;
    }
    if (run !== this.run) return;
    this.going = true;
    for (const part of this.parts) part.done = false; // as far as is known now
    this.widen();
    this.options.onLane();
  }

  abort() {
    this.run++;
    this.going = false;
    for (const part of this.parts) this.rest(part);
  }

  // end is for what was aborted and is not gone on with: nothing of it stays on the server.
  async end() {
    await this.making?.catch(() => {});
    const { url, parts } = this;
    this.url = null;
    this.parts = this.cut();
    await remove({ url, parts });
  }

  // make begins the parts that are not, and the upload that joins them. What is refused leaves nothing behind.
  async make() {
    const missing = this.parts.filter((part) => !part.url);
    const earlier = missing.length < this.parts.length;
    try {
      const made = await Promise.allSettled(missing.map(async (part) => {
        part.url = await this.post({ "Upload-Concat": "partial", "Upload-Length": part.end - part.start });
      }));
      this.options.onParts(this.parts);
      for (const { reason } of made) if (reason) throw reason;
      if (this.url) return;
      const metadata = Object.entries(this.options.metadata).map(([key, value]) => `${key} ${base64(value)}`);
      this.url = await this.post({ "Upload-Concat": `final;${this.parts.map((part) => part.url).join(" ")}`, "Upload-Metadata": metadata.join() });
      this.options.onUploadUrlAvailable();
    } catch (error) {
      const status = responseOf(error)?.getStatus() ?? 0;
      if (passes(status) || status === 401) throw error;
      remove(this);
      this.url = null;
      this.parts = this.cut();
      this.options.onParts(undefined);
      if (!earlier || (status !== 404 && status !== 410)) throw error;
      await this.make(); // those of before are gone by now
    }
  }

  async post(headers) {
    return here((await this.ask("POST", this.options.endpoint, headers)).getHeader("Location"));
  }

  async ask(method, url, headers = {}) {
    const request = tus.defaultOptions.httpStack.createRequest(method, url);
    for (const [name, value] of Object.entries({ "Tus-Resumable": "1.0.0", ...headers })) request.setHeader(name, `${value}`);
    const response = await request.send();
    if (response.getStatus() >= 300) throw new Refused(response);
    return response;
  }

  // joined reports whether the parts are a file.
  async joined() {
    return (await this.ask("HEAD", this.url)).getHeader("Upload-Offset") !== null;
  }

  // widen sends one part more, and reports whether there was one.
  widen() {
    const part = this.going && this.parts.find((p) => !p.upload && !p.done);
    if (!part) return false;
    const upload = new tus.Upload(this.file.slice(part.start, part.end), {
      ...this.options,
      metadata: {},
      chunkSize: chunk,
      onUploadUrlAvailable: null,
      onProgress: (sent) => {
        part.sent = sent;
        this.options.onProgress(this.parts.reduce((all, p) => all + (p.sent ?? 0), 0), this.file.size);
      },
      onChunkComplete: () => this.lanes > 1 && this.options.crowded() && this.rest(part),
      onSuccess: () => this.finish(part),
      onError: (error) => {
        this.abort();
        this.options.onError(error);
      },
    });
    upload.url = part.url;
    part.upload = upload;
    upload.start();
    return true;
  }

  // rest gives back a part's lane.
  rest(part) {
    if (!part.upload) return;
    part.upload.abort();
    part.upload = null;
    if (this.going) this.options.onLane();
  }

  async finish(part) {
    part.done = true;
    this.rest(part);
    if (this.lanes === 0) this.widen();
    if (this.parts.some((p) => !p.done)) return;
    const { run } = this;
    try {
      const joined = await this.joined();
      if (run !== this.run) return;
      if (joined) this.options.onSuccess();
      else this.options.onError(new Error("the parts are not joined"));
    } catch (error) {
      if (run === this.run) this.options.onError(error);
    }
  }
}

const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
