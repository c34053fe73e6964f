// What changes while the page is open shows by itself. A page that nobody looks at does not listen: browsers have few connections.

import { refresh } from "./listing.js";

const comeBack = 30_000; // ms, after the server refused

export function listen() {
  const begin = document.getElementById("listing");
  if (!begin || typeof EventSource !== "function") return;
  let since = begin.dataset.since;
  let source = null;

  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(`${begin.dataset.events}?since=${encodeURIComponent(since)}`);
    source.addEventListener("change", (event) => {
      since = event.lastEventId;
      if (concerns(JSON.parse(event.data))) refresh();
    });
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // the browser comes back by itself
      source = null;
      setTimeout(open, comeBack);
    });
  };
  const close = () => {
    source?.close();
    source = null;
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

// concerns reports whether an event is about the folder on the page.
function concerns({ all = false, folders = [], paths = [], nodes = [] }) {
  const { id, path } = document.getElementById("listing").dataset;
  return all || folders.includes(id) || paths.includes(path) || nodes.includes(id);
}
