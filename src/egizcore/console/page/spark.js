// The last minutes of one value: a ring of samples, and how it is drawn on a canvas.

const SAMPLES = 90;

export class Trail {
  #values = new Float32Array(SAMPLES);
  #next = 0;
  #last = -Infinity;
  length = 0;

  // At most one sample a second, or the ring would cover a different time for each Thing.
  add(value, now) {
    if (now - this.#last < 950) return;
    this.#last = now;
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % SAMPLES;
    this.length = Math.min(SAMPLES, this.length + 1);
  }

  at(index) {
    return this.#values[(this.#next - this.length + index + SAMPLES) % SAMPLES];
  }

  // The least span keeps a sensor's noise from looking like a mountain range.
  range() {
    let low = Infinity;
    let high = -Infinity;
    for (let i = 0; i < this.length; i += 1) {
      low = Math.min(low, this.at(i));
      high = Math.max(high, this.at(i));
    }
    const least = Math.max(Math.abs(high) * 0.08, 1e-6);
    const spare = Math.max(0, least - (high - low)) / 2;
    return [low - spare, high + spare];
  }
}

export function draw(canvas, trail, { line, fill }) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  if (width === 0 || trail.length < 2) return;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  const [low, high] = trail.range();
  const edge = 2 * ratio;
  const x = (i) => width - ((trail.length - 1 - i) / (SAMPLES - 1)) * width;
  const y = (value) => height - edge - ((value - low) / (high - low)) * (height - 2 * edge);
  context.clearRect(0, 0, width, height);
  context.beginPath();
  for (let i = 0; i < trail.length; i += 1) context.lineTo(x(i) - edge, y(trail.at(i)));
  context.lineWidth = 1.5 * ratio;
  context.lineJoin = "round";
  context.strokeStyle = line;
  context.stroke();
  context.lineTo(x(trail.length - 1) - edge, height);
  context.lineTo(x(0) - edge, height);
  context.fillStyle = fill;
  context.fill();
}
