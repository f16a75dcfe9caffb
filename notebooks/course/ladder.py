"""One LSTM layer's forward pass, from plain Python to the package's kernels: the same numbers at each rung.

Each rung is a function (x, h0, c0, kernel, recurrent_kernel, bias) -> h (T, B, H), equations (1) to (7) of cell.py:
x (T, B, E), h0 and c0 (B, H), kernel (E, 4H), recurrent_kernel (H, 4H), bias (4H,). A rung changes one thing of the
one before. Left out: the backward pass, which climbs by the same steps.
"""

import math
import time

import numpy as np

from lstm import cell, kernels
from lstm.cell import sigmoid
from lstm.engine.jit import compiled
from lstm.engine.machine import Machine
from lstm.engine.threads import Workers


def python_loops(x, h0, c0, kernel, recurrent_kernel, bias):
    """Numbers one by one, in Python's own floats."""
    dtype, (B, H) = x.dtype, h0.shape
    x, h, c, W, U, b = (one.tolist() for one in (x, h0, c0, kernel, recurrent_kernel, bias))

    def sigmoid_of(z):
        return 0.5 * math.tanh(0.5 * z) + 0.5

    outputs = []
    for x_t in x:
        z = [
            [
                b[j]
                + sum(x_t[r][k] * W[k][j] for k in range(len(W)))
                + sum(h[r][k] * U[k][j] for k in range(H))
                for j in range(4 * H)
            ]
            for r in range(B)
        ]
        for r in range(B):
            for j in range(H):
                i, f, o = (sigmoid_of(z[r][gate * H + j]) for gate in (0, 1, 3))
                c[r][j] = f * c[r][j] + i * math.tanh(z[r][2 * H + j])
                h[r][j] = o * math.tanh(c[r][j])
        outputs.append([list(row) for row in h])
    return np.array(outputs, dtype)


def product_per_gate(x, h0, c0, kernel, recurrent_kernel, bias):
    """NumPy, with two products for each gate at each step."""
    h, c, outputs = h0, c0, []
    gates = [np.split(one, 4, axis=-1) for one in (kernel, recurrent_kernel, bias)]
    parts = [tuple(map(np.ascontiguousarray, part)) for part in zip(*gates)]  # W, U, b of each gate
    for x_t in x:
        zi, zf, zg, zo = (x_t @ W + h @ U + b for W, U, b in parts)  # four of (B, H)
        c = sigmoid(zf) * c + sigmoid(zi) * np.tanh(zg)
        h = sigmoid(zo) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def fused_gates(x, h0, c0, kernel, recurrent_kernel, bias):
    """One product for the four gates."""
    h, c, outputs = h0, c0, []
    for x_t in x:
        zi, zf, zg, zo = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
        c = sigmoid(zf) * c + sigmoid(zi) * np.tanh(zg)
        h = sigmoid(zo) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def inputs_at_once(x, h0, c0, kernel, recurrent_kernel, bias):
    """x W + b of all steps in one product, before the loop: this is cell.py."""
    return cell.forward(x @ kernel + bias, h0, c0, recurrent_kernel)[1][1:]


def gates_and_cell(z, c, h):
    """All of a step but its products, in place: z (B, 4H) becomes the gates, c and h (B, H) those of this step."""
    H, half = h.shape[1], z.dtype.type(0.5)
    zi, zf, zg, zo = (z[:, gate * H : (gate + 1) * H] for gate in range(4))  # views
    for one in (zi, zf, zo):  # the sigmoid of cell.py
        one *= half
        np.tanh(one, out=one)
        one *= half
        one += half
    np.tanh(zg, out=zg)
    c *= zf
    np.multiply(zi, zg, out=h)
    c += h
    np.tanh(c, out=h)
    h *= zo


def no_new_arrays(x, h0, c0, kernel, recurrent_kernel, bias):
    """Nothing is made within the loop: each result has its place from the beginning."""
    z, (B, H) = x @ kernel + bias, h0.shape
    outputs, c, product = np.empty((len(x), B, H), x.dtype), c0.copy(), np.empty((B, 4 * H), x.dtype)
    h = h0
    for z_t, out in zip(z, outputs):
        np.matmul(h, recurrent_kernel, out=product)
        z_t += product
        gates_and_cell(z_t, c, out)
        h = out
    return outputs


@compiled
def loop(z, h0, c, recurrent_kernel, outputs):
    """The loop over time in plain compiled loops; c (B, H) and z (T, B, 4H) are written over."""
    T, B, _ = z.shape
    H = h0.shape[1]
    for t in range(T):
        h = h0 if t == 0 else outputs[t - 1]
        for r in range(B):
            row = z[t, r]
            for k in range(H):
                scale, weights = h[r, k], recurrent_kernel[k]
                for j in range(4 * H):
                    row[j] += scale * weights[j]
            zi, zf, zg, zo = kernels.split(row, 0, H)
            for j in range(H):
                c[r, j] = kernels.sigmoid(zf[j]) * c[r, j] + kernels.sigmoid(zi[j]) * kernels.tanh(zg[j])
                outputs[t, r, j] = kernels.sigmoid(zo[j]) * kernels.tanh(c[r, j])


def numba_loops(x, h0, c0, kernel, recurrent_kernel, bias):
    """The loops of the first rung again, but compiled, and in an order that reads memory as it lies."""
    outputs = np.empty((len(x), *h0.shape), x.dtype)
    loop(x @ kernel + bias, h0, c0.copy(), recurrent_kernel, outputs)
    return outputs


def by_kernels(threads):
    """The rung of the package's kernels on so many threads."""
    machine = Machine(kernels, Workers(threads))

    def rung(x, h0, c0, kernel, recurrent_kernel, bias):
        return kernels.forward(x @ kernel + bias, h0, c0, recurrent_kernel, machine)[1][1:]

    return rung


RUNGS = {
    "Python loops": python_loops,
    "a product per gate": product_per_gate,
    "one product of four gates": fused_gates,
    "x W before the loop": inputs_at_once,
    "no new arrays": no_new_arrays,
    "Numba loops": numba_loops,
    "the package, 1 thread": by_kernels(1),
    "the package, 2 threads": by_kernels(2),
}


def arrays(T, B, E, H, dtype=np.float32, seed=0):
    """(x, h0, c0, kernel, recurrent_kernel, bias), random, the weights scaled so that the gates are not saturated."""
    rng = np.random.default_rng(seed)
    shapes = (T, B, E), (B, H), (B, H), (E, 4 * H), (H, 4 * H), (4 * H,)
    scales = 1, 0.5, 0.5, E**-0.5, H**-0.5, 0.1
    return tuple((scale * rng.standard_normal(shape)).astype(dtype) for shape, scale in zip(shapes, scales))


def flop(B, E, H):
    """Floating-point operations of the products of one step, a multiply-add being two."""
    return 2 * B * (E + H) * 4 * H


def rounds(functions, count):
    """{name: seconds (count,)}: each function once in each round, so that what disturbs one round disturbs all.

    A call before the first round, which compiles, is not counted.
    """
    seconds = {name: np.empty(count) for name in functions}
    for function in functions.values():
        function()
    for n in range(count):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name][n] = time.perf_counter() - start
    return seconds


def ratio(slow, fast):
    """(median, lower quartile, upper quartile) of slow / fast, round by round."""
    quartiles = np.percentile(slow / fast, (50, 25, 75))
    return tuple(map(float, quartiles))
