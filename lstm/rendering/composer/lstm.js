// The network, one character after another: id -> embedding -> L x LSTM -> dense -> logits of the next character.
// cell.py in JavaScript: the same names, and the same equations in the same order. Its docstring explains them.
// H hidden units; the four gates stand side by side in the order i f g o, 4H wide.

function sigmoid(x) {
  return 0.5 * Math.tanh(0.5 * x) + 0.5;
}

/** z (K,) += x (N,) times W (N, K). Eight rows of W at once: so each z is fetched and stored an eighth as often. */
function addProduct(z, x, W) {
  const K = z.length, N = x.length;
  let n = 0;
  for (; n + 7 < N; n += 8) {
    const a = n * K, b = a + K, c = b + K, d = c + K, e = d + K, f = e + K, g = f + K, h = g + K;
    const xa = x[n], xb = x[n + 1], xc = x[n + 2], xd = x[n + 3];
    const xe = x[n + 4], xf = x[n + 5], xg = x[n + 6], xh = x[n + 7];
    for (let k = 0; k < K; k++) {
      z[k] += xa * W[a + k] + xb * W[b + k] + xc * W[c + k] + xd * W[d + k]
        + xe * W[e + k] + xf * W[f + k] + xg * W[g + k] + xh * W[h + k];
    }
  }
  for (; n < N; n++) {
    for (let k = 0; k < K; k++) z[k] += x[n] * W[n * K + k];
  }
}

/** One LSTM layer. */
class Layer {
  constructor({ kernel, recurrent_kernel, bias }) {
    this.W = kernel;  // (E or H, 4H)
    this.U = recurrent_kernel;  // (H, 4H)
    this.b = bias;  // (4H,)
    this.H = bias.length / 4;
    this.z = new Float64Array(bias.length);
  }

  zero() {
    return { h: new Float64Array(this.H), c: new Float64Array(this.H) };
  }

  /** The inputs' share of (1), x W + b: (4H,). */
  inputs(x) {
    const z = Float64Array.from(this.b);
    addProduct(z, x, this.W);
    return z;
  }

  /**
   * One step: x_t W + b and {h, c} of the step before -> {i, f, g, o, c, h} of this one, (H,) each.
   * hand: {bias, cells, silent}: what is added to the forget gates before activation, the cells that are held at a
   * value, {unit: value}, and the units whose h is 0.
   */
  step(inputs, before, { bias = 0, cells = {}, silent = [] } = {}) {
    const { U, H, z } = this;
    const [i, f, g, o, c, h] = Array.from({ length: 6 }, () => new Float64Array(H));
    z.set(inputs);
    addProduct(z, before.h, U);                        // (1)  z_t = x_t W + h_{t-1} U + b
    for (let j = 0; j < H; j++) {
      i[j] = sigmoid(z[j]);                            // (2)
      f[j] = sigmoid(z[H + j] + bias);                 // (3)
      g[j] = Math.tanh(z[2 * H + j]);                  // (4)
      o[j] = sigmoid(z[3 * H + j]);                    // (5)
      c[j] = f[j] * before.c[j] + i[j] * g[j];         // (6)
    }
    for (const [unit, value] of Object.entries(cells)) c[unit] = value;
    for (let j = 0; j < H; j++) h[j] = o[j] * Math.tanh(c[j]);  // (7)
    for (const unit of silent) h[unit] = 0;
    return { i, f, g, o, c, h };
  }
}

/** The whole network. arrays: {name: numbers} with the names of a weights file, such as "lstm_1/kernel". */
class Network {
  constructor(arrays, { V, E, H, L }) {
    Object.assign(this, { V, E, H, L });
    this.embedding = arrays["embedding/embedding"];  // (V, E)
    this.layers = Array.from({ length: L }, (_, l) => new Layer({
      kernel: arrays[`lstm_${l + 1}/kernel`],
      recurrent_kernel: arrays[`lstm_${l + 1}/recurrent_kernel`],
      bias: arrays[`lstm_${l + 1}/bias`],
    }));
    this.table = new Array(V);  // the inputs' share of (1) in layer 1, which reads only V different inputs
    this.dense = { kernel: arrays["dense/kernel"], bias: arrays["dense/bias"] };  // (H, V), (V,)
  }

  zero() {
    return this.layers.map((layer) => layer.zero());
  }

  /** What layer 1 reads of a character, made when it is read first. */
  inputs(id) {
    const row = () => Float64Array.from(this.embedding.subarray(id * this.E, (id + 1) * this.E));
    return this.table[id] ??= this.layers[0].inputs(row());
  }

  /** Read one character. state: what the layers had before. hands: one for each layer, or none; see Layer.step. */
  step(id, state, hands = []) {
    const after = [];
    this.layers.forEach((layer, l) => {
      after.push(layer.step(l ? layer.inputs(after[l - 1].h) : this.inputs(id), state[l], hands[l]));
    });
    const logits = Float64Array.from(this.dense.bias);
    addProduct(logits, after.at(-1).h, this.dense.kernel);
    return { state: after, logits };
  }
}

/** Whole numbers (N K,) times the scales (K,) of their columns. */
function scaled(whole, scales) {
  const K = scales.length, numbers = new Float32Array(whole.length);
  for (let at = 0; at < whole.length; at += K) {
    for (let k = 0; k < K; k++) numbers[at + k] = whole[at + k] * scales[k];
  }
  return numbers;
}

/**
 * Weights as numbers again, [name, numbers] one after another. bytes: 8 bits a weight, array by array: the scales of its
 * columns, then its rows; of a bias the scales are the numbers. See packed in page.py.
 */
function* unpacked(bytes, shapes) {
  let at = 0;
  for (const [name, [rows, columns]] of shapes) {
    const scales = new Float32Array(bytes.slice(at, at += 4 * columns).buffer);
    const whole = new Int8Array(bytes.buffer, bytes.byteOffset + at, rows * columns);
    at += whole.length;
    yield [name, rows ? scaled(whole, scales) : scales];
  }
}
