// The product of lstm.js in WebAssembly, where one instruction takes four numbers: about fifteen times as fast. Each sum
// is made in the same order, so that the bits are the same. The program is written here instruction by instruction, as
// its stack machine takes them: what is worked with first, then what is done. The browser compiles it while it loads.

/** A number without sign as WebAssembly writes it (LEB128): seven bits a byte, and one that says whether more come. */
function leb(number) {
  return number < 128 ? [number] : [number & 127 | 128, ...leb(number >>> 7)];
}

/** Parts, and their number before them. */
function counted(...parts) {
  return [...leb(parts.length), ...parts.flat(9)];
}

/** Bytes, nested as one likes, and their number before them. */
function sized(...bytes) {
  return counted(...bytes.flat(9));
}

const I32 = 0x7f, V128 = 0x7b;  // an address or a whole number; four float32 or sixteen bytes

/** The function (z, z_end, x, x_end, W, K) that makes z = x W; all but K are addresses. 16 columns stay in registers. */
function multiplying() {
  const get = (local) => [0x20, local], set = (local) => [0x21, local];
  const number = (value) => [0x41, value & 127 | 128, value >> 7];  // from 0 to 8191
  const add = 0x6a, less = 0x49;
  const loop = [0x03, 0x40], again = [0x0d, 0], end = 0x0b;  // again: from the start of the loop, if what stands is true
  const wide = (code, ...more) => [0xfd, ...leb(code), ...more];
  const load = wide(0x00, 0, 0), loadFourTimes = wide(0x09, 0, 0), store = (offset) => wide(0x0b, 0, offset);
  const zeros = wide(0x0c, ...new Array(16).fill(0)), addEach = wide(0xe4), multiplyEach = wide(0xe6);
  const halves = [wide(0x87), wide(0x88)];  // of 16 bytes, as 8 short numbers
  const quarters = [wide(0xa7), wide(0xa8)], toFloats = wide(0xfa);  // half of 8 short numbers, as 4 longer ones
  const [z, z_end, x, x_end, W, K, n, row, x_n, w, ...sums] = new Array(14).keys();
  const move = (local, by) => [get(local), by, add, set(local)];
  return [
    counted([2, I32], [6, V128]),  // what n, row and the others are
    loop,
    sums.map((sum) => [zeros, set(sum)]),
    get(x), set(n), get(W), set(row),
    loop,
    get(n), loadFourTimes, set(x_n),
    get(row), load, set(w),
    sums.map((sum, q) => [
      get(sum), get(x_n), get(w), halves[q >> 1], quarters[q & 1], toFloats, multiplyEach, addEach, set(sum),
    ]),
    move(n, number(4)), move(row, get(K)),
    get(n), get(x_end), less, again, end,
    sums.map((sum, q) => [get(z), get(sum), store(16 * q)]),
    move(z, number(64)), move(W, number(16)),
    get(z), get(z_end), less, again, end,
    end,
  ];
}

/** The whole program, which is given a memory: its bytes, section by section. */
function program() {
  const name = (letter) => [1, letter.charCodeAt()];
  return Uint8Array.from([
    [0, "asm".split("").map((letter) => letter.charCodeAt()), 1, 0, 0, 0],
    1, sized(counted([0x60, counted(...new Array(6).fill(I32)), 0])),  // a type: takes six numbers, gives none
    2, sized(counted([name("m"), name("m"), 2, 0, 1])),  // what it is given: m.m, a memory
    3, sized(counted([0])),  // a function, of type 0
    7, sized(counted([name("f"), 0, 0])),  // it gives that, as f
    10, sized(counted(sized(multiplying()))),
  ].flat(9));
}

/** {bytes, multiply}: the same bytes in a memory of WebAssembly, and `product` for them. widest: the largest N or K. */
function fast(bytes, widest) {
  const spare = 4 * (widest + 16);  // the last sixteen columns may be fewer: then it reads and writes a little more
  const x_at = Math.ceil(bytes.length / 16) * 16, z_at = x_at + spare;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((z_at + spare) / 65536) });
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(program()), { m: { m: memory } }).exports;
  const within = new Uint8Array(memory.buffer, 0, bytes.length);
  within.set(bytes);
  const multiply = (x, W, K) => {
    new Float32Array(memory.buffer, x_at, x.length).set(x);
    f(z_at, z_at + 4 * K, x_at, x_at + 4 * x.length, W.byteOffset, K);
    return new Float32Array(memory.buffer, z_at, K);  // until the next product
  };
  return { bytes: within, multiply };
}

/** The same, or the bytes and lstm.js's own product where a browser has no WebAssembly with wide instructions. */
function fastest(bytes, widest) {
  try {
    return fast(bytes, widest);
  } catch {
    return { bytes, multiply: product };
  }
}
