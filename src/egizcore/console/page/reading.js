// What a Thing means to a person who looks at it. Knows no type: features and properties are read
// by their names and shapes, so a machine that nobody foresaw shows sensibly too.

const ASIDE = new Set(["electrical", "energy", "status", "business_context"]);
const NO_MEASURE = /(^|_)(setpoint|total|count|factor|id)$/;
const UNITS = [
  [/(^|_)rpm$/, "rpm"],
  [/(^|_)nm$/, "N·m"],
  [/_m_min$/, "m/min"],
  [/_per_minute$/, "/min"],
  [/_kwh$/, "kWh"],
  [/_kw$/, "kW"],
  [/(_w|_watts)$/, "W"],
  [/(_percent|humidity)/, "%"],
  [/(temperature|^temp$|_temp$|_c$|setpoint)/, "°C"],
  [/^voltage/, "V"],
  [/^current(\.|$)/, "A"],
  [/_bar$/, "bar"],
  [/_hpa$/, "hPa"],
  [/_ms$/, "ms"],
  [/_s$/, "s"],
];
const UNIT_WORDS = /_(rpm|nm|m_min|per_minute|kwh|kw|w|percent|bar|hpa|ms)$/;

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isNumbers = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "number");

// Each value with its path, in the order of the document; a list of numbers is spread out:
// [{path: "voltage.a", keys: ["voltage", "a"], value: 221}, ...].
export function leaves(properties, keys = []) {
  const rows = [];
  for (const [key, value] of Object.entries(properties ?? {})) {
    const here = [...keys, key];
    if (isObject(value)) rows.push(...leaves(value, here));
    else if (isNumbers(value)) value.forEach((item, i) => rows.push(leaf([...here, i], item)));
    else rows.push(leaf(here, value));
  }
  return rows;
}

const leaf = (keys, value) => ({ path: keys.join("."), keys, value });

export function unit(path) {
  const name = path.replace(/\.\d+$/, "");
  return UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? "";
}

// "temperature_zones.0" is "Temperature zones 1", "speed_rpm" is "Speed".
export function label(path) {
  const words = path
    .replace(/\.(\d+)$/, (_, index) => ` ${Number(index) + 1}`)
    .replace(UNIT_WORDS, "")
    .replace(/[._]+/g, " ")
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const formats = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }),
);
const steady = [0, 1, 2].map(
  (digits) =>
    new Intl.NumberFormat(undefined, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }),
);

export function text(value) {
  if (typeof value === "number") {
    return Number.isInteger(value) ? formats[0].format(value) : formats[2].format(value);
  }
  if (typeof value === "string") return value;
  return JSON.stringify(value) ?? "";
}

// A measured value keeps its number of digits, so that a live figure does not dance.
export function measure(value) {
  const size = Math.abs(value);
  return steady[size >= 1000 ? 0 : size >= 10 ? 1 : 2].format(value);
}

export const name = (thing) =>
  typeof thing.metadata?.name === "string" && thing.metadata.name !== ""
    ? thing.metadata.name
    : thing.id.slice(thing.id.indexOf(":") + 1);

export const place = (thing) =>
  typeof thing.metadata?.location === "string" ? thing.metadata.location : "";

export function state(thing) {
  const value = thing.features?.status?.properties?.operational_state;
  return typeof value === "string" ? value : "";
}

export function fault(thing) {
  const value = thing.features?.status?.properties?.fault;
  return typeof value === "string" && value !== "none" ? value : "";
}

export const anomaly = (thing) =>
  Object.values(thing.features ?? {}).some((feature) => feature.properties?.anomaly === true);

// Kilowatts: as reported, else from volts, amperes and power factor; null when neither is known.
export function power(thing) {
  for (const feature of Object.values(thing.features ?? {})) {
    if (typeof feature.properties?.power_kw === "number") return feature.properties.power_kw;
  }
  const { voltage, current, power_factor: factor = 1 } =
    thing.features?.electrical?.properties ?? {};
  if (!isObject(voltage) || !isObject(current)) return null;
  let watts = 0;
  for (const phase of Object.keys(voltage)) watts += voltage[phase] * (current[phase] ?? 0);
  return Number.isFinite(watts * factor) ? (watts * factor) / 1000 : null;
}

// Which of a Thing's values stand for it, most telling first: [{feature, path, keys, many}]. Mains
// and bookkeeping stand for a Thing only when it has nothing else.
export function measures(thing) {
  const found = [];
  for (const [feature, { properties }] of Object.entries(thing.features ?? {})) {
    for (const [path, value] of Object.entries(properties ?? {})) {
      if (isNumbers(value)) found.push({ feature, path, keys: [path], many: true });
    }
    for (const { path, keys, value } of leaves(properties)) {
      const single = typeof value === "number" && typeof keys.at(-1) === "string";
      if (single && !NO_MEASURE.test(path)) found.push({ feature, path, keys, many: false });
    }
  }
  const telling = found.filter(({ feature }) => !ASIDE.has(feature));
  return (telling.length ? telling : found).sort((a, b) => Number(b.many) - Number(a.many));
}

export function valueAt(thing, { feature, keys }) {
  let value = thing.features?.[feature]?.properties;
  for (const key of keys) {
    value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return value;
}

// The setpoint that belongs to a value: "humidity_setpoint" for "humidity_percent", else the
// feature's own "setpoint" for a temperature.
export function target(thing, { feature, path }) {
  const properties = thing.features?.[feature]?.properties ?? {};
  const own = properties[`${path.replace(UNIT_WORDS, "")}_setpoint`];
  const shared = unit(path) === "°C" || path === "value" ? properties.setpoint : undefined;
  const value = own ?? shared;
  return typeof value === "number" ? value : null;
}

export const mean = (numbers) => numbers.reduce((sum, item) => sum + item, 0) / numbers.length;

// How the wall speaks of a state: tone is a colour, and the word is always there with it.
const TONES = {
  running: "good",
  ok: "good",
  online: "good",
  heating: "warm",
  cooling: "warm",
  starting: "warm",
  degraded: "warm",
  fault: "bad",
  error: "bad",
  failed: "bad",
};

export const tone = (word, isAnomaly) => (isAnomaly ? "bad" : (TONES[word] ?? "calm"));

export function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
