// One WebSocket that is kept open: back-off with full jitter, a watchdog for a silent line, and
// the engine's close codes.

const SILENCE = 45_000; // a heartbeat comes every 30 s
const LONGEST = 15_000;
const STEADY = 10_000; // only a link that has held this long starts the back-off anew

// Milliseconds until the next try.
export function pause(attempt, random = Math.random) {
  return Math.round(200 + random() * Math.min(LONGEST, 500 * 2 ** attempt));
}

// 4100 and 4101: the engine says not to come back; after any other code we do.
export const mayReturn = (code) => code !== 4100 && code !== 4101;

export class Link {
  #url;
  #hello;
  #onMessage;
  #onState;
  #attempt = 0;
  #timer = 0;
  #watchdog = 0;
  #socket = null;

  // onState gets {state: "connecting" | "live" | "waiting" | "refused", until?, code?}.
  constructor(url, { hello, onMessage, onState }) {
    this.#url = url;
    this.#hello = hello;
    this.#onMessage = onMessage;
    this.#onState = onState;
  }

  open() {
    clearTimeout(this.#timer);
    this.#drop();
    this.#onState({ state: "connecting" });
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    let since = 0;
    socket.onopen = () => {
      since = performance.now();
      socket.send(JSON.stringify(this.#hello));
      this.#onState({ state: "live" });
      this.#watch();
    };
    socket.onmessage = ({ data }) => {
      this.#watch();
      this.#onMessage(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      if (socket !== this.#socket) return;
      if (since && performance.now() - since > STEADY) this.#attempt = 0;
      this.#drop();
      if (mayReturn(code)) this.#wait(code);
      else this.#onState({ state: "refused", code });
    };
    this.#watch();
  }

  #wait(code) {
    const milliseconds = pause(this.#attempt);
    this.#attempt += 1;
    this.#onState({ state: "waiting", until: Date.now() + milliseconds, code });
    this.#timer = setTimeout(() => this.open(), milliseconds);
  }

  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#drop();
      this.#wait(0);
    }, SILENCE);
  }

  #drop() {
    clearTimeout(this.#watchdog);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }
}
