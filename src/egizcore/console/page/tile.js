// One Thing on the wall. `Entry` is what is known of it, `Tile` what is seen of it.

import { attribute, el, icon, put } from "./element.js";
import * as reading from "./reading.js";
import { draw, Trail } from "./spark.js";

const BARS = 3;
const NEAR = 0.04; // this close to its setpoint a value is where it should be
const FAR = 0.12;

export class Entry {
  #shape = "";

  constructor(thing) {
    this.trail = new Trail();
    this.tile = null;
    this.visible = false;
    this.update(thing, performance.now(), false);
  }

  // `live` is false for what a snapshot tells: it is no new sample.
  update(thing, now, live) {
    this.thing = thing;
    this.state = reading.state(thing);
    this.anomaly = reading.anomaly(thing);
    this.power = reading.power(thing);
    const shape = Object.keys(thing.features ?? {}).join();
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.measures = reading.measures(thing).slice(0, BARS + 1);
    }
    const first = this.measures?.[0];
    const value = first && reading.valueAt(thing, first);
    this.value = first?.many && Array.isArray(value) ? reading.mean(value) : (value ?? null);
    if (live && typeof this.value === "number") this.trail.add(this.value, now);
  }
}

export class Tile {
  #bars = [];

  constructor(entry) {
    const { thing } = entry;
    this.name = el("span", "tile-name");
    this.chip = el("span", "chip");
    this.figure = el("span", "figure");
    this.unit = el("span", "unit");
    this.goal = el("span", "goal");
    this.canvas = el("canvas", "spark");
    this.canvas.setAttribute("aria-hidden", "true");
    this.bars = el("span", "bars");
    this.foot = el("span", "tile-foot");
    this.button = el(
      "button",
      "tile",
      el("span", "tile-head", icon(thing.type), this.name, this.chip),
      el("span", "tile-main", el("span", "value", this.figure, this.unit, this.goal), this.canvas),
      this.bars,
      this.foot,
    );
    this.button.type = "button";
    this.button.dataset.id = thing.id;
  }

  render(entry, colours) {
    const { thing, measures } = entry;
    const first = measures?.[0];
    const word = entry.state || (entry.anomaly ? "anomaly" : "");
    put(this.name, reading.name(thing));
    put(this.chip, word);
    const tone = reading.tone(entry.state, entry.anomaly);
    attribute(this.button, "data-tone", tone);
    const trouble = entry.anomaly ? `, anomaly ${reading.fault(thing)}` : "";
    attribute(
      this.button,
      "aria-label",
      `${reading.name(thing)}, ${thing.type}${word ? `, ${word}` : ""}${trouble}`,
    );
    this.#figure(entry, first);
    this.#drawBars(thing, measures ?? []);
    put(this.foot, foot(entry));
    draw(this.canvas, entry.trail, colours[entry.anomaly ? "bad" : "spark"]);
  }

  #figure(entry, first) {
    const known = typeof entry.value === "number";
    put(this.figure, known ? reading.measure(entry.value) : "–");
    put(this.unit, known ? reading.unit(first.path) : "");
    const goal = first ? reading.target(entry.thing, first) : null;
    put(this.goal, goal === null ? "" : `→ ${reading.text(goal)}`);
  }

  #drawBars(thing, measures) {
    const rows = measures[0]?.many ? spread(thing, measures[0]) : single(thing, measures);
    const shown = rows.slice(0, BARS);
    while (this.#bars.length > shown.length) this.#bars.pop().row.remove();
    while (this.#bars.length < shown.length) {
      const bar = new Bar();
      this.#bars.push(bar);
      this.bars.append(bar.row);
    }
    shown.forEach((row, i) => this.#bars[i].render(row));
  }
}

class Bar {
  #widest = 1e-6;

  constructor() {
    this.label = el("span", "bar-label");
    this.fill = el("span", "bar-fill");
    this.mark = el("span", "bar-mark");
    this.value = el("span", "bar-value");
    this.row = el(
      "span",
      "bar",
      this.label,
      el("span", "bar-track", this.fill, this.mark),
      this.value,
    );
  }

  render({ label, value, goal, unit }) {
    put(this.label, label);
    put(this.value, unit ? `${reading.measure(value)} ${unit}` : reading.text(value));
    const wanted = goal === null ? Math.abs(value) * 1.15 : Math.max(goal, value / 1.15) * 1.15;
    const settled = goal !== null || unit === "%" ? 0 : this.#widest;
    this.#widest = unit === "%" ? 100 : Math.max(settled, wanted, 1e-6);
    const share = Math.min(1, Math.max(0, value / this.#widest));
    this.fill.style.setProperty("--share", share.toFixed(3));
    this.mark.hidden = goal === null;
    if (goal !== null) this.mark.style.setProperty("--at", (goal / this.#widest).toFixed(3));
    attribute(this.row, "data-fit", fit(value, goal));
  }
}

function fit(value, goal) {
  if (goal === null || goal === 0) return "free";
  const off = Math.abs(value - goal) / Math.abs(goal);
  if (off <= NEAR) return "near";
  return off > FAR ? "far" : "off";
}

function spread(thing, measure) {
  const values = reading.valueAt(thing, measure);
  if (!Array.isArray(values)) return [];
  const goal = reading.target(thing, measure);
  const unit = reading.unit(measure.path);
  return values.map((value, i) => ({ label: `Zone ${i + 1}`, value, goal, unit }));
}

// The first one is the large figure already: it gets a bar only where it has somewhere to go.
function single(thing, measures) {
  const rows = measures.flatMap(one(thing));
  return rows[0]?.goal === null ? rows.slice(1) : rows;
}

const one = (thing) => (measure) => {
  const value = reading.valueAt(thing, measure);
  if (typeof value !== "number") return [];
  const label = reading.label(measure.path).replace(/(.+) temperature$/, "$1 temp.");
  const goal = reading.target(thing, measure);
  return [{ label, value, goal, unit: reading.unit(measure.path) }];
};

function foot({ thing, power, anomaly }) {
  const context = thing.features?.business_context?.properties ?? {};
  const parts = [];
  const fault = anomaly ? reading.fault(thing) || "anomaly" : "";
  if (fault) parts.push(`⚠ ${fault.replaceAll("-", " ")}`);
  if (power !== null) parts.push(`${reading.measure(power)} kW`);
  for (const key of ["recipe", "current_batch"]) {
    if (typeof context[key] === "string") parts.push(context[key]);
  }
  return parts.length ? parts.join(" · ") : thing.id;
}
