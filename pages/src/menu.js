// What opens below a button: the orders to sort by, and the name of a new folder. Without script only the button closes them.

const menus = "details.order, details.new-folder";

// enhanceMenus has Escape close them, and whatever is done elsewhere the list of orders; a new folder can be named at once.
export function enhanceMenus() {
  for (const elsewhere of ["pointerdown", "focusin"]) {
    document.addEventListener(elsewhere, ({ target }) => {
      const order = document.querySelector("details.order[open]");
      if (order && !order.contains(target)) order.open = false;
    });
  }
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest(menus);
    if (!menu?.open) return;
    event.stopImmediatePropagation(); // what is chosen stays chosen
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener(
    "toggle",
    ({ target }) => {
      const here = target.contains(document.activeElement) || document.activeElement === document.body;
      if (target.open && here && target.matches("details.new-folder")) target.querySelector("#folder-name").focus();
    },
    true, // it does not bubble
  );
}
