// What is seen of the network's memory while it composes.

const STRIPS = ["i", "f", "g", "o", "c", "h"];

/**
 * A value from -strongest to strongest as a colour: blue, over the page's paper, to orange, which colour-blind eyes tell
 * apart. most: how opaque the strongest is, from 0 to 1.
 */
function colour(value, strongest = 1, most = 1) {
  const share = most * Math.min(1, Math.abs(value) / strongest);
  return value < 0 ? `rgb(0 114 178 / ${share})` : `rgb(230 159 0 / ${share})`;
}

/** A canvas made as large as it is shown, in the screen's own dots; its context, in CSS pixels. */
function canvasOf(canvas, height) {
  const width = canvas.clientWidth, dots = Math.min(2, window.devicePixelRatio || 1);
  if (canvas.width !== Math.round(width * dots) || canvas.height !== Math.round(height * dots)) {
    canvas.width = Math.round(width * dots);
    canvas.height = Math.round(height * dots);
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(dots, 0, 0, dots, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height, ink: getComputedStyle(canvas).color };
}

/** The tune as a piano roll: time to the right, pitch upwards, bars as lines; beat: where the playhead is. */
function drawRoll(canvas, { notes, bars }, beat) {
  const { context, width, height, ink } = canvasOf(canvas, 180);
  if (!notes.length) return;
  const pitches = notes.map((note) => note.pitch), low = Math.min(...pitches) - 1, high = Math.max(...pitches) + 1;
  const shown = Math.max(8, width / 28);  // beats, so that an eighth is wide enough to be seen
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;  // then page after page, and nothing glides
  const from = still ? Math.floor(beat / shown) * shown : Math.max(0, beat - shown * 0.4);
  const x = (at) => (at - from) * width / shown, y = (pitch) => 10 + (high - pitch) * (height - 20) / (high - low);
  context.fillStyle = ink;
  context.globalAlpha = 0.25;
  for (const bar of bars) context.fillRect(x(bar), 0, 1, height);
  context.globalAlpha = 1;
  const tall = Math.max(2, (height - 20) / (high - low) - 1);
  for (const note of notes) {
    if (note.end < from || note.start > from + shown) continue;
    context.fillStyle = note.start <= beat && beat < note.end ? "rgb(230 159 0)" : "rgb(0 114 178)";
    const wide = Math.max(1.5, (note.end - note.start) * width / shown - 1);
    context.fillRect(x(note.start), y(note.pitch) - tall / 2, wide, tall);
  }
  context.fillStyle = ink;
  context.fillRect(x(beat), 0, 2, height);
}

/** The gates i f g o, c and h of one unit, as strips over the text around the character `at`. */
function drawStrips(canvas, steps, layer, unit, at) {
  const { context, width, height, ink } = canvasOf(canvas, 172);
  const left = 34, wide = 14;
  const count = Math.floor((width - left) / wide), first = Math.max(0, Math.min(at - (count >> 1), steps.length - count));
  const tall = (height - 20) / STRIPS.length;
  context.font = "12px system-ui, sans-serif";
  STRIPS.forEach((name, row) => {
    context.fillStyle = ink;
    context.fillText(name, 10, 20 + row * tall + tall / 2 + 4);
    for (let n = first; n < Math.min(first + count, steps.length); n++) {
      context.fillStyle = colour(steps[n].state[layer][name][unit]);
      context.fillRect(left + (n - first) * wide, 20 + row * tall, wide - 1, tall - 2);
    }
  });
  context.font = "13px ui-monospace, Menlo, Consolas, monospace";
  for (let n = first; n < Math.min(first + count, steps.length); n++) {
    context.fillStyle = ink;
    const character = steps[n].character === "\n" ? "↵" : steps[n].character;
    context.fillText(character, left + (n - first) * wide + 3, 13);
    if (n === at) context.fillRect(left + (n - first) * wide, 16, wide - 1, 2);
  }
}

// From white to blue, as the numbers that a picture's memory holds.
const SHADES = new Uint32Array(Uint8ClampedArray.from({ length: 1024 }, (_, n) => {
  const share = (n >> 2) / 255;
  return [255 - 255 * share, 255 - 141 * share, 255 - 77 * share, 255][n % 4];
}).buffer);

/** How alike the state is at any two characters: the cosine, as a square picture. It grows with the text. */
class Similarity {
  constructor() {
    this.clear();
  }

  clear() {
    Object.assign(this, { rows: [], units: [], of: "", size: 0, drawn: 0 });
  }

  /** Take in the steps that are new, for `most` milliseconds; true if all are in. of: "layer name", such as "0 h". */
  add(steps, layer, name, most = 10) {
    if (this.of !== `${layer} ${name}`) this.clear();
    this.of = `${layer} ${name}`;
    const began = performance.now();
    while (this.rows.length < steps.length) {
      if (performance.now() - began > most) return false;
      const vector = steps[this.rows.length].state[layer][name];
      let norm = 0;
      for (const value of vector) norm += value * value;
      const unit = vector.map((value) => value / Math.sqrt(norm || 1));
      this.units.push(unit);
      this.rows.push(Float32Array.from(this.units, (other) => {
        let sum = 0;
        for (let j = 0; j < unit.length; j++) sum += unit[j] * other[j];
        return sum;
      }));
    }
    return true;
  }

  /** Draw it, the place `at` marked. Only what is new is painted: of a long text that would be millions of dots. */
  draw(canvas, at) {
    const n = this.rows.length;
    if (n > this.size) {
      [this.size, this.drawn] = [2 ** Math.ceil(Math.log2(Math.max(n, 256))), 0];
      this.picture = new ImageData(this.size, this.size);
    }
    const dots = new Uint32Array(this.picture.data.buffer);
    for (; this.drawn < n; this.drawn++) {
      const y = this.drawn;
      this.rows[y].forEach((cosine, x) => {
        dots[y * this.size + x] = dots[x * this.size + y] = SHADES[Math.max(0, Math.round(cosine * 255))];
      });
    }
    canvas.width = canvas.height = Math.max(1, n);
    const context = canvas.getContext("2d");
    context.putImageData(this.picture, 0, 0);
    context.fillStyle = "rgb(230 159 0 / 0.8)";
    context.fillRect(at, 0, 1, n);
    context.fillRect(0, at, n, 1);
  }
}

/** The units whose cells go most with a question about each character: [{layer, unit, r}], by Pearson's r. */
function responding(steps, asked, count = 10) {
  const n = steps.length, mean = asked.reduce((a, b) => a + b, 0) / n;
  const spread = Math.sqrt(asked.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  const found = [];
  if (!spread) return found;
  steps[0].state.forEach(({ c }, layer) => {
    for (let unit = 0; unit < c.length; unit++) {
      let sum = 0, squares = 0, both = 0;
      for (let t = 0; t < n; t++) {
        const value = steps[t].state[layer].c[unit];
        sum += value;
        squares += value * value;
        both += value * (asked[t] - mean);
      }
      const own = Math.sqrt(squares - sum * sum / n);
      if (own > 1e-6) found.push({ layer, unit, r: both / (own * spread) });
    }
  });
  return found.sort((a, b) => Math.abs(b.r) - Math.abs(a.r)).slice(0, count);
}

/** For each character 1 or 0: whether it is what is asked for. */
const QUESTIONS = {
  "bar lines": (text) => [...text].map((character) => Number(character === "|")),
  "the header": (text) => {
    const music = text.search(/(?<=\nK:[^\n]*\n)/);
    return [...text].map((_, n) => Number(music < 0 || n < music));
  },
  "a phrase that returns": (text) => {
    const returns = new Array(text.length).fill(0), seen = new Map();
    for (let n = 0; n + 8 <= text.length; n++) {
      const phrase = text.slice(n, n + 8);
      if (seen.has(phrase)) returns.fill(1, n, n + 8);
      else seen.set(phrase, n);
    }
    return returns;
  },
  "what is selected": (text, [from, to]) => [...text].map((_, n) => Number(from <= n && n < to)),
};
