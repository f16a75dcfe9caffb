// How a character is drawn: sampling.py in JavaScript. And a composer: a tune in the making, which keeps what it was
// at each of its characters, so that one can look back, and go on from any place.

/** Random numbers in [0, 1), the same for the same seed: mulberry32 (Ettinger 2017). */
function randomNumbers(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6D2B79F5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** softmax(logits / temperature). With temperature 0 all goes to the likeliest. */
function softmax(logits, temperature = 1) {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  if (temperature === 0) {
    const p = new Float64Array(logits.length);
    p[logits.indexOf(largest)] = 1;
    return p;
  }
  const p = logits.map((z) => Math.exp((z - largest) / temperature));
  const sum = p.reduce((a, b) => a + b);
  return p.map((value) => value / sum);
}

/** The probabilities to draw from: at this temperature, cut to the likeliest that together have top_p. */
function distribution(logits, { temperature, top_p }) {
  const p = softmax(logits, temperature);
  if (top_p >= 1) return p;
  const order = [...p.keys()].sort((a, b) => p[b] - p[a]);
  let before = 0;
  for (const k of order) {
    const likely = before < top_p || k === order[0];
    before += p[k];
    if (!likely) p[k] = 0;
  }
  const sum = p.reduce((a, b) => a + b);
  return p.map((value) => value / sum);
}

/** An index, with probability p[index]. */
function pick(p, uniform) {
  let sum = 0;
  const wanted = uniform * p.reduce((a, b) => a + b);
  return p.findIndex((value) => (sum += value) > wanted);
}

const HEADER_END = "K";  // the field that ends a header

/** A tune in the making. */
class Composer {
  /**
   * model: {network, characters, abc, order}; characters: a list. settings: {temperature, top_p, random_seed, seed, lines, length, hands};
   * lines: the header lines that are wanted, in the order of headers. variations: [{at, random_seed, temperature,
   * top_p}]: from the character `at` on other random numbers, drawn in another way. As in streams.py the network reads
   * what stands before a tune or a line, or else the seed alone.
   */
  constructor(model, settings, variations = []) {
    Object.assign(this, { model, settings, variations, text: "", steps: [], ended: "" });
    const { characters, abc } = model, line = characters.includes("\n") ? "\n" : characters[0];
    this.ids = new Map(characters.map((character, id) => [character, id]));
    this.draw(settings);
    this.lines = [...settings.lines];
    this.state = model.network.zero();
    if (!settings.seed) for (const character of abc ? "\n\n" : line) this.read(character);
    for (const character of settings.seed || (abc ? "X:" : "")) this.add(character, null);
  }

  /** From here on draw in this way. */
  draw({ random_seed, temperature, top_p }) {
    Object.assign(this, { random: randomNumbers(random_seed), how: { temperature, top_p } });
  }

  read(character) {
    const { state, logits } = this.model.network.step(this.ids.get(character), this.state, this.settings.hands);
    [this.state, this.logits] = [state, logits];
    return state;
  }

  /** Put a character to the text. p: the probabilities that it was drawn from; null where it was given. */
  add(character, p) {
    const before = this.logits ? softmax(this.logits) : null;
    const nats = before ? -Math.log(before[this.ids.get(character)]) : NaN;
    this.text += character;
    const state = this.read(character);
    const { logits, how } = this, left = this.lines.length;
    this.steps.push({ character, nats, given: p === null, state, logits, how, left });
  }

  /** Whether one can go on from the first `at` characters: what came next was drawn, or is still to come. */
  canVary(at) {
    return at > 0 && (at < this.steps.length ? !this.steps[at].given : !this.ended);
  }

  /** Go back to the first variation.at characters, and on from there in another way. */
  vary(variation) {
    const { at } = variation, { state, logits, left } = this.steps[at - 1];
    const steps = this.steps.slice(0, at), text = steps.map((step) => step.character).join("");
    Object.assign(this, { state, logits, ended: "", text, steps });
    this.lines = this.settings.lines.slice(this.settings.lines.length - left);
    this.variations = [...this.variations.filter((other) => other.at < at), variation];
  }

  /** Compose one character more; or a whole line of the header, if one that is wanted has its place here. */
  step() {
    if (this.ended) return;
    const variation = this.variations.find(({ at }) => at === this.steps.length);
    if (variation) this.draw(variation);
    const p = distribution(this.logits, this.how);
    const character = this.model.characters[pick(p, this.random())];
    if (this.lines.length && this.text.endsWith("\n") && this.placed(character)) {
      for (const wanted of this.lines.shift()) this.add(wanted, null);
    } else {
      this.add(character, p);
    }
    if (this.model.abc && this.text.endsWith("\n\n")) this.ended = "the tune is complete";
    else if (this.steps.length >= this.settings.length) this.ended = `${this.settings.length} characters are reached`;
  }

  /** Whether the next line that is wanted stands here, where the network would begin a line with this character. */
  placed(character) {
    const { order } = this.model, wanted = this.lines[0][0];
    const place = (name) => (order.includes(name) ? order.indexOf(name) : order.indexOf(HEADER_END) - 0.5);
    return character !== "%" && !(order.includes(character) && order.indexOf(character) < place(wanted));
  }
}
