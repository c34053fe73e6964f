// The question before a removal, on the page itself. Its link leads to a page that asks the same.

export function askBeforeDelete() {
  const dialog = document.getElementById("confirm");
  if (!dialog || typeof dialog.showModal !== "function") return;
  const form = dialog.querySelector("form");

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-delete]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    form.setAttribute("action", link.dataset.delete); // form.action is the input of that name
    dialog.querySelector("#confirm-name").textContent = link.querySelector("bdi").textContent;
    dialog.showModal();
    dialog.querySelector("[data-do=keep]").focus();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-do=keep]")) dialog.close();
  });
  form.addEventListener("submit", () => dialog.close());
}
