"""The recurrent product in plain Numba loops, to compare the register tile with. Names are those of engine/tile.py."""

import numpy as np

from lstm.engine import tile
from lstm.engine.jit import compiled


def __getattr__(name):
    """What else the loops over time use of engine/tile.py stays as it is."""
    return getattr(tile, name)


@compiled
def pack(w, first, last):
    """Rows that can be read one after another are all these loops ask for."""
    return np.ascontiguousarray(w[:, first:last])


@compiled
def add_product(a, w, z):
    """z += a @ w, for a (B, K), w (K, N), z (B, N).

    Four rows of a meet four rows of w at a time, so that each number loaded is used four times.
    What does not come in fours follows at the end.
    """
    B, K = a.shape
    rows, depth = B - B % 4, K - K % 4
    for b in range(0, rows, 4):
        a0, a1, a2, a3 = a[b], a[b + 1], a[b + 2], a[b + 3]
        z0, z1, z2, z3 = z[b], z[b + 1], z[b + 2], z[b + 3]
        for k in range(0, depth, 4):
            w0, w1, w2, w3 = w[k], w[k + 1], w[k + 2], w[k + 3]
            for j in range(z0.size):
                p, q, r, s = w0[j], w1[j], w2[j], w3[j]
                z0[j] += a0[k] * p + a0[k + 1] * q + a0[k + 2] * r + a0[k + 3] * s
                z1[j] += a1[k] * p + a1[k + 1] * q + a1[k + 2] * r + a1[k + 3] * s
                z2[j] += a2[k] * p + a2[k + 1] * q + a2[k + 2] * r + a2[k + 3] * s
                z3[j] += a3[k] * p + a3[k + 1] * q + a3[k + 2] * r + a3[k + 3] * s
    for b in range(B):
        z0 = z[b]
        for k in range(depth if b < rows else 0, K):
            w0, scale = w[k], a[b, k]
            for j in range(z0.size):
                z0[j] += scale * w0[j]
