// The script of the pages. Without it every page works with plain forms, but for passkeys; with it uploads resume,
// and the page stays while they run.

import { enhanceBox } from "./box.js";
import { connect } from "./bridge.js";
import { enhanceCopying } from "./copy.js";
import { enhanceChoice } from "./choice.js";
import { askBeforeDelete } from "./confirm.js";
import { act, enhanceFolder } from "./folder.js";
import { localTimes } from "./format.js";
import { enhanceListing } from "./listing.js";
import { listen } from "./live.js";
import { enhanceMenus } from "./menu.js";
import { installWorker } from "./shared.js";
import { enhanceUploads } from "./uploads.js";
import { askForPasskey } from "./passkey.js";
import { enhanceMoment } from "./rewind.js";
import { enhanceView } from "./view.js";

document.documentElement.classList.add("script");

const passkey = document.getElementById("passkey");
if (passkey) askForPasskey(passkey);

let transfers = null;
const uploads = document.getElementById("uploads");
const box = document.getElementById("box");
if (box) {
  enhanceBox(uploads, box);
} else if (uploads) {
  transfers = enhanceUploads(uploads);
  enhanceFolder(() => transfers.holding());
  enhanceMenus();
  askBeforeDelete();
  enhanceListing();
  listen();
} else {
  localTimes(document);
}

const moment = document.getElementById("moment");
if (moment) enhanceMoment(moment);

const view = document.querySelector("main.view");
if (view) enhanceView(view);
if (document.querySelector("#listing, .trashed")) enhanceChoice(act);
enhanceCopying();
connect(transfers);
installWorker();
