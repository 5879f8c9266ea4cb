// DOM without markup: every text goes in as text, so no Thing can bring an element along.

export function el(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

// Write only what differs: an untouched node costs no layout.
export function put(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

export function attribute(node, key, value) {
  if (node.getAttribute(key) !== value) node.setAttribute(key, value);
}

const ICONS = {
  oven: "M4 4h16v16H4zM4 9h16M7 6.5h.01M10 6.5h.01M8 17v-4h8v4",
  mixer: "M12 3v7M9 10h6l-1 5h-4zM5 13c0 5 3 8 7 8s7-3 7-8M6 3h12",
  proofer: "M12 3s6 6.6 6 11a6 6 0 0 1-12 0c0-4.4 6-11 6-11M9.5 15a2.5 2.5 0 0 0 2.5 2.5",
  conveyor: "M6 13h12a3.5 3.5 0 0 1 0 7H6a3.5 3.5 0 0 1 0-7M7 16.5h.01M17 16.5h.01M8 13V6h7v7",
  line: "M3 20V10l6 4v-4l6 4V5h6v15zM7 20v-3M12 20v-3M17 20v-3",
};
const CUBE = "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5";
const SVG = "http://www.w3.org/2000/svg";

export function icon(type) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", Object.hasOwn(ICONS, type) ? ICONS[type] : CUBE);
  svg.append(path);
  return svg;
}
