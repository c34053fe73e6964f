// One upload as the page shows it.

import { fill, formatSize, showFacts, timeLeft } from "./format.js";

export class Row {
  // section holds the words; name and folder are of the file; on is what the buttons do: {pause, resume, cancel}.
  constructor(section, { name, folder, here }, on) {
    this.words = section.dataset;
    this.units = this.words.units.split(" ");
    this.element = document.importNode(document.getElementById("upload-row").content, true).firstElementChild;
    this.find(".file-name").textContent = name;
    if (folder !== here) {
      const where = this.find(".where");
      where.textContent = fill(this.words.where, folder === "/" ? this.words.root : folder.slice(folder.lastIndexOf("/") + 1));
      where.hidden = false;
    }
    this.find("progress").setAttribute("aria-label", name);
    for (const button of this.element.querySelectorAll("[data-do]")) {
      button.addEventListener("click", () => on[button.dataset.do]());
    }
    section.querySelector("ul").append(this.element);
    section.hidden = false;
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  // state shows what is going on: a class, a sentence, and which buttons make sense.
  state(name, sentence, { pause = false, resume = false, signIn = false } = {}) {
    this.element.className = name;
    this.say(sentence);
    this.button("pause", pause);
    this.button("resume", resume);
    const link = this.find(".sign-in");
    link.hidden = !signIn;
    link.href = this.words.again ?? `/login?next=${encodeURIComponent(location.pathname)}`;
  }

  say(sentence) {
    const words = this.find(".words");
    if (words.textContent !== sentence) words.textContent = sentence;
  }

  // button shows or hides one; the focus moves to its twin rather than getting lost.
  button(action, shown) {
    const button = this.find(`[data-do=${action}]`);
    const focused = button === document.activeElement;
    button.hidden = !shown;
    if (focused && !shown) queueMicrotask(() => this.find(".do button:not([hidden])")?.focus());
  }

  // progress shows sent of total bytes, and the speed if it is known.
  progress(sent, total, speed = 0) {
    const share = total > 0 ? sent / total : 1;
    this.find("progress").value = share;
    const facts = [fill(this.words.progress, Math.floor(share * 100), formatSize(total, this.units))];
    if (speed > 0) facts.push(fill(this.words.speed, formatSize(speed, this.units)), timeLeft((total - sent) / speed, this.words.left));
    showFacts(this.find(".percent"), facts);
  }

  remove() {
    const section = this.element.closest("section");
    this.element.remove();
    if (section && !section.querySelector("li")) section.hidden = true;
  }
}
