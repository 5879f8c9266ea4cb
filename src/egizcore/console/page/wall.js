// The wall of tiles: groups in order, tiles in order, and only what is seen is drawn.

import { attribute, el, put } from "./element.js";
import * as reading from "./reading.js";
import { Tile } from "./tile.js";

const order = new Intl.Collator(undefined, { numeric: true }).compare;
const GROUPS = {
  line: (thing) => reading.place(thing) || "No location",
  type: (thing) => thing.type,
};
// Dough goes this way through a line; types that a bakery does not have come after, by name.
const STAGES = ["line", "mixer", "proofer", "oven", "conveyor"];
const stage = ({ thing }) => (STAGES.indexOf(thing.type) + STAGES.length + 1) % (STAGES.length + 1);
const FULL = 60; // more Things than this begin with the small tiles

export class Wall {
  #root;
  #entries;
  #sections = new Map(); // group -> {section, grid, title, note, ids}
  #watcher;
  #colours = null;
  #query = "";
  #onlyAnomalies = false;
  #group = "line";
  #density = "";
  #selected = "";

  constructor(root, entries, onOpen) {
    this.#root = root;
    this.#entries = entries;
    // Tiles just outside of the window are drawn too, so that scrolling shows no blanks.
    this.#watcher = new IntersectionObserver((seen) => this.#see(seen), { rootMargin: "200px" });
    root.addEventListener("click", (event) => {
      const tile = event.target.closest(".tile");
      if (tile) onOpen(tile.dataset.id, tile);
    });
    root.addEventListener("keydown", (event) => this.#steer(event));
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.repaint());
  }

  set query(text) {
    this.#query = text.trim().toLowerCase();
    this.arrange();
  }

  set onlyAnomalies(flag) {
    this.#onlyAnomalies = flag;
    this.arrange();
  }

  set group(name) {
    this.#group = name;
    this.arrange();
  }

  set density(name) {
    this.#density = name;
    this.arrange();
  }

  get density() {
    return this.#root.dataset.density;
  }

  get filtered() {
    return this.#query !== "" || this.#onlyAnomalies;
  }

  // Who stands where: for a new set of Things or a new question, not for new values.
  arrange() {
    const groups = new Map();
    for (const entry of this.#entries.values()) {
      if (!this.#wanted(entry)) continue;
      const group = GROUPS[this.#group](entry.thing);
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(entry);
    }
    for (const [group, { section }] of this.#sections) {
      if (!groups.has(group)) {
        section.remove();
        this.#sections.delete(group);
      }
    }
    const names = [...groups.keys()].sort(order);
    names.forEach((group, at) => this.#place(group, groups.get(group), at));
    const density = this.#density || (this.#entries.size > FULL ? "compact" : "full");
    this.#root.dataset.density = density;
    this.repaint();
  }

  // New values of these Things.
  render(ids) {
    const anomalies = this.#onlyAnomalies;
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry?.visible) this.#draw(entry);
      if (entry && anomalies && !entry.anomaly === Boolean(entry.cell?.isConnected)) {
        this.arrange();
        return;
      }
    }
  }

  repaint() {
    this.#colours = palette();
    for (const entry of this.#entries.values()) if (entry.visible) this.#draw(entry);
  }

  // The counts in the headings; once a second is enough.
  tally() {
    for (const { note, entries } of this.#sections.values()) {
      const bad = entries.filter((entry) => entry.anomaly).length;
      put(note, `${entries.length}${bad ? ` · ${bad} need${bad === 1 ? "s" : ""} attention` : ""}`);
      note.classList.toggle("bad", bad > 0);
    }
  }

  forget(entry) {
    if (!entry.cell) return;
    this.#watcher.unobserve(entry.cell);
    entry.cell.remove();
  }

  // The Thing whose details are open; its tile may be drawn only later.
  select(id) {
    const before = this.#entries.get(this.#selected);
    this.#selected = id;
    if (before?.tile) this.#draw(before);
    const entry = this.#entries.get(id);
    if (entry?.tile) this.#draw(entry);
  }

  #wanted({ thing, anomaly, state }) {
    if (this.#onlyAnomalies && !anomaly) return false;
    if (!this.#query) return true;
    const context = thing.features?.business_context?.properties ?? {};
    const words = [thing.id, thing.type, state, reading.name(thing), reading.place(thing)];
    words.push(context.recipe ?? "", context.current_batch ?? "");
    return words.join(" ").toLowerCase().includes(this.#query);
  }

  #place(group, entries, at) {
    let held = this.#sections.get(group);
    if (!held) {
      held = this.#section(group);
      this.#sections.set(group, held);
    }
    if (this.#root.children[at] !== held.section) {
      this.#root.insertBefore(held.section, this.#root.children[at] ?? null);
    }
    held.entries = entries.sort(
      (a, b) =>
        stage(a) - stage(b) ||
        order(a.thing.type, b.thing.type) ||
        order(a.thing.id, b.thing.id),
    );
    const cells = held.entries.map((entry) => this.#cell(entry));
    const same =
      held.grid.children.length === cells.length &&
      cells.every((cell, i) => held.grid.children[i] === cell);
    if (!same) held.grid.replaceChildren(...cells);
  }

  #section(group) {
    const note = el("span", "group-note");
    const title = el("h2", "group-title", el("span", "", group.replaceAll("-", " ")), note);
    const grid = el("ul", "grid");
    grid.setAttribute("role", "list");
    return { section: el("section", "group", title, grid), grid, note, entries: [] };
  }

  #cell(entry) {
    if (!entry.cell) {
      entry.cell = el("li", "cell");
      entry.cell.entry = entry;
      this.#watcher.observe(entry.cell);
    }
    return entry.cell;
  }

  #see(seen) {
    for (const { target, isIntersecting } of seen) {
      const { entry } = target;
      entry.visible = isIntersecting;
      if (isIntersecting) this.#draw(entry);
    }
  }

  #draw(entry) {
    this.#colours ??= palette();
    if (!entry.tile) {
      entry.tile = new Tile(entry);
      entry.cell.append(entry.tile.button);
    }
    entry.tile.render(entry, this.#colours);
    attribute(entry.tile.button, "aria-current", String(entry.thing.id === this.#selected));
  }

  // Arrow keys walk the tiles as they stand on the screen.
  #steer(event) {
    const here = event.target.closest?.(".cell");
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!here || !step) return;
    const cells = [...this.#root.querySelectorAll(".cell")];
    const vertical = event.key === "ArrowDown" || event.key === "ArrowUp";
    let at = cells.indexOf(here) + step;
    if (vertical) {
      const { left, top } = here.getBoundingClientRect();
      while (cells[at]) {
        const box = cells[at].getBoundingClientRect();
        if (box.top !== top && Math.abs(box.left - left) < box.width / 2) break;
        at += step;
      }
    }
    if (!cells[at]) return;
    event.preventDefault();
    cells[at].scrollIntoView({ block: "nearest" });
    if (!cells[at].entry.tile) this.#draw(cells[at].entry);
    cells[at].entry.tile.button.focus();
  }
}

function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (key) => style.getPropertyValue(key).trim();
  return {
    spark: { line: colour("--accent"), fill: colour("--accent-soft") },
    bad: { line: colour("--bad"), fill: colour("--bad-soft") },
  };
}
