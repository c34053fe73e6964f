// The SHA-256 of a file, so that content the drive holds already is not sent, and content that another device began
// to send is not begun again.

const moment = 2000; // ms that the start of an upload may wait for its hash

// Below this, sending is as quick as asking. Above that no device is done in a moment.
const least = 256 << 10;
const most = 1 << 30;

let worker;
let jobs = 0;
const waiting = new Map();
let rate = 0; // bytes a ms, as the last file went

function start(address) {
  worker = new Worker(address);
  worker.onmessage = ({ data }) => waiting.get(data.id)?.(data);
  worker.onerror = () => {
    for (const done of waiting.values()) done({});
    worker = null;
  };
}

// work answers {sum, read}; patience is in ms.
function work(address, job, patience = Infinity) {
  if (!address || typeof Worker !== "function") return Promise.resolve({});
  if (!worker) start(address);
  const id = ++jobs;
  return new Promise((resolve) => {
    const done = (answer) => {
      clearTimeout(timer);
      waiting.delete(id);
      resolve(answer);
    };
    const timer = patience < Infinity ? setTimeout(() => worker?.postMessage({ give: id }), patience) : 0;
    waiting.set(id, done);
    worker.postMessage({ id, ...job });
  });
}

// sumSoon answers the hash, or undefined if that takes longer than a moment: a slow phone rather sends.
export async function sumSoon(address, file) {
  if (file.size < least || file.size > most || (rate > 0 && file.size / rate > moment)) return undefined;
  const began = performance.now();
  const { sum, read } = await work(address, { file }, moment);
  if (read) rate = read / Math.max(1, performance.now() - began);
  return sum;
}

// sumOf answers the hash however long it takes; undefined if the file cannot be read.
export const sumOf = async (address, file) => (await work(address, { file })).sum;

async function post(path, body) {
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`/api/v1/uploads/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return response.ok ? await response.json() : null;
  } catch {
    return null; // the upload itself tells what is wrong
  }
}

// lookUp asks the drive for the content of file: {status: "complete"} if it made a file of it, {status: "partial",
// upload} if it has the beginning; null if it is to be sent.
export async function lookUp(address, file, { sha256, size, folder, name, conflict }) {
  const found = await post("lookup", { sha256, size, folder, name, conflict });
  if (found?.status !== "challenge") return found?.status === "none" ? null : found;
  const nonce = Uint8Array.from(atob(found.challenge.nonce), (c) => c.charCodeAt(0));
  const { sum } = await work(address, { file, nonce, ranges: found.challenge.ranges });
  return sum && (await post("proof", { challenge: found.challenge.id, answer: sum })) ? { status: "complete" } : null;
}
