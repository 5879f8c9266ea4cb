// The page: messages into the mirror as they come, the screen a few times a second.

import { attribute, el, put } from "./element.js";
import { Link } from "./link.js";
import { Mirror } from "./mirror.js";
import { Panel } from "./panel.js";
import * as reading from "./reading.js";
import { Entry } from "./tile.js";
import { Wall } from "./wall.js";

const FRAME = 200; // milliseconds between two drawings: faster than an eye reads a figure
const ALERTS = 12;

const $ = (id) => document.getElementById(id);
const mirror = new Mirror();
const entries = new Map();
const dirty = new Set();
let everything = false;
let drawn = 0;
let scheduled = false;
let link = { state: "connecting" };
let told = "";

const panel = new Panel($("panel"), {
  onOpen: open,
  onClose: () => {
    wall.select("");
    history.replaceState(null, "", location.pathname + location.search);
  },
});
const wall = new Wall($("wall"), entries, open);

function receive(message) {
  if (message.event === "Error") told = `${message.message} ${message.hint ?? ""}`;
  const ids = mirror.take(message);
  if (ids === null) everything = true;
  else ids.forEach((id) => dirty.add(id));
  if (ids === null || ids.length) schedule();
}

function schedule() {
  if (scheduled) return;
  scheduled = true;
  const wait = Math.max(0, FRAME - (performance.now() - drawn));
  setTimeout(() => requestAnimationFrame(flush), wait);
}

function flush(now) {
  scheduled = false;
  drawn = performance.now();
  const ids = everything ? [...mirror.things.keys(), ...entries.keys()] : [...dirty];
  const live = !everything;
  everything = false;
  dirty.clear();
  let moved = false;
  for (const id of ids) moved = update(id, now, live) || moved;
  if (moved) {
    wall.arrange();
    pressed("density", wall.density);
    summary();
  } else {
    wall.render(ids);
  }
  if (ids.includes(panel.id)) panel.render(now);
  else if (!panel.id) open(linked());
}

// Whether the wall must be arranged anew for this Thing.
function update(id, now, live) {
  const thing = mirror.things.get(id);
  const entry = entries.get(id);
  if (!thing) {
    if (!entry) return false;
    wall.forget(entry);
    entries.delete(id);
    if (panel.id === id) panel.close();
    return true;
  }
  if (!entry) {
    entries.set(id, new Entry(thing));
    return true;
  }
  const before = entry.thing;
  entry.update(thing, now, live);
  return before.type !== thing.type || before.metadata !== thing.metadata;
}

// The Thing that the address names, as "#/factory:oven-001".
function linked() {
  try {
    return decodeURIComponent(location.hash.slice(2));
  } catch {
    return ""; // no address of ours
  }
}

function open(id, from) {
  const entry = entries.get(id);
  if (!entry) return;
  panel.open(entry, from);
  wall.select(id);
  history.replaceState(null, "", `#/${encodeURIComponent(id)}`);
}

// ---------------------------------------------------------------- the head of the page

let counted = 0;
let countedAt = performance.now();
let rate = 0;

function summary() {
  const all = [...entries.values()];
  const bad = all.filter((entry) => entry.anomaly);
  // Only what is metered itself: a line that tells the sum of its machines counts no second time.
  const kilowatts = all.reduce(
    (sum, { power, thing }) => sum + (thing.features?.electrical ? (power ?? 0) : 0),
    0,
  );
  put($("count"), reading.text(all.length));
  put($("running"), reading.text(all.filter((entry) => entry.state === "running").length));
  put($("attention"), reading.text(bad.length));
  $("attention").parentElement.dataset.tone = bad.length ? "bad" : "good";
  put($("power"), `${reading.measure(kilowatts)} kW`);
  put($("rate"), reading.text(Math.round(rate)));
  alerts(bad);
  wall.tally();
  document.title = `${bad.length ? `⚠ ${bad.length} · ` : ""}EgizCore`;
  const empty = all.length === 0;
  $("empty").hidden = !(empty && link.state === "live");
  $("offline").hidden = !(empty && link.state !== "live");
  const shown = $("wall").childElementCount > 0;
  $("nothing").hidden = empty || shown || !wall.filtered;
}

const chips = new Map();

// A chip stays the same element while its trouble lasts, so the focus on it stays too.
function alerts(bad) {
  const list = $("alerts");
  const wanted = new Set(bad.slice(0, ALERTS).map((entry) => entry.thing.id));
  for (const [id, chip] of chips) {
    if (wanted.has(id)) continue;
    chip.remove();
    chips.delete(id);
  }
  for (const { thing } of bad.slice(0, ALERTS)) {
    if (!chips.has(thing.id)) chips.set(thing.id, list.appendChild(alert(thing)));
    const why = reading.fault(thing).replaceAll("-", " ") || "anomaly";
    put(chips.get(thing.id).firstElementChild, `⚠ ${reading.name(thing)}: ${why}`);
  }
  put($("more"), bad.length > ALERTS ? `and ${bad.length - ALERTS} more` : "");
  $("attention-bar").hidden = bad.length === 0;
}

function alert({ id }) {
  const button = el("button", "alert");
  button.type = "button";
  button.addEventListener("click", () => open(id, button));
  return el("li", "", button);
}

function connection(next) {
  link = next;
  const pill = $("connection");
  pill.dataset.state = next.state;
  if (next.state === "live") told = "";
  countdown();
  if (next.state === "refused") {
    told = "This engine wants a key or a token that this page does not have.";
  }
  put($("told"), told);
  $("retry").hidden = next.state === "live" || next.state === "connecting";
  summary();
}

function countdown() {
  const seconds = Math.max(0, Math.ceil(((link.until ?? 0) - Date.now()) / 1000));
  const words = {
    live: "Live",
    connecting: "Connecting …",
    waiting: `Offline, next try in ${seconds} s`,
    refused: "Not allowed",
  };
  put($("connection-text"), words[link.state]);
}

setInterval(() => {
  const now = performance.now();
  const fresh = ((mirror.events - counted) * 1000) / (now - countedAt);
  rate = rate ? rate * 0.5 + fresh * 0.5 : fresh;
  counted = mirror.events;
  countedAt = now;
  if (link.state === "waiting") countdown();
  put($("told"), told);
  summary();
  panel.age();
}, 1000);

// ---------------------------------------------------------------- what a person can turn

function choice(id, key) {
  for (const button of $(id).querySelectorAll("button")) {
    button.addEventListener("click", () => {
      wall[key] = button.value;
      pressed(id, button.value);
      summary();
    });
  }
}

function pressed(id, value) {
  for (const button of $(id).querySelectorAll("button")) {
    attribute(button, "aria-pressed", String(button.value === value));
  }
}

choice("group", "group");
choice("density", "density");
$("search").addEventListener("input", ({ target }) => {
  wall.query = target.value;
  summary();
});
$("only").addEventListener("change", ({ target }) => {
  wall.onlyAnomalies = target.checked;
  summary();
});
$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("example").textContent);
  put($("copy"), "Copied");
});
$("copy").hidden = !navigator.clipboard; // only pages of a safe origin have it
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !(event.target instanceof HTMLInputElement)) {
    event.preventDefault();
    $("search").focus();
  }
  if (event.key === "Escape") panel.close();
});
put($("host"), location.hostname);

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const line = new Link(`${scheme}//${location.host}/api/v1/ws`, {
  hello: { action: "subscribe", id: 1, filter: {}, snapshot: true },
  onMessage: receive,
  onState: connection,
});
$("retry").addEventListener("click", () => line.open());
line.open();
