// A part of the listing is a tbody that knows the address it came from. So that a long folder does not fill the page, the rows of one that is far
// away are dropped: it keeps its height and what was in it, and is read again when it comes near.

const memory = new WeakMap(); // of parts whose rows are away: their items

export const listing = () => document.getElementById("listing");
export const bodies = () => [...(listing()?.querySelectorAll("tbody") ?? [])];
export const isAway = (body) => memory.has(body);

// itemOf is what is known of a row: the id and the value of its check box.
const itemOf = (row) => {
  const box = row.querySelector("input[name=item]");
  return { id: box.id, value: box.value };
};

export const itemsOf = (body) => memory.get(body) ?? [...body.rows].map(itemOf);

// items are all of the folder that has been read, in order.
export const items = () => bodies().flatMap(itemsOf);

// distance is how many px a part or another element is out of the window; 0 for what is in it.
export function distance(element) {
  const box = element.getBoundingClientRect();
  return Math.max(0, -box.bottom, box.top - innerHeight);
}

// drop lets the rows go, but for those that a hand is on.
export function drop(body) {
  if (isAway(body) || body.contains(document.activeElement) || body.querySelector(".dragged")) return;
  const height = body.getBoundingClientRect().height;
  memory.set(body, itemsOf(body));
  body.replaceChildren();
  body.style.blockSize = `${height}px`;
  body.setAttribute("aria-hidden", "true");
  body.dataset.stale = "";
}

// fill puts rows into a part, and answers what is no longer in the folder: what is missing behind the last of the rows may have moved on to the
// next part, unless there is none.
export function fill(body, rows, more) {
  const before = itemsOf(body);
  const focused = body.contains(document.activeElement) ? document.activeElement : null;
  if (isAway(body)) body.style.containIntrinsicBlockSize = `auto ${body.style.blockSize}`;
  memory.delete(body);
  body.style.blockSize = "";
  body.removeAttribute("aria-hidden");
  body.replaceChildren(...rows);
  if (focused) focusAgain(body, focused);
  const now = new Set(itemsOf(body).map((item) => item.id));
  let last = before.length;
  if (more) while (last > 0 && !now.has(before[last - 1].id)) last--;
  return before.slice(0, last).filter((item) => !now.has(item.id));
}

function focusAgain(body, focused) {
  const same = [...body.querySelectorAll("a, input")].find((e) => (focused.id ? e.id === focused.id : e.getAttribute("href") === focused.getAttribute("href")));
  same?.focus({ preventScroll: true });
}

// number tells which row of all each one is, since not all are there.
export function number(whole) {
  let index = 1; // the head
  for (const body of bodies()) {
    if (isAway(body)) {
      index += itemsOf(body).length;
      continue;
    }
    for (const row of body.rows) row.setAttribute("aria-rowindex", ++index);
  }
  listing()?.querySelector("table")?.setAttribute("aria-rowcount", whole ? index : -1);
}

// measure guesses the heights of parts without rows anew, after the window got another width.
export function measure() {
  const all = bodies();
  const seen = all.filter((body) => !isAway(body) && distance(body) === 0);
  const rows = seen.reduce((sum, body) => sum + body.rows.length, 0);
  if (rows === 0) return;
  const each = seen.reduce((sum, body) => sum + body.getBoundingClientRect().height, 0) / rows;
  for (const body of all) if (isAway(body)) body.style.blockSize = `${each * itemsOf(body).length}px`;
}
