// What becomes of uploads, for whoever else is interested: an event "upload" on the document for each change, at most a
// few a second, with {id, name, folder, size, sent, state}. States are waiting, running, paused, failed, done and cancelled.

const told = new Map(); // by id, what was told last

export function report(transfers) {
  const here = new Set(transfers.map((t) => t.entry.id));
  for (const [id, last] of told) {
    if (here.has(id)) continue;
    told.delete(id);
    if (last.state !== "done") tell({ ...last, state: "cancelled" });
  }
  for (const { entry, sent, status } of transfers) {
    const last = told.get(entry.id);
    if (last?.state === status && last.sent === sent) continue;
    const { id, name, folder, size } = entry;
    const now = { id, name, folder, size, sent: Math.min(sent, size), state: status };
    told.set(id, now);
    tell(now);
  }
}

function tell(detail) {
  document.dispatchEvent(new CustomEvent("upload", { detail }));
}
