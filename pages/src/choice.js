// What is chosen: by check boxes, which are there without script too, by keys, by a long touch, and by dragging to a folder.

import { refresh } from "./listing.js";
import { isAway } from "./part.js";
import * as picks from "./picks.js";

const touchLong = 450; // ms

const rowOf = (element) => element.closest?.("#listing tr[data-id], .trashed li");
const boxOf = (row) => row.querySelector("input[name=item]");

let last = ""; // the id of the box that a range begins at

// showChosen says how many are chosen, and offers what can be done with them.
function showChosen(gone) {
  picks.show(gone);
  const count = picks.count();
  document.documentElement.classList.toggle("choosing", count > 0);
  const bar = document.querySelector(".chosen");
  const words = bar?.querySelector(".count");
  if (!words) return;
  const tooMany = count > Number(bar.dataset.most || Infinity);
  const text = tooMany ? words.dataset.tooMany : count === 1 ? words.dataset.single : words.dataset.several;
  words.textContent = count > 0 ? text.replace("#", count) : "";
  for (const button of bar.querySelectorAll("[type=submit]")) button.disabled = tooMany;
}

function toggle(row, on = !boxOf(row).checked) {
  picks.pick(boxOf(row), on);
  last = boxOf(row).id;
  showChosen();
}

// enhanceChoice gives act, of folder.js, what is to be removed.
export function enhanceChoice(act) {
  picks.take();
  document.addEventListener("listed", (event) => showChosen(event.detail));
  document.addEventListener("click", (event) => {
    if (event.target.name === "item") chooseRange(event);
    if (event.target.closest("[data-do=none]")) chooseNone();
  });
  document.addEventListener("formdata", (event) => {
    if (event.target.id !== "chosen") return;
    event.formData.delete("item");
    for (const value of picks.values()) event.formData.append("item", value);
  });
  document.addEventListener("submit", async (event) => {
    if (event.target.id !== "chosen") return;
    if (event.submitter?.value === "download") return save(event);
    if (event.submitter?.value !== "delete-chosen") return;
    event.preventDefault();
    if (await act(event.target.getAttribute("action"), new URLSearchParams([...new FormData(event.target), ["action", "delete-chosen"]]))) chooseNone();
  });
  takeKeys();
  takeTouches();
  takeDrags();
  showChosen();
}

const longest = 4000; // characters of an address

// save downloads what is chosen by a link: a form would be taken for leaving the page, which asks while there are uploads. What makes too long an
// address is left to the form.
function save(event) {
  const names = new FormData(event.target).getAll("item");
  const query = new URLSearchParams(names.map((name) => ["item", name]));
  const link = document.createElement("a");
  link.href = `${event.target.getAttribute("action")}?zip&${query}`;
  if (names.length === 0 || link.href.length > longest) return;
  event.preventDefault();
  link.download = "";
  link.click();
}

function chooseNone() {
  picks.pickNone();
  showChosen();
}

function chooseRange(event) {
  picks.pick(event.target, event.target.checked);
  const all = event.shiftKey ? picks.choosable() : [];
  const place = (id) => all.findIndex((item) => item.id === id);
  const [from, to] = [place(last), place(event.target.id)].sort((a, b) => a - b);
  if (from >= 0) for (const item of all.slice(from, to + 1)) picks.pick(item, event.target.checked);
  last = event.target.id;
  showChosen();
}

function takeKeys() {
  document.addEventListener("keydown", (event) => {
    const row = rowOf(event.target);
    const field = event.target.matches("input:not([type=checkbox]), textarea, select") || event.target.closest("dialog");
    if (field || event.altKey) return;
    const control = event.ctrlKey || event.metaKey;
    if (control && event.key === "a" && document.querySelector("input[name=item][type=checkbox]")) picks.pickAll(showChosen).catch(console.error);
    else if (event.key === "Escape" && picks.count() > 0) chooseNone();
    else if (event.key === "Delete" && picks.count() > 0) document.querySelector(".chosen [value=delete-chosen], .chosen [value=ask-purge]")?.click();
    else if (control || !row) return;
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") step(row, event.key === "ArrowDown" ? 1 : -1, event.shiftKey);
    else if (event.key === " " && event.target.matches("a")) toggle(row);
    else if (event.key === "F2") row.querySelector("a[href$='?details']")?.click();
    else return;
    event.preventDefault();
  });
}

