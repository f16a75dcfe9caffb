"""The fast twin of sampling.py: the whole loop from one character to the next is compiled, for one stream or many.

One character of one stream costs a product of a vector with each weight matrix. Each weight is used only once, so
reading the weights from memory takes most of the time. Therefore

- the first layer's kernel is not read at all: embedding @ kernel + bias is a table with a row for each character;
- two threads read twice as fast: each has a share of the units of every layer, with the columns of these units;
- many streams side by side use each weight once for every stream: the vectors become a matrix.

All these ways add up the same numbers in the same order. So a stream is the same to the bit, alone or beside others,
with any number of threads. `sampling.Sampler` is the readable twin of the `Sampler` here.
Left out: where the random numbers come from (sampling.py), and where a stream ends (streams.py).
"""

import math
from typing import NamedTuple

import numpy as np
from numba.extending import overload, register_jitable

from lstm import kernels
from lstm.engine.barrier import LINE, arrive, wait_for_all
from lstm.engine.jit import OPTIONS, compiled
from lstm.engine.threads import Workers, default_threads, one_blas_thread
from lstm.engine.tile import add_product, pack
from lstm.io import Bounds, InputError
from lstm.io.arrays import check_arrays, check_range
from lstm.kernels import sigmoid, split, tanh
from lstm.model import State, arrays_of

CHUNK = 64  # characters to a call: enough to make up for its cost, few enough to watch the text grow
UNITS = 128  # the fewest units of a layer that are worth a thread
THREADS = Bounds(int, 1, 1024)


class Share(NamedTuple):
    """The part of the network that one thread computes: n units of each layer, and m of the logits.

    For one stream the matrices are plain, (H, 4n) and (H, m); for many they are packed into panels.
    """

    table: np.ndarray  # (V, 4n), the first layer's input for each character, its bias included
    bias: np.ndarray  # (L, 4n)
    weights: np.ndarray  # (2L-1, H, 4n): of layer l the recurrent kernel at 2l, the kernel at 2l-1
    dense: np.ndarray  # (H, m)
    dense_bias: np.ndarray  # (m,)
    unit: int  # the first of the n
    character: int  # the first of the m


