// The folder on the page: shown anew after an upload, and changed in place while there are uploads,
// because leaving the page would end them. What is made, removed and brought back never leaves it.

import { localTimes } from "./format.js";
import { listed, parse, refresh } from "./listing.js";

const parts = ["head", "listing", "chosen", "usage"];

// enhanceFolder takes over links while held() is true, and forms that make, remove and bring back: the place in the folder stays.
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
    if (form.method !== "post" || !form.querySelector("input[name=action]")) return; // the bar of what is chosen has its own way
    event.preventDefault();
    act(form.getAttribute("action"), new URLSearchParams(new FormData(form)));
  });
  window.addEventListener("popstate", () => {
    if (held()) show(location.href, false);
    else location.reload();
  });
}

// act posts what changes the folder on the page, and tells whether that worked. The rows that are read anew are those that are looked at.
export async function act(address, body) {
  const removes = body.get("action").startsWith("delete");
  const beside = removes && rowBeside()?.dataset.id; // the row itself may have been read anew by then
  const answer = await ask(address, { method: "POST", body });
  if (!answer) return false;
  const { page, url } = answer;
  if (page.getElementById("listing").dataset.id !== document.getElementById("listing").dataset.id) {
    take(page, url);
    return true;
  }
  replace(page, ["head", "usage"]);
  refresh();
  const problem = document.getElementById("problem");
  const made = body.get("action") === "new-folder" && document.querySelector(".new-folder summary");
  const row = beside && document.querySelector(`#listing tr[data-id="${CSS.escape(beside)}"] .name a`);
  settle(problem || row || made || document.querySelector("#head .here"));
  return !problem;
}

// rowBeside is the row that the focus goes to when what is chosen, or the row with the focus, is removed; undefined if none is left.
function rowBeside() {
  const focused = document.activeElement?.closest("#listing tr[data-id]");
  const goes = (row) => row === focused || row.classList.contains("picked");
  const rows = [...document.querySelectorAll("#listing tr[data-id]")];
  const first = Math.max(rows.findIndex(goes), 0);
  return rows.slice(first).find((row) => !goes(row)) ?? rows[first - 1];
}

// show puts a folder in the place of the one on the page.
export async function show(address, remember = true) {
  const answer = await ask(address);
  if (answer) take(answer.page, answer.url, remember);
}

// ask answers a folder, or nothing if it leaves the page.
async function ask(address, request = {}) {
  let response, page;
  try {
    response = await fetch(address, request);
    page = parse(await response.text());
  } catch {
    return location.assign(address); // the browser tells best what is wrong with the connection
  }
  if (!page.getElementById("listing")) return location.assign(response.url); // signed out, or gone
  return { page, url: response.url };
}

function take(page, url, remember = true) {
  replace(page, parts);
  document.title = page.title;
  if (remember && url !== location.href) history.pushState(null, "", url);
  listed();
  settle(document.getElementById("problem") || document.querySelector("#head .here"));
}

// settle gives the focus to what comes next, which need not be something to press.
function settle(target) {
  if (!target.matches("a, summary")) target.tabIndex = -1;
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
