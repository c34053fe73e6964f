// The folder on the page: shown anew after an upload, and changed in place while there are uploads,
// because leaving the page would end them.

import { localTimes } from "./format.js";
import { listed, parse } from "./listing.js";

const parts = ["head", "listing", "chosen", "usage"];

// enhanceFolder takes over links and forms while held() is true.
export function enhanceFolder(held) {
  localTimes(document);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-folder-link]");
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || !held()) return;
    event.preventDefault();
    show(link.href);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.submitter?.value === "download") return; // the browser saves what comes
    if (!held() || form.method !== "post" || !form.querySelector("input[name=action]")) return;
    event.preventDefault();
    show(form.getAttribute("action"), new URLSearchParams(new FormData(form)));
  });
  window.addEventListener("popstate", () => {
    if (held()) show(location.href, null, false);
    else location.reload();
  });
}

// show puts a folder in the place of the one on the page. A body is posted.
export async function show(address, body = null, remember = true) {
  let response, page;
  try {
    response = await fetch(address, body ? { method: "POST", body } : {});
    page = parse(await response.text());
  } catch {
    return location.assign(address); // the browser tells best what is wrong with the connection
  }
  if (!page.getElementById("listing")) return location.assign(response.url); // signed out, or gone
  replace(page, parts);
  document.title = page.title;
  if (remember && response.url !== location.href) history.pushState(null, "", response.url);
  listed();
  const target = document.getElementById("problem") || document.querySelector("#head .here");
  target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

function replace(page, ids) {
  for (const id of ids) {
    const now = document.getElementById(id);
    const next = page.getElementById(id);
    if (!now || !next) continue;
    const focused = now.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const fresh = document.importNode(next, true);
    localTimes(fresh);
    now.replaceWith(fresh);
    if (focused) [...fresh.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused)?.focus();
  }
}
