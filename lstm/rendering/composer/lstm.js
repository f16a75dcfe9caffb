// The network, one character after another: id -> embedding -> L x LSTM -> dense -> logits of the next character.
// cell.py in JavaScript: the same names, and the same equations in the same order. Its docstring explains them.
// H hidden units; the four gates stand side by side in the order i f g o, 4H wide.

function sigmoid(x) {
  return 0.5 * Math.tanh(0.5 * x) + 0.5;
}

/**
 * x (N,) times whole numbers W (N, K): (K,). What is added is rounded to float32 each time. Nearly all the time goes
 * here; fast.js has the same, bit by bit, for a processor's wide instructions.
 */
function product(x, W, K) {
  const z = new Float32Array(K);
  for (let n = 0; n < x.length; n++) {
    for (let k = 0; k < K; k++) z[k] += Math.fround(x[n] * W[n * K + k]);
  }
  return z;
}

/** out (K,) = b (K,) + x (N,) times a matrix (N, K), which is whole numbers, each times the scale (K,) of its column. */
function affine(out, b, x, { whole, scales }, multiply) {
  const z = multiply(x, whole, out.length);
  for (let k = 0; k < out.length; k++) out[k] = b[k] + scales[k] * z[k];
  return out;
}

/** One LSTM layer. */
class Layer {
  constructor({ kernel, recurrent_kernel, bias }, multiply) {
    this.W = kernel;  // (E or H, 4H)
    this.U = recurrent_kernel;  // (H, 4H)
    this.b = bias;  // (4H,)
    this.H = bias.length / 4;
    this.multiply = multiply;
  }

  zero() {
    return { h: new Float32Array(this.H), c: new Float32Array(this.H) };
  }

  /** The inputs' share of (1), x W + b: (4H,). */
  inputs(x) {
    return affine(new Float32Array(4 * this.H), this.b, x, this.W, this.multiply);
  }

  /**
   * One step: x_t W + b and {h, c} of the step before -> {i, f, g, o, c, h} of this one, (H,) each.
   * hand: {bias, cells, silent}: what is added to the forget gates before activation, the cells that are held at a
   * value, {unit: value}, and the units whose h is 0.
   */
  step(inputs, before, { bias = 0, cells = {}, silent = [] } = {}) {
    const { U, H, multiply } = this;
    const [i, f, g, o, c, h] = Array.from({ length: 6 }, () => new Float32Array(H));
    const z = affine(new Float32Array(4 * H), inputs, before.h, U, multiply);  // (1)  z_t = x_t W + b + h_{t-1} U
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

/**
 * The whole network. arrays: those of `unpacked`, with the names of a weights file, such as "lstm_1/kernel". multiply:
 * how a product is made.
 */
class Network {
  constructor(arrays, { V, E, H, L }, multiply = product) {
    Object.assign(this, { V, E, H, L, multiply });
    this.embedding = arrays["embedding/embedding"];  // (V, E)
    this.layers = Array.from({ length: L }, (_, l) => new Layer({
      kernel: arrays[`lstm_${l + 1}/kernel`],
      recurrent_kernel: arrays[`lstm_${l + 1}/recurrent_kernel`],
      bias: arrays[`lstm_${l + 1}/bias`],
    }, multiply));
    this.table = new Array(V);  // the inputs' share of (1) in layer 1, which reads only V different inputs
    this.dense = { kernel: arrays["dense/kernel"], bias: arrays["dense/bias"] };  // (H, V), (V,)
  }

  zero() {
    return this.layers.map((layer) => layer.zero());
  }

  /** What layer 1 reads of a character, made when it is read first. */
  inputs(id) {
    const { whole, scales } = this.embedding;
    const row = () => scales.map((scale, k) => scale * whole[id * this.E + k]);
    return this.table[id] ??= this.layers[0].inputs(row());
  }

  /** Read one character. state: what the layers had before. hands: one for each layer, or none; see Layer.step. */
  step(id, state, hands = []) {
    const after = [];
    this.layers.forEach((layer, l) => {
      after.push(layer.step(l ? layer.inputs(after[l - 1].h) : this.inputs(id), state[l], hands[l]));
    });
    const { kernel, bias } = this.dense;
    return { state: after, logits: affine(new Float64Array(this.V), bias, after.at(-1).h, kernel, this.multiply) };
  }
}

/**
 * The arrays that the bytes hold, {name: {whole, scales} or a bias}. bytes: 8 bits a weight, array by array: the scales of
 * its columns, then its rows; of a bias the scales are the numbers. See packed in page.py.
 */
function unpacked(bytes, shapes) {
  const arrays = {};
  let at = 0;
  for (const [name, [rows, columns]] of shapes) {
    const scales = new Float32Array(bytes.slice(at, at += 4 * columns).buffer);
    const whole = new Int8Array(bytes.buffer, bytes.byteOffset + at, rows * columns);
    at += whole.length;
    arrays[name] = rows ? { whole, scales } : scales;
  }
  return arrays;
}
