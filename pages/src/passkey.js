// Makes or uses a passkey (Web Authentication, Level 3), where the page asks for one: the question stands in the form, the browser's
// answer goes into it, and the form is sent as any other.

function bytes(text) {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

function text(buffer) {
  let binary = "";
  new Uint8Array(buffer).forEach((b) => { binary += String.fromCharCode(b); });
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

// question is the options with bytes in the place of base64url.
function question(options) {
  const known = (list) => (list || []).map((c) => Object.assign({}, c, { id: bytes(c.id) }));
  const q = Object.assign({}, options, { challenge: bytes(options.challenge) });
  if (options.user) q.user = Object.assign({}, options.user, { id: bytes(options.user.id) });
  if (options.excludeCredentials) q.excludeCredentials = known(options.excludeCredentials);
  if (options.allowCredentials) q.allowCredentials = known(options.allowCredentials);
  return q;
}

// answer is the credential as JSON.
function answer(credential) {
  const r = credential.response;
  const response = { clientDataJSON: text(r.clientDataJSON) };
  if (r.attestationObject) {
    response.attestationObject = text(r.attestationObject);
    response.transports = r.getTransports ? r.getTransports() : [];
  } else {
    response.authenticatorData = text(r.authenticatorData);
    response.signature = text(r.signature);
    if (r.userHandle) response.userHandle = text(r.userHandle);
  }
  return JSON.stringify({
    id: credential.id, rawId: text(credential.rawId), type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment || undefined,
    clientExtensionResults: {}, response,
  });
}

// explain says why there is none, in words of the form.
function explain(error, words) {
  if (error.name === "InvalidStateError") return words.known;
  if (error.name === "SecurityError") return words.notHere;
  if (error.name === "NotAllowedError") return words.refused;
  return words.failed.replace("#", () => error.message);
}

export function askForPasskey(form) {
  const problem = document.getElementById("passkey-problem");
  const say = (sentence) => { problem.textContent = sentence; problem.hidden = !sentence; };
  let busy = false;

  async function run() {
    if (busy) return;
    if (!window.PublicKeyCredential || !navigator.credentials) {
      say(form.dataset.unknown);
      return;
    }
    busy = true;
    say("");
    try {
      const publicKey = question(JSON.parse(form.dataset.options));
      const credential = await navigator.credentials[form.dataset.kind]({ publicKey });
      form.elements.namedItem("response").value = answer(credential);
      form.submit(); // without asking its listeners
    } catch (error) {
      say(explain(error, form.dataset));
      busy = false;
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  run(); // where the browser wants a touch first, the button is there
}
