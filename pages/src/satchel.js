// The script of the pages. Without it every page works with plain forms, but for passkeys; with it uploads resume,
// and the page stays while they run.

import { enhanceFolder } from "./folder.js";
import { askBeforeDelete } from "./confirm.js";
import { enhanceUploads } from "./uploads.js";
import { askForPasskey } from "./passkey.js";
import { enhanceView } from "./view.js";

document.documentElement.classList.add("script");

const passkey = document.getElementById("passkey");
if (passkey) askForPasskey(passkey);

const uploads = document.getElementById("uploads");
if (uploads) {
  const transfers = enhanceUploads(uploads);
  enhanceFolder(() => transfers.holding());
  askBeforeDelete();
}

const view = document.querySelector("main.view");
if (view) enhanceView(view);
