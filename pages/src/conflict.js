// Names that are taken: found out before anything is sent, and asked about once for all.

const parts = 10; // of a listing, at most: in a larger folder both files are kept, which loses nothing

const same = (name) => name.normalize("NFC"); // the drive's idea of one name

async function list(path) {
  const names = new Map(); // to whether it is a folder
  let after = "";
  for (let part = 0; part < parts; part++) {
    const query = after ? `?after=${encodeURIComponent(after)}` : "";
    const response = await fetch(`/api/v1/files${path.split("/").map(encodeURIComponent).join("/")}${query}`);
    if (!response.ok) break;
    const body = await response.json();
    for (const node of body.children ?? []) names.set(same(node.name), node.folder);
    if (!(after = body.next)) break;
  }
  return names;
}

// taken answers those of files whose name a file has already.
async function taken(root, files) {
  const listings = new Map();
  const listing = async (path) => {
    if (!listings.has(path)) listings.set(path, await list(path).catch(() => new Map()));
    return listings.get(path);
  };
  const found = [];
  for (const item of files) {
    let path = root;
    let there = true;
    for (const name of item.below.split("/").filter(Boolean)) {
      there = there && (await listing(path)).get(same(name)) === true;
      path = path === "/" ? `/${name}` : `${path}/${name}`;
    }
    if (there && (await listing(path)).get(same(item.file.name)) === false) found.push(item);
  }
  return found;
}

// settle answers the files that are to be sent, each with its conflict; none if the question was put away.
export async function settle(root, files) {
  const clashes = await taken(root, files);
  if (clashes.length === 0) return files;
  const answer = await ask(clashes.map((item) => item.file.name));
  if (answer === "") return [];
  const asked = new Set(clashes);
  if (answer === "skip") return files.filter((item) => !asked.has(item));
  return files.map((item) => (asked.has(item) ? { ...item, conflict: answer } : item));
}

const shown = 5; // names

function ask(names) {
  const dialog = document.getElementById("conflict");
  const title = dialog.querySelector("h2");
  title.textContent = names.length === 1 ? title.dataset.single : title.dataset.several.replace("#", names.length);
  const items = names.slice(0, shown).map((name) => {
    const item = document.createElement("li");
    item.append(document.createElement("bdi"));
    item.firstChild.textContent = name;
    return item;
  });
  dialog.querySelector("ul").replaceChildren(...items);
  const more = dialog.querySelector(".more");
  more.hidden = names.length <= shown;
  more.textContent = more.dataset.more.replace("#", names.length - shown);
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
    dialog.showModal();
    dialog.querySelector("button").focus();
  });
}
