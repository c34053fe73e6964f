// What is chosen, also while its row is not on the page: the ids of check boxes, with what they send.

import { items, listing } from "./part.js";

const picks = new Map();
let folder = ""; // that they are in

const boxes = () => [...document.querySelectorAll("input[name=item][type=checkbox]")];

export const count = () => picks.size;
export const values = () => [...picks.values()];
export const has = (id) => picks.has(id);

// choosable are all that can be chosen, in order, as far as they have been read.
export const choosable = () => (listing()?.querySelector("tbody") ? items() : boxes().map(({ id, value }) => ({ id, value })));

export function pick({ id, value }, on) {
  if (on) picks.set(id, value);
  else picks.delete(id);
}

// take is what the boxes say: the browser ticks those again that were ticked before a reload.
export function take() {
  folder = listing()?.dataset.id;
  for (const box of boxes()) pick(box, box.checked);
}

// show ticks the boxes that are on the page. Another folder begins with nothing; a new name of something is what is sent from then on.
export function show(gone = []) {
  if (listing()?.dataset.id !== folder) picks.clear();
  folder = listing()?.dataset.id;
  for (const { id } of gone) picks.delete(id);
  for (const box of boxes()) {
    box.checked = picks.has(box.id);
    if (box.checked) picks.set(box.id, box.value);
    box.closest("tr, li").classList.toggle("picked", box.checked);
  }
}

const most = 20; // parts of a thousand: so many cannot be acted on at once anyway

let turn = 0;

// pickAll picks the whole folder, also what has not been read yet. said is called whenever there are more.
export async function pickAll(said) {
  const mine = ++turn;
  for (const item of choosable()) pick(item, true);
  said();
  if (!document.querySelector("#listing .parts a[rel=next]")) return;
  const path = listing().dataset.path.split("/").map(encodeURIComponent).join("/");
  for (let part = 0, after = ""; part < most; part++) {
    const response = await fetch(`/api/v1/files${path}${after ? `?after=${encodeURIComponent(after)}` : ""}`);
    if (!response.ok) return;
    const { children, next } = await response.json();
    if (mine !== turn) return;
    for (const { id, name } of children) pick({ id: `c-${id}`, value: name }, true);
    said();
    if (!(after = next)) return;
  }
}

// pickNone also ends a pickAll that is not through.
export function pickNone() {
  turn++;
  picks.clear();
}
