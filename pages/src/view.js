// Looking at images: arrow keys and swipes go where the links before and after an image lead. Escape goes back to the folder.

import { localTimes } from "./format.js";

const farEnough = 60; // pixels

export function enhanceView(view) {
  const link = (rel) => view.querySelector(`a[rel=${rel}]`);
  const go = (to) => to && location.assign(to.href);
  localTimes(view);

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest("video, audio, pre, input")) return;
    if (event.key === "ArrowLeft") go(link("prev"));
    if (event.key === "ArrowRight") go(link("next"));
    if (event.key === "Escape") go(view.querySelector(".view-head a"));
  });

  const stage = view.querySelector(".stage");
  if (!stage || !stage.querySelector("img")) return;
  let from = null;
  stage.addEventListener("touchstart", (event) => {
    const zoomed = window.visualViewport && window.visualViewport.scale > 1.01;
    from = event.touches.length === 1 && !zoomed ? event.touches[0] : null;
  }, { passive: true });
  stage.addEventListener("touchend", (event) => {
    if (!from || event.touches.length > 0) return;
    const to = event.changedTouches[0];
    const across = to.clientX - from.clientX;
    if (Math.abs(across) >= farEnough && Math.abs(across) > 2 * Math.abs(to.clientY - from.clientY)) go(link(across > 0 ? "prev" : "next"));
    from = null;
  }, { passive: true });
}
