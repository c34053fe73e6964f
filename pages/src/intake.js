// The ways in: what was picked, dropped or pasted, as files with the folder that each stood in. A batch is {files, folders}:
// files of {file, below, handle}, below being a path like "/Trip/day 1" or ""; folders that hold nothing, as such paths.

// picked reads an input, of files or of a folder.
export function picked(input) {
  return { files: [...input.files].map((file) => ({ file, below: above(file.webkitRelativePath) })), folders: [] };
}

function above(path = "") {
  const end = path.lastIndexOf("/");
  return end < 0 ? "" : `/${path.slice(0, end)}`;
}

// openPicker asks for files with their handles, which lead to the files after a reload too. It answers null where the
// browser does not do that.
export async function openPicker() {
  try {
    const handles = await window.showOpenFilePicker({ multiple: true });
    return { files: await Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), below: "", handle }))), folders: [] };
  } catch (error) {
    return error.name === "AbortError" ? { files: [], folders: [] } : null;
  }
}

// dropped reads what was dropped or pasted, folders with all that is in them. What an event holds is gone once it is over, so
// everything is taken from it before anything is waited for.
export async function dropped(transfer) {
  const roots = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile(), handle: item.getAsFileSystemHandle?.().catch(() => null) }));
  const batch = { files: [], folders: [] };
  for (const { entry, file, handle } of roots) {
    const got = await handle;
    if (got?.kind === "directory") await readHandle(got, "", batch);
    else if (entry?.isDirectory) await readEntry(entry, "", batch);
    else if (file) batch.files.push({ file, below: "", handle: got ?? undefined });
  }
  return batch;
}

async function readHandle(folder, below, batch) {
  const path = `${below}/${folder.name}`;
  let empty = true;
  for await (const handle of folder.values()) {
    empty = false;
    if (handle.kind === "directory") await readHandle(handle, path, batch);
    else batch.files.push({ file: await handle.getFile(), below: path, handle });
  }
  if (empty) batch.folders.push(path);
}

async function readEntry(folder, below, batch) {
  const path = `${below}/${folder.name}`;
  const reader = folder.createReader();
  let empty = true;
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a part of them each time
    if (some.length === 0) break;
    empty = false;
    for (const entry of some) {
      if (entry.isDirectory) await readEntry(entry, path, batch);
      else batch.files.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), below: path });
    }
  }
  if (empty) batch.folders.push(path);
}
