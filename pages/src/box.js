// A drop box: what visitors send to it goes the way of uploads into a drive. Nobody is signed in, so the drive is asked nothing: not for names that are
// taken, nor for content that it holds, nor for what others began.

import * as tus from "tus-js-client";
import { Queue } from "./queue.js";
import { idOf } from "./store.js";
import { Unfinished } from "./unfinished.js";
import { begin } from "./uploads.js";

class BoxQueue extends Queue {
  constructor(section, box) {
    super(section);
    this.box = box;
    this.sent = 0;
    this.whole = true; // a box takes no parts
  }

  succeeded() {
    const notice = document.getElementById("sent");
    notice.hidden = false;
    notice.firstElementChild.textContent = this.box.dataset.sent.replace("#", ++this.sent);
    this.next();
  }

  // whoIsHere answers the box while it is open to this browser, "" if its link has ended or its password is asked for again.
  async whoIsHere() {
    try {
      const { endpoint } = this.box.dataset;
      const response = await fetch(endpoint, { method: "OPTIONS" });
      if (response.ok) return endpoint;
      return response.status === 401 || response.status === 404 ? "" : undefined;
    } catch {
      return undefined;
    }
  }
}

// enhanceBox lets files into the box by the section of uploads. box holds the words that are others than in a drive.
export function enhanceBox(section, box) {
  if (!tus.isSupported) return;
  const { endpoint, maxFile, again, ...words } = box.dataset;
  Object.assign(section.dataset, words, { again: location.pathname });
  delete section.dataset.hasher; // no hash is looked up
  document.getElementById("upload-row").content.querySelector(".sign-in").textContent = again;

  const queue = new BoxQueue(section, box);
  const to = { endpoint: new URL(endpoint, location.href).href, folder: "/", user: endpoint, maxFile: Number(maxFile) };
  const unfinished = new Unfinished(section, queue, () => to, (file, entry) => queue.add(file, entry, to), async () => []);
  const open = document.getElementById("files") !== null; // or it is full, and what was begun is brought to its end

  // Files come without the folders that they stood in; those of the same name stay apart.
  const take = async ({ files }) => {
    for (const { file, below, handle } of files) {
      if ((await unfinished.take(file, to.folder)) || !open) continue;
      const entry = { user: to.user, folder: to.folder, name: file.name, size: file.size, modified: file.lastModified, conflict: "rename", handle };
      entry.id = idOf({ ...entry, folder: below });
      queue.add(file, entry, to);
    }
  };
  begin(queue, take, () => to);
  unfinished.show();
}
