// Buttons that copy what stands beside them.

const shown = 2000; // ms

export function enhanceCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    if (!(await copy(source))) return;
    const tell = document.createElement("span");
    tell.className = "copied";
    tell.setAttribute("role", "status");
    button.append(tell);
    tell.textContent = button.dataset.copied;
    setTimeout(() => tell.remove(), shown);
  });
}

async function copy(source) {
  const text = source.value ?? source.textContent;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(source); // no clipboard without HTTPS: what is selected can be copied all the same
    source.select?.();
    return document.execCommand("copy");
  }
}
