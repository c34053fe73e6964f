// The rows of a folder: further parts come as they are scrolled near, and what changed is read anew where it is looked at. One that was read
// anew tells the next one where that begins now.

import { localTimes } from "./format.js";
import { bodies, distance, drop, fill, isAway, items, listing, measure, number } from "./part.js";

// px out of the window
const near = 1500; // is read
const far = 3000; // is dropped

const nextLink = (root) => root?.querySelector(".parts a[rel=next]");

export function parse(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

async function read(address) {
  const response = await fetch(address);
  const page = parse(await response.text());
  if (!response.ok || !page.getElementById("listing")) throw new Error(`status ${response.status}`);
  return page;
}

// part is the rows of a page, to be put into this one.
function part(page, address) {
  const body = page.querySelector("#listing tbody");
  if (!body) return null;
  const fresh = document.importNode(body, true);
  fresh.dataset.address = address;
  localTimes(fresh);
  return fresh;
}

// takeParts puts the links to further parts in the place of those that are there.
function takeParts(page) {
  const fresh = nextLink(page)?.closest(".parts");
  const now = listing().querySelector(".parts");
  if (fresh && now) now.replaceWith(document.importNode(fresh, true));
  else if (fresh) listing().append(document.importNode(fresh, true));
  else now?.remove();
}

let busy = false;

// work does one thing after the other, until there is nothing that is near and missing or stale.
async function work() {
  if (busy || document.hidden) return;
  busy = true;
  try {
    for (let todo; (todo = wanted()); ) await todo();
  } catch {
    // The next event, scroll or reload tries again.
  } finally {
    busy = false;
  }
}

function wanted() {
  const left = bodies().filter((body) => !isAway(body) && distance(body) > far);
  for (const body of left) drop(body);
  const stale = bodies().find((body) => "stale" in body.dataset && distance(body) < near);
  if (stale) return () => renew(stale);
  const link = nextLink(listing());
  if (link && distance(link) < near && bodies().length > 0) return () => append(link.href);
  return null;
}

async function append(address) {
  const table = listing().querySelector("table");
  const page = await read(address);
  if (!table.isConnected) return; // another folder is shown by now
  const fresh = part(page, address);
  const known = new Set(items().map((item) => item.id));
  for (const row of [...(fresh?.rows ?? [])]) if (known.has(`c-${row.dataset.id}`)) row.remove();
  if (fresh) table.append(fresh);
  takeParts(page);
  changed();
}

async function renew(body) {
  const address = body.dataset.address;
  delete body.dataset.stale;
  let page;
  try {
    page = await read(address);
  } catch (error) {
    body.dataset.stale = "";
    throw error;
  }
  if (!body.isConnected) return;
  const fresh = part(page, address);
  const next = nextLink(page)?.href;
  if (!fresh && body === bodies()[0]) return replaceAll(page);
  const after = body.nextElementSibling;
  const gone = fill(body, fresh?.rows ?? [], next);
  if (!fresh) body.remove();
  if (after && next) {
    if (after.dataset.address !== next) {
      after.dataset.address = next;
      after.dataset.stale = "";
    }
  } else {
    for (let rest = after; rest; ) {
      const gone = rest;
      rest = rest.nextElementSibling;
      gone.remove();
    }
    takeParts(page);
  }
  const usage = document.getElementById("usage");
  const newUsage = page.getElementById("usage");
  if (usage && newUsage) usage.replaceWith(document.importNode(newUsage, true));
  changed(gone);
}

// changed tells that other rows are there, and which are in the folder no more.
function changed(gone = []) {
  number(!nextLink(listing()));
  document.dispatchEvent(new CustomEvent("listed", { detail: gone }));
}

// replaceAll is for a folder that has become empty, or was.
function replaceAll(page) {
  for (const id of ["listing", "chosen", "usage"]) {
    const now = document.getElementById(id);
    const next = page.getElementById(id);
    if (now && next) now.replaceWith(document.importNode(next, true));
  }
  localTimes(listing());
  listed();
}

let timer = 0;

// refresh reads anew what is looked at; the rest when it is. Calls close together are one.
export function refresh() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    const all = bodies();
    for (const body of all) body.dataset.stale = "";
    if (all.length > 0) return work();
    try {
      const address = location.href;
      const page = await read(plain(address));
      if (address === location.href && bodies().length === 0) replaceAll(page);
    } catch {
      // The next event, or a reload, shows it.
    }
  }, 150);
}

// plain is an address without the notice of a removal.
function plain(address) {
  const url = new URL(address);
  url.searchParams.delete("removed");
  return url.href;
}

// listed is called when another listing stands on the page.
export function listed() {
  const [first] = bodies();
  if (first && !first.dataset.address) first.dataset.address = plain(location.href);
  changed();
  work();
}

export function enhanceListing() {
  let waiting = false;
  const look = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      work();
    });
  };
  addEventListener("scroll", look, { passive: true });
  addEventListener("online", look);
  addEventListener("resize", () => {
    measure();
    look();
  });
  document.addEventListener("visibilitychange", look);
  listed();
}
