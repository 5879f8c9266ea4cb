// The browser's copy of the Things, kept exact by the public WebSocket (docs/protocol/ws.md).
// No DOM and no socket here: messages go in, the ids of what changed come out.

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// RFC 7396. Makes new containers and never touches the old ones. They have no prototype, so a
// property that is named "__proto__" or "constructor" is a property like any other.
export function merge(target, patch) {
  if (!isObject(patch)) return patch;
  const result = isObject(target) ? { __proto__: null, ...target } : { __proto__: null };
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete result[key];
    else result[key] = isObject(value) ? merge(result[key], value) : value;
  }
  return result;
}

export class Mirror {
  constructor() {
    this.things = new Map();
    this.epoch = "";
    this.seq = 0;
    this.events = 0; // changes, each that a conflated event stands for included
    this.dropped = 0; // not newer than what is here
    this.incoming = null; // the Things of a snapshot that is not complete yet
  }

  // What changed: a list of ids, or null when everything may have (a snapshot is complete).
  take(message) {
    switch (message.event) {
      case "Subscribed":
        this.epoch = message.epoch;
        this.seq = message.seq;
        this.incoming = new Map();
        return [];
      case "Snapshot":
        return this.#snapshot(message);
      case "Heartbeat":
        this.seq = message.seq;
        return [];
      case "ThingCreated":
      case "ThingUpdated":
      case "ThingDeleted":
      case "StateChanged":
      case "DesiredStateChanged":
      case "FeatureDeleted":
        return this.#change(message);
      default:
        return [];
    }
  }

  #snapshot(message) {
    const incoming = this.incoming ?? new Map();
    for (const thing of message.things) incoming.set(thing.id, thing);
    if (!message.last) {
      this.incoming = incoming;
      return [];
    }
    // Only now: until a new snapshot is whole, the old picture is better than half of the new.
    this.things = incoming;
    this.incoming = null;
    this.epoch = message.epoch;
    this.seq = Math.max(this.seq, message.seq);
    return null;
  }

  #change(message) {
    const id = message.thingId;
    const old = this.things.get(id);
    this.seq = message.seq;
    this.events += message.conflated || 1;
    if (old && message.version <= old.version) {
      this.dropped += 1;
      return [];
    }
    if (message.event === "ThingDeleted") this.things.delete(id);
    else this.things.set(id, changed(old, message));
    return [id];
  }
}

function changed(old, message) {
  const { version, timestamp } = message;
  if (message.event === "ThingCreated") return message.thing;
  const thing = old ?? { id: message.thingId, type: "unknown", metadata: {}, features: {} };
  const next = { ...thing, version, lastUpdated: timestamp };
  if (message.event === "ThingUpdated") {
    return { ...merge(next, message.changed), version, lastUpdated: timestamp };
  }
  next.features = { __proto__: null, ...thing.features };
  if (message.event === "FeatureDeleted") {
    delete next.features[message.feature];
    return next;
  }
  const feature = next.features[message.feature] ?? {};
  const part = message.event === "StateChanged" ? "properties" : "desiredState";
  next.features[message.feature] = {
    ...feature,
    [part]: merge(message.conflated ? {} : feature[part], message[part]),
    lastUpdated: timestamp,
  };
  return next;
}
