// The service worker of the pages. It does one thing: what another app shares with the installed pages is put aside, for the
// page of the drive to upload it like any other file. Without it the server takes the form as it is (server/web/install.go).
//
// A page of another site can have the browser send such a form, too, and a worker is not told who did. The server is: so what was put aside is led by
// it, and uploaded only if it names it to the page.

import { putAside } from "./aside.js";

const target = "/share-target";

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.addRoutes?.([{ condition: { requestMethod: "GET" }, source: "network" }]); // pages do not wait for the worker to start
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { pathname, search } = new URL(event.request.url);
  if (event.request.method === "POST" && pathname === target && search === "") event.respondWith(take(event.request));
});

async function take(request) {
  try {
    return Response.redirect(`${target}?batch=${await putAside(filesOf(await request.formData()))}`, 303);
  } catch {
    return Response.redirect(`${target}?whole`, 307); // no room, or no storage: the browser sends it to the server, and says from where it is
  }
}

// filesOf answers what was shared. Words become a file with their title as its name.
function filesOf(form) {
  const files = form.getAll("file").filter((file) => file instanceof File && file.name);
  const title = (form.get("title") || "").trim();
  const words = [form.get("text"), form.get("url")].filter(Boolean).join("\n");
  if (words) files.push(new File([words + "\n"], `${nameOf(title || form.get("url") || words)}.txt`, { type: "text/plain", lastModified: Date.now() }));
  return files;
}

function nameOf(words) {
  const name = words.replace(/[\s\u0000-\u001f\u007f/\\:*?"<>|]+/g, " ").trim().slice(0, 60).trim();
  return name || "Shared";
}
