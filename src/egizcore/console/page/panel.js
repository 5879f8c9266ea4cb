// Everything about one Thing: each feature, what is wanted of it, its links, and the raw document.

import { attribute, el, put } from "./element.js";
import * as reading from "./reading.js";
import { draw, Trail } from "./spark.js";

export class Panel {
  #root;
  #onOpen;
  #onClose;
  #entry = null;
  #shape = "";
  #rows = new Map(); // "feature path" -> {value, canvas, trail, last}
  #raw = false;
  #from = null;

  constructor(root, { onOpen, onClose }) {
    this.#root = root;
    this.#onOpen = onOpen;
    this.#onClose = onClose;
    this.title = el("h2", "panel-title");
    this.title.tabIndex = -1;
    this.sub = el("p", "panel-sub");
    this.chip = el("span", "chip");
    this.body = el("div", "panel-body");
    this.pre = el("pre", "raw");
    this.pre.tabIndex = 0;
    const close = el("button", "icon-button", "✕");
    close.type = "button";
    close.setAttribute("aria-label", "Close the details");
    close.addEventListener("click", () => this.close());
    this.tabs = ["Live", "Raw"].map((text) => this.#tab(text));
    this.tablist = el("div", "segments", ...this.tabs);
    this.tablist.setAttribute("role", "group");
    this.tablist.setAttribute("aria-label", "View");
    root.append(
      el(
        "header",
        "panel-head",
        el("div", "panel-heading", this.title, this.sub),
        this.chip,
        close,
      ),
      this.tablist,
      this.body,
    );
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  get id() {
    return this.#entry?.thing.id ?? "";
  }

  open(entry, from) {
    this.#entry = entry;
    this.#from = from ?? null;
    this.#shape = "";
    this.#rows.clear();
    this.#root.hidden = false;
    document.body.classList.add("with-panel");
    this.render(performance.now());
    if (from) this.title.focus();
  }

  close() {
    if (!this.#entry) return;
    this.#entry = null;
    this.#root.hidden = true;
    document.body.classList.remove("with-panel");
    this.#onClose();
    this.#from?.focus();
  }

  render(now) {
    const entry = this.#entry;
    if (!entry) return;
    const { thing } = entry;
    put(this.title, reading.name(thing));
    put(this.chip, entry.state || (entry.anomaly ? "anomaly" : thing.type));
    attribute(this.chip, "data-tone", reading.tone(entry.state, entry.anomaly));
    this.age();
    if (this.#raw) this.#showRaw(thing);
    else this.#showLive(thing, now);
  }

  // Also called when nothing comes: an age grows by itself.
  age() {
    if (!this.#entry) return;
    const { id, version, lastUpdated } = this.#entry.thing;
    const age = reading.ago(Date.now() - Date.parse(lastUpdated));
    put(this.sub, `${id} · version ${version} · ${age}`);
  }

  #tab(text) {
    const button = el("button", "segment", text);
    button.type = "button";
    button.setAttribute("aria-pressed", String((text === "Raw") === this.#raw));
    button.addEventListener("click", () => {
      this.#raw = text === "Raw";
      this.tabs.forEach((tab) => tab.setAttribute("aria-pressed", String(tab === button)));
      this.#shape = "";
      this.render(performance.now());
    });
    return button;
  }

  #showRaw(thing) {
    if (this.pre.parentNode !== this.body) this.body.replaceChildren(this.pre);
    // A document that is being copied from must stand still.
    const selection = document.getSelection();
    if (!selection.isCollapsed && this.pre.contains(selection.anchorNode)) return;
    put(this.pre, JSON.stringify(thing, null, 2));
  }

  #showLive(thing, now) {
    const features = Object.entries(thing.features ?? {}).map(([name, feature]) => ({
      name,
      wanted: reading.leaves(feature.desiredState),
      rows: reading.leaves(feature.properties),
    }));
    const shape = JSON.stringify([
      features.map(({ name, rows, wanted }) => [name, rows.map((row) => row.path), wanted]),
      thing.metadata,
      thing.relationships,
      thing.type,
    ]);
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#build(thing, features);
    }
    const style = getComputedStyle(this.#root); // once: each look may cost a new layout
    const line = style.getPropertyValue("--accent");
    const colours = { line, fill: style.getPropertyValue("--accent-soft") };
    for (const { name, rows } of features) {
      for (const row of rows) this.#update(`${name} ${row.path}`, row.value, now, colours);
    }
  }

  #build(thing, features) {
    const before = this.#rows;
    this.#rows = new Map();
    const cards = features.map(({ name, rows, wanted }) => {
      const list = rows.map((row) => this.#row(name, row, before));
      const card = el("section", "card", el("h3", "", reading.label(name)), el("dl", "rows", ...list));
      if (wanted.length) card.append(wish(wanted));
      return card;
    });
    this.body.replaceChildren(...cards, about(thing), this.#links(thing));
    if (!features.length) this.body.prepend(el("p", "quiet", "No features yet: nothing reported."));
  }

  #row(feature, { path, value }, before) {
    const key = `${feature} ${path}`;
    const shown = el("dd", "row-value");
    const held = { value: shown, trail: before.get(key)?.trail ?? new Trail(), last: undefined };
    const row = el("div", "row", el("dt", "", reading.label(path)));
    if (typeof value === "number") {
      held.canvas = el("canvas", "row-spark");
      held.canvas.setAttribute("aria-hidden", "true");
      row.append(held.canvas);
    }
    row.append(shown);
    held.unit = typeof value === "number" ? reading.unit(path) : "";
    this.#rows.set(key, held);
    return row;
  }

  #update(key, value, now, colours) {
    const held = this.#rows.get(key);
    if (!held) return;
    if (typeof value === "number" && held.canvas) {
      held.trail.add(value, now);
      draw(held.canvas, held.trail, colours);
    }
    if (held.last === value) return;
    put(held.value, `${reading.text(value)} ${held.unit}`.trim());
    attribute(held.value, "data-anomaly", String(value === true && key.endsWith(" anomaly")));
    held.last = value;
  }

  #links(thing) {
    const links = (thing.relationships ?? []).map(({ type, targetId }) => {
      const button = el("button", "link", targetId);
      button.type = "button";
      button.addEventListener("click", () => this.#onOpen(targetId, button));
      return el("div", "row", el("dt", "", reading.label(type)), el("dd", "row-value", button));
    });
    const card = el("section", "card", el("h3", "", "Relationships"), el("dl", "rows", ...links));
    card.hidden = links.length === 0;
    return card;
  }
}

function wish(wanted) {
  const items = wanted.map(({ path, value }) => `${reading.label(path)} ${reading.text(value)}`);
  return el("p", "wish", `Wanted: ${items.join(", ")}`);
}

function about(thing) {
  const rows = [["Type", thing.type]];
  for (const { path, value } of reading.leaves(thing.metadata)) {
    rows.push([reading.label(path), reading.text(value)]);
  }
  if (thing.createdAt) rows.push(["Created", new Date(thing.createdAt).toLocaleString()]);
  const list = rows.map(([key, value]) =>
    el("div", "row", el("dt", "", key), el("dd", "row-value", value)),
  );
  return el("section", "card", el("h3", "", "About"), el("dl", "rows", ...list));
}
