// Files that another app shared with the installed pages: into the queue, and forgotten once they are there. A page that is
// killed meanwhile takes them again, and goes on where it was.

import { aside, done } from "./aside.js";

// installWorker has the browser keep the worker that takes what is shared, if the pages are installed: nobody shares with others.
export function installWorker() {
  const address = document.querySelector("link[rel=manifest]")?.dataset.worker;
  if (address && matchMedia("(display-mode: standalone)").matches) navigator.serviceWorker?.register(address).catch(() => {}); // not over HTTP: then nothing is shared either
}

// takeShared gives take what was put aside, as batches of intake.js.
export async function takeShared(take) {
  let found;
  try {
    found = await aside(new URLSearchParams(location.search).get("shared"));
  } catch {
    return; // a browser that keeps nothing
  }
  for (const [key, files] of found) {
    const open = new Set(files.map(nameOf));
    const seen = ({ detail }) => {
      if (detail.state !== "done" && detail.state !== "cancelled") return;
      open.delete(nameOf(detail));
      if (open.size > 0) return;
      document.removeEventListener("upload", seen);
      done(key);
    };
    document.addEventListener("upload", seen);
    if (files.length === 0) done(key);
    else take({ files: files.map((file) => ({ file, below: "" })), folders: [] });
  }
}

const nameOf = ({ name, size }) => `${size} ${name}`;
