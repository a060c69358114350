// Whether a run of the script that this window has asked for has still to end, by Streamlit's own
// messages: after every request a run begins and ends, though one may answer two requests. And what
// was clicked.
const RERUN_SCRIPT = 11; // of BackMsg
const [NEW_SESSION, SCRIPT_FINISHED, EARLY_FOR_RERUN] = [4, 6, 2]; // of ForwardMsg

window.clicked = [];
for (const kind of ["pointerdown", "click"]) {
  addEventListener(
    kind,
    ({ target }) => window.clicked.push(`${kind} on ${target.tagName} ${(target.innerText || "").slice(0, 40)}`),
    true,
  );
}

window.unanswered = false;
let begun = false;
window.WebSocket = class extends WebSocket {
  constructor(...from) {
    super(...from);
    this.addEventListener("message", ({ data }) => {
      const message = fields(new Uint8Array(data));
      if (message.has(NEW_SESSION)) begun = true;
      if (message.has(SCRIPT_FINISHED) && message.get(SCRIPT_FINISHED) !== EARLY_FOR_RERUN && begun)
        window.unanswered = false;
    });
  }

  send(message) {
    if (fields(message).has(RERUN_SCRIPT)) [window.unanswered, begun] = [true, false];
    super.send(message);
  }
};

/** The fields of a protocol buffer: number to value, or to length. */
function fields(bytes) {
  const found = new Map();
  let at = 0;
  const number = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      value += (bytes[at] & 127) * scale;
      if (bytes[at++] < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = number();
    const value = { 0: number, 1: () => 8, 2: number, 5: () => 4 }[tag & 7]();
    found.set(tag >> 3, value);
    if ((tag & 7) !== 0) at += value;
  }
  return found;
}
