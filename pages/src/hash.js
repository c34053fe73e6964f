// The worker that reads files for their SHA-256. Web Crypto wants all of a file in memory; this reads it in pieces.

import { sha256 } from "@noble/hashes/sha2.js";

const piece = 1 << 20; // bytes

const given = new Set(); // jobs that nobody waits for any more

const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

// A job is {id, file} for the whole, or {id, file, nonce, ranges} for a proof; {give: id} ends one. The answer is
// {id, sum, read}: sum is missing if the file could not be read or the job was given up, read is in bytes.
self.onmessage = ({ data }) => {
  if (data.give) given.add(data.give);
  else last = last.then(() => work(data));
};
let last = Promise.resolve();

async function work({ id, file, nonce, ranges = [{ offset: 0, length: file.size }] }) {
  const hash = sha256.create();
  if (nonce) hash.update(nonce);
  let read = 0;
  try {
    for (const { offset, length } of ranges) {
      for (let at = offset; at < offset + length && !given.has(id); at += piece) {
        const bytes = new Uint8Array(await file.slice(at, Math.min(at + piece, offset + length)).arrayBuffer());
        hash.update(bytes);
        read += bytes.length;
      }
    }
    self.postMessage(given.delete(id) ? { id, read } : { id, read, sum: hex(hash.digest()) });
  } catch {
    self.postMessage({ id, read });
  }
}
