// Numbers and times as people read them.

// formatSize is the twin of the server's: decimal units, two digits or more of precision.
export function formatSize(bytes, units) {
  let unit = 0;
  while (bytes >= (unit === 0 ? 1000 : 999.5) && unit < units.length - 1) {
    bytes /= 1000;
    unit++;
  }
  return `${bytes.toFixed(unit > 0 && bytes < 9.95 ? 1 : 0)} ${units[unit]}`;
}

// language is the page's, as the browser spells it where it reads the same: English dates differ by country.
export function language() {
  const page = document.documentElement.lang;
  return navigator.languages.find((l) => l.split("-")[0] === page.split("-")[0]) ?? page;
}

// localTimes puts the times below root, which the server writes in UTC, into the reader's zone and language, and as
// short as they are clear: the clock for today, no clock for another year.
export function localTimes(root) {
  const format = (options) => new Intl.DateTimeFormat(language(), options);
  const clock = { hour: "numeric", minute: "2-digit" };
  const today = format(clock);
  const thisYear = format({ month: "short", day: "numeric", ...clock });
  const before = format({ dateStyle: "medium" });
  const whole = format({ dateStyle: "full", timeStyle: "medium" });
  const now = new Date();
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const short = at.toDateString() === now.toDateString() ? today : at.getFullYear() === now.getFullYear() ? thisYear : before;
    time.textContent = short.format(at);
    time.title = whole.format(at);
  }
}

// timeLeft spells seconds as people say them, at the place of # in words.
export function timeLeft(seconds, words) {
  const spell = (count, unit) => new Intl.NumberFormat(language(), { style: "unit", unit, unitDisplay: "short" }).format(Math.ceil(count));
  const text = seconds < 60 ? spell(seconds, "second") : seconds < 5400 ? spell(seconds / 60, "minute") : spell(seconds / 3600, "hour");
  return fill(words, text);
}

// showFacts puts facts into a line that breaks between them, and not within one.
export function showFacts(element, facts) {
  const parts = facts.map((fact) => Object.assign(document.createElement("span"), { textContent: fact }));
  element.replaceChildren(...parts.flatMap((part, i) => (i > 0 ? [" · ", part] : [part])));
}

// fill puts values into a sentence, each in the place of a #.
export function fill(words, ...values) {
  return words.replace(/#/g, () => values.shift());
}

const speedWindow = 5000; // ms

// Speed is how fast a count of bytes grows, over the last seconds.
export class Speed {
  samples = [];

  // add notes a count and answers the bytes a second; 0 while there is too little to tell from.
  add(bytes, now = performance.now()) {
    const last = this.samples[this.samples.length - 1];
    if (last && bytes < last.bytes) this.samples = []; // went back to what the server had
    this.samples.push({ bytes, now });
    while (this.samples.length > 2 && now - this.samples[0].now > speedWindow) this.samples.shift();
    const first = this.samples[0];
    const took = now - first.now;
    return took < 500 ? 0 : ((bytes - first.bytes) * 1000) / took;
  }
}