// step moves the focus to another row, and chooses on the way if asked to.
function step(row, by, choosing) {
  const all = [...document.querySelectorAll("#listing tr[data-id], .trashed li")];
  const next = all[all.indexOf(row) + by];
  const beside = by > 0 ? row.parentElement.nextElementSibling : row.parentElement.previousElementSibling;
  if (!next || (next.parentElement !== row.parentElement && isAway(beside))) return row.scrollIntoView({ block: "nearest" });
  if (choosing) {
    toggle(row, true);
    toggle(next, true);
  }
  (next.querySelector(".name a") ?? boxOf(next)).focus();
}

// A long touch chooses; while something is chosen, a short one does too.
function takeTouches() {
  let timer = 0;
  let held = false;
  let touch = false;
  document.addEventListener("pointerdown", (event) => {
    touch = event.pointerType === "touch";
    held = false;
    clearTimeout(timer);
    const row = touch && rowOf(event.target);
    if (!row || event.target.closest(".pick, .do")) return;
    timer = setTimeout(() => {
      held = true;
      toggle(row);
      navigator.vibrate?.(10);
    }, touchLong);
  });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => clearTimeout(timer));
  document.addEventListener("pointermove", (event) => Math.abs(event.movementX) + Math.abs(event.movementY) > 6 && clearTimeout(timer));
  document.addEventListener("contextmenu", (event) => held && event.preventDefault());
  document.addEventListener(
    "click",
    (event) => {
      const row = rowOf(event.target);
      if (!touch || !row || event.target.closest(".pick, .do")) return;
      const choosing = document.documentElement.classList.contains("choosing");
      if (!held && !choosing) return;
      event.preventDefault();
      event.stopPropagation();
      if (!held) toggle(row);
      held = false;
    },
    true,
  );
}

const ours = "application/x-satchel-items";

// takeDrags moves what is dragged onto a folder in the listing, or on the way to it.
function takeDrags() {
  let dragged = [];
  const target = (event) => {
    const link = event.target.closest?.("tr.folder, .crumbs li")?.querySelector("a[data-folder-link]");
    return link && !rowOf(link)?.classList.contains("dragged") ? link : null;
  };
  const mark = (link) => {
    for (const old of document.querySelectorAll(".drop")) old.classList.remove("drop");
    link?.closest("tr, li").classList.add("drop");
  };
  document.addEventListener("dragstart", (event) => {
    const row = rowOf(event.target);
    if (!row?.matches("tr")) return;
    const all = picks.has(boxOf(row).id);
    dragged = all ? picks.values() : [boxOf(row).value];
    for (const other of all ? document.querySelectorAll(".picked") : [row]) other.classList.add("dragged");
    event.dataTransfer.setData(ours, "");
    event.dataTransfer.effectAllowed = "move";
  });
  document.addEventListener("dragend", () => {
    dragged = [];
    mark(null);
    for (const row of document.querySelectorAll(".dragged")) row.classList.remove("dragged");
  });
  document.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes(ours)) return;
    const link = target(event);
    mark(link);
    if (!link) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
  });
  document.addEventListener("drop", (event) => {
    const link = target(event);
    if (dragged.length === 0 || !link) return;
    event.preventDefault();
    moveTo(link, dragged);
  });
}

async function moveTo(link, names) {
  const to = decodeURIComponent(new URL(link.href).pathname.slice("/drive".length));
  const body = new URLSearchParams([["action", "move"], ["to", to], ...names.map((name) => ["item", name])]);
  const response = await fetch(document.getElementById("chosen").getAttribute("action"), { method: "POST", body });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const problem = page.getElementById("problem");
  document.getElementById("problem")?.remove();
  if (response.ok) chooseNone();
  else if (problem) document.querySelector("#head nav").after(document.importNode(problem, true));
  refresh();
}
