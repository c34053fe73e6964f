// A moment is chosen in the reader's time zone; without script it is in UTC, and the page says so.

export function enhanceMoment(form) {
  const at = form.elements.at;
  const to = form.elements.to;
  const zone = form.querySelector("[data-zone]");
  const local = (text) => {
    const time = new Date(`${text}Z`);
    return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  };
  at.min = local(at.min);
  at.max = local(at.max);
  zone.textContent = zone.dataset.zone.replace("#", () => Intl.DateTimeFormat().resolvedOptions().timeZone);
  form.addEventListener("submit", () => {
    to.value = new Date(at.value).toISOString();
    to.disabled = false;
    at.disabled = true;
  });
  window.addEventListener("pageshow", () => { // come back to, it is chosen anew
    to.disabled = true;
    at.disabled = false;
  });
}
