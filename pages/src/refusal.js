// Answers of the server that say no.

// Refused is such an answer, where tus-js-client would not tell of it as one.
export class Refused extends Error {
  constructor(response) {
    super(`status ${response.getStatus()}`);
    this.response = response;
  }
}

// responseOf is the answer that an error stands for; undefined if there was none.
export const responseOf = (error) => error.response ?? error.causingError?.response ?? error.originalResponse;

// passes reports whether what was answered with status may be taken another time. 0 is no answer.
export const passes = (status) => status === 0 || status === 408 || status === 423 || status === 429 || (status >= 500 && status !== 507);

// rejection is what an operator's receiver says to people about an upload that it does not want; undefined for every other answer.
export function rejection(response) {
  if (!response?.getHeader("Upload-Rejected")) return undefined;
  let text = response.getBody() ?? "";
  if (response.getHeader("Content-Type")?.startsWith("application/json")) {
    const said = JSON.parse(text);
    text = [said?.detail, said?.message, said?.error].find((member) => typeof member === "string") ?? "";
  }
  return text.trim().slice(0, 300) || undefined;
}

// here is an upload's address on the server of this page, which may name itself by another one: the page is allowed to
// talk to its own only.
export function here(url) {
  return new URL(new URL(url, location.href).pathname, location.href).href;
}