def shares(model, threads, packed):
    """The network cut into a Share for each thread."""
    network, H = model.network, model.config.units
    first, *others = network.lstm
    with one_blas_thread():
        table = network.embedding.embedding @ first.kernel + first.bias  # (V, 4H)
    matrices = [first.recurrent_kernel] + [w for layer in others for w in (layer.kernel, layer.recurrent_kernel)]
    bias = np.stack([layer.bias for layer in network.lstm])  # (L, 4H)

    def arranged(w):
        return pack(w, 0, w.shape[1]) if packed else w

    def share(thread):
        units, characters = (slice(N * thread // threads, N * (thread + 1) // threads) for N in (H, len(table)))

        def columns(w):  # (.., 4H) -> (.., 4n): the columns of these units, in each of the four gates
            return w.reshape(*w.shape[:-1], 4, H)[..., units].reshape(*w.shape[:-1], -1)

        weights = aligned([arranged(columns(w)) for w in matrices])
        dense = aligned(arranged(network.dense.kernel[:, characters]))
        dense_bias = network.dense.bias[characters].copy()  # a copy, so that training does not change it
        return Share(columns(table), columns(bias), weights, dense, dense_bias, units.start, characters.start)

    return [share(thread) for thread in range(threads)]


def aligned(array):
    """A copy that starts at the start of a cache line, so that no vector register is loaded from two lines."""
    array = np.asarray(array)
    buffer = np.empty(array.nbytes + 8 * LINE, np.uint8)
    start = -buffer.ctypes.data % (8 * LINE)
    copy = buffer[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def add_row(a, w, z):
    """z (N,) += a (K,) @ w (K, N)."""
    z += a @ w


@overload(add_row, jit_options=OPTIONS)
def compiled_add_row(a, w, z):
    def implementation(a, w, z):
        """Eight rows of w at a time, so that z is loaded and stored once for eight."""
        whole = a.size - a.size % 8
        for k in range(0, whole, 8):
            a0, a1, a2, a3, a4, a5, a6, a7 = a[k], a[k + 1], a[k + 2], a[k + 3], a[k + 4], a[k + 5], a[k + 6], a[k + 7]
            w0, w1, w2, w3, w4, w5, w6, w7 = w[k], w[k + 1], w[k + 2], w[k + 3], w[k + 4], w[k + 5], w[k + 6], w[k + 7]
            for j in range(z.size):
                total = z[j] + a0 * w0[j] + a1 * w1[j] + a2 * w2[j] + a3 * w3[j]
                z[j] = total + a4 * w4[j] + a5 * w5[j] + a6 * w6[j] + a7 * w7[j]
        for k in range(whole, a.size):
            ak, wk = a[k], w[k]
            for j in range(z.size):
                z[j] += ak * wk[j]

    return implementation


@register_jitable(**OPTIONS)
def add(a, w, z):
    """z (B, N) += a (B, K) @ w. For one stream w is plain, (K, N); in panels it serves any number of streams."""
    if w.ndim == 2:
        add_row(a[0], w, z[0])
    else:
        add_product(a, w, z)


@register_jitable(**OPTIONS)
def gates(z, units, c, h):
    """z (B, 4n), the gates of n units before activation -> the next of these units in c and h (B, H), in place."""
    for b in range(len(z)):
        i, f, g, o = split(z[b], 0, z.shape[1] // 4)
        cb, hb = c[b][units], h[b][units]  # contiguous rows, so the loop vectorises
        for j in range(cb.size):
            cj = sigmoid(f[j]) * cb[j] + sigmoid(i[j]) * tanh(g[j])
            cb[j], hb[j] = cj, sigmoid(o[j]) * tanh(cj)


@register_jitable(**OPTIONS)
def copy_row(x, y):
    """y[:] = x, as a loop because Numba needs a second more to compile `y[:] = x` with its error for unlike sizes."""
    for j in range(y.size):
        y[j] = x[j]


@register_jitable(**OPTIONS)
def largest(x):
    """The index of the largest of x; of equals, the first."""
    found = 0
    for j in range(1, x.size):
        if x[j] > x[found]:
            found = j
    return found


@register_jitable(**OPTIONS)
def keep_likeliest(p, most, least):
    """Set p to 0 but for the likeliest: at most `most` of them, and only until their sum reaches `least`."""
    kept, total, count = np.zeros(p.size), 0.0, 0
    while count < most and (count == 0 or total < least):
        j = largest(p)
        kept[j], total, count = p[j], total + p[j], count + 1
        p[j] = -1.0  # taken
    copy_row(kept, p)


@register_jitable(**OPTIONS)
def choose(logits, uniform, draw):
    """sampling.distribution and sampling.pick in one: an id, for logits (V,) and a number from [0, 1).

    draw: temperature, top_k and top_p, a tuple.
    """
    V, likeliest = logits.size, largest(logits)
    temperature, top_k, top_p = draw
    if temperature == 0:
        return likeliest
    p, total, cumulative = np.empty(V), 0.0, 0.0  # float64
    for j in range(V):
        p[j] = math.exp((np.float64(logits[j]) - np.float64(logits[likeliest])) / temperature)
        total += p[j]
    if 0 < top_k < V or top_p < 1:
        keep_likeliest(p, top_k if 0 < top_k < V else V, top_p * total)
        total = 0.0
        for j in range(V):
            total += p[j]
    for j in range(V):
        cumulative += p[j]
        if cumulative > uniform * total:  # cheaper than dividing each p by the total
            return j
    return likeliest  # only if the weights are so large that the logits are NaN


@compiled
def run(share, thread, arrived, text, uniforms, h, c, logits, draw):
    """What one thread does in T steps of B streams.

    text: (T+1, B), the character before, then space for those that are chosen.
    uniforms: (T, B), or empty: then nothing is chosen, and the whole text is given and only read.
    h: (2, L, B, H), the state, then space for the next one; step t reads h[t % 2] and writes the other.
    c: (L, B, H) and logits (B, V): each thread writes its columns.
    """
    (L, B, _), N, m, count = c.shape, share.table.shape[1], share.dense_bias.size, 0
    units, characters = slice(share.unit, share.unit + N // 4), slice(share.character, share.character + m)
    z, own_logits = np.empty((B, N), h.dtype), np.empty((B, m), h.dtype)
    for t in range(len(text) - 1):
        before, after = h[t % 2], h[1 - t % 2]
        for layer in range(L):
            for b in range(B):
                copy_row(share.table[text[t, b]] if layer == 0 else share.bias[layer], z[b])
            add(before[layer], share.weights[2 * layer], z)  # first, because it needs no result of this step
            if layer > 0:
                wait_for_all(arrived, count)
                add(after[layer - 1], share.weights[2 * layer - 1], z)
            gates(z, units, c[layer], after[layer])
            count += 1
            arrive(arrived, thread, count)
        wait_for_all(arrived, count)
        if len(uniforms) == 0:
            continue
        for b in range(B):
            copy_row(share.dense_bias, own_logits[b])
        add(after[L - 1], share.dense, own_logits)
        for b in range(B):
            copy_row(own_logits[b], logits[b][characters])
        count += 1
        arrive(arrived, thread, count)
        wait_for_all(arrived, count)
        for b in range(B):  # every thread chooses all characters: cheaper than sharing the result
            text[t + 1, b] = choose(logits[b], uniforms[t, b], draw)


def check_read(model, ids):
    """Raise InputError unless these are ids (T,) that the model knows."""
    check_arrays({"ids (T,) of whole numbers": ids})
    check_range("ids (T,)", ids, model.config.vocabulary)


def check_draw(model, last, state, uniforms):
    """Raise InputError unless a Sampler of the model can draw from these; see `Sampler.draw`."""
    whole = {"last (B,) of whole numbers": last}
    check_arrays(whole | arrays_of("state", state), model.dtype, **model.sizes)
    check_arrays(whole | {"uniforms (T, B)": uniforms})
    check_range("last (B,)", last, model.config.vocabulary)
    if not (uniforms.min() >= 0 and uniforms.max() < 1):
        raise InputError(f"uniforms (T, B) go from {uniforms.min()} to {uniforms.max()}, and must be in [0, 1)")


class Sampler:
    """Draws the characters of B texts side by side, with a copy of a compiled float32 model.

    draw: a sampling.Draw.
    many: whether there is more than one text (True serves one text too, but more slowly).
    threads: how many work together, at most (None: one for each core, fewer if the layers are narrow).
    """

    chunk = CHUNK

    def __init__(self, model, draw, many=False, threads=None):
        if not self.fits(model):
            raise InputError(f"{model} must be compiled and float32 to be run here; sampling.Sampler runs any")
        H = model.config.units
        if threads is None:
            threads = min(default_threads(), max(1, H // UNITS))
        threads = min(THREADS.check("threads", threads), H)
        self._model, self._many = model, many
        self._how = draw.temperature, draw.top_k, draw.top_p
        self._shares = shares(model, threads, packed=many)
        self._workers = Workers(threads)

    @staticmethod
    def fits(model):
        """Whether a model can be run here: it must be compiled and float32."""
        return model.backend is kernels and model.parameters.flat.dtype == np.float32

    def read(self, ids):
        """ids (T,) -> the state before the last of them is read."""
        check_read(self._model, ids)
        state = self._model.initial_state()
        for start in range(0, len(ids) - 1, 1024):  # in slices, so that Ctrl-C need not wait for a long text
            _, state = self._run(ids[start : start + 1025, None], state, np.empty((0, 1)))
        return state

    def draw(self, last, state, uniforms):
        """The characters that follow `last` (B,), one for each of uniforms (T, B): ids (T, B), the state after."""
        check_draw(self._model, last, state, uniforms)
        if len(last) > 1 and not self._many:
            raise InputError(f"last has shape {last.shape}; a Sampler of more than one text is made with many=True")
        text = np.concatenate((last[None], np.zeros(uniforms.shape, np.int64)))  # (T+1, B)
        text, state = self._run(text, state, uniforms)
        return text[1:], state

    def _run(self, text, state, uniforms):
        # note: all in C order, because for another order `run` would be compiled again
        h, c = np.array((state.h, state.h), order="C"), np.array(state.c, order="C")
        logits = np.empty((c.shape[1], self._model.config.vocabulary), c.dtype)
        uniforms = np.ascontiguousarray(uniforms, np.float64)
        texts = [np.array(text, np.int64, order="C") for _ in self._shares]  # each thread has its own

        def work(q, arrived):
            run(self._shares[q], q, arrived, texts[q], uniforms, h, c, logits, self._how)

        self._workers.together(work, len(texts))
        if len(uniforms) and not np.isfinite(logits.max(axis=1)).all():
            raise InputError("the logits are not finite: what is learnt has overflowed; train with a lower rate")
        return texts[0], State(h[(len(text) - 1) % 2], c)
