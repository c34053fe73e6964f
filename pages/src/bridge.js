// The bridge to an app that shows these pages in a WebView. The app is told what happens by messages, objects with a type;
// it may send some itself. README, "In an app", describes them: what is there is kept.

import { show } from "./folder.js";
import { refresh } from "./listing.js";

const version = 1;

// Ways to an app: WKWebView takes objects; Android's WebMessageListener or JavaScript interface, Flutter's channel and React
// Native take text.
function channels() {
  const all = [];
  const webkit = window.webkit?.messageHandlers?.satchel;
  if (webkit) all.push((message) => webkit.postMessage(message));
  for (const channel of [window.satchel, window.ReactNativeWebView]) {
    if (typeof channel?.postMessage === "function") all.push((message) => channel.postMessage(JSON.stringify(message)));
  }
  return all;
}

let ways = [];
let taken = new Set(); // types that the app deals with itself

function tell(type, more = {}) {
  for (const way of ways) way({ satchel: version, type, ...more });
}

// connect begins to talk, if there is an app. queue is the uploads on the page; null where there are none.
export function connect(queue) {
  ways = channels();
  if (ways.length === 0) return;
  document.addEventListener("upload", ({ detail }) => tell("upload", detail));
  document.addEventListener("listed", tellFolder);
  document.addEventListener("click", open);
  window.addEventListener("message", (event) => {
    // An app speaks as the page itself (evaluateJavascript and its kin). Another window has another origin, or is a page of ours, which has no say here.
    if (event.origin === location.origin && event.source === window) obey(event.data, queue);
  });
  tell("ready", { page: location.pathname, language: document.documentElement.lang, signed_in: "signedIn" in document.documentElement.dataset });
  tellFolder();
}

let folder = null;

function tellFolder() {
  const path = document.getElementById("listing")?.dataset.path;
  if (path === undefined || path === folder) return;
  folder = path;
  tell("folder", { path });
}

// open tells of a tap on a file, which the app may have taken upon itself.
function open(event) {
  const link = event.target.closest?.("#listing tr.file .name a");
  if (!link || event.defaultPrevented) return;
  const path = decodeURIComponent(new URL(link.href).pathname.replace(/^\/view/, ""));
  const type = link.closest("tr").querySelector(".kind").textContent;
  const takes = taken.has("open");
  if (takes) event.preventDefault();
  tell("open", { path, name: link.querySelector("bdi").textContent, media_type: type, taken: takes });
}

const orders = {
  take: ({ types }) => (taken = new Set(Array.isArray(types) ? types : [])),
  refresh: () => refresh(),
  go: ({ path }) => typeof path === "string" && path.startsWith("/") && go(`/drive${path.split("/").map(encodeURIComponent).join("/")}`),
  pause: (_, queue) => queue?.pauseAll(),
  resume: (_, queue) => queue?.resumeAll(),
};

function obey(message, queue) {
  if (message?.satchel !== version || !Object.hasOwn(orders, message.type)) return;
  orders[message.type](message, queue);
}

function go(address) {
  if (document.getElementById("listing")) show(address);
  else location.assign(address);
}
