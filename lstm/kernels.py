"""The fast twin of cell.py: the same functions, names and signatures, compiled by Numba.

No idea lives here that cell.py does not explain; what differs is only how the arithmetic is laid out for
the machine. Every function lets go of Python's interpreter lock, so shards of rows can run side by side.
"""

import math

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from lstm.engine import tile
from lstm.engine.jit import OPTIONS, compiled

empty = np.empty


def tanh(x):
    """tanh of one number."""
    return math.tanh(x)


@register_jitable(**OPTIONS)
def tanh_float32(x):
    """tanh as a quotient of polynomials (Eigen's coefficients), within 5 units in the last place.

    A call of the C library's tanh for each element cannot be vectorised, this can.
    """
    f4 = np.float32
    x = min(max(x, f4(-7.90531110763549805)), f4(7.90531110763549805))
    s = x * x
    p = f4(-2.76076847742355e-16)
    p = p * s + f4(2.00018790482477e-13)
    p = p * s + f4(-8.60467152213735e-11)
    p = p * s + f4(5.12229709037114e-08)
    p = p * s + f4(1.48572235717979e-05)
    p = p * s + f4(6.37261928875436e-04)
    p = p * s + f4(4.89352455891786e-03)
    q = f4(1.19825839466702e-06)
    q = q * s + f4(1.18534705686654e-04)
    q = q * s + f4(2.26843463243900e-03)
    q = q * s + f4(4.89352518554385e-03)
    return x * p / q


@overload(tanh, jit_options=OPTIONS)
def tanh_by_type(x):
    """Compiled code takes the polynomials for float32 and full precision for float64."""
    return tanh_float32 if x == types.float32 else (lambda x: math.tanh(x))


@compiled
def sigmoid(x):
    half = type(x)(0.5)  # a plain 0.5 is a float64 to Numba, and would make float32 code slow
    return half * tanh(half * x) + half


@compiled
def pack(b, first, last):
    """Some columns of b as panels; apart from the product, so that for b.T only this is compiled once more."""
    return tile.pack(b, first, last)


@compiled
def add_packed(a, panels, out, first, last):
    """out[:, first:last] += a @ b, b packed."""
    tile.add_product(a, panels, out[:, first:last])


def add_product(a, b, out, first=0, last=None):
    """out += a @ b, or some columns of it; see cell.add_product."""
    last = out.shape[1] if last is None else last
    add_packed(a, pack(b, first, last), out, first, last)


@compiled
def split(z):
    """Views of the four gates i f g o in one row (4H,): slices of their own let the loops vectorise."""
    H = z.size // 4
    return z[:H], z[H : 2 * H], z[2 * H : 3 * H], z[3 * H :]


def forward(z, h0, c0, recurrent_kernel, empty=np.empty):
    """Run one layer over a sequence; see cell.forward, equations (1) to (7)."""
    T, B, H = len(z), *h0.shape
    h, c = empty((T + 1, B, H), z.dtype), empty((T + 1, B, H), z.dtype)
    h[0], c[0] = h0, c0
    run_forward(z, h, c, recurrent_kernel)
    return z, h, c


@compiled
def run_forward(z, h, c, recurrent_kernel):
    """The loop over time: fills h and c from the state before it, and writes the gates over z."""
    T, B, H = len(z), h.shape[1], h.shape[2]
    panels = tile.pack(recurrent_kernel, 0, 4 * H)
    gates = z  # written over what was just read: less memory is touched
    # subtle: arrays made in here, because LLVM knows that they overlap no others; else it does not vectorise the loop
    h_t, c_t = np.empty((B, H), z.dtype), np.empty((B, H), z.dtype)
    tile.copy(c[0], c_t)
    for t in range(T):
        tile.add_product(h[t], panels, gates[t])
        for b in range(B):
            i, f, g, o = split(gates[t, b])
            c_row, h_row = c_t[b], h_t[b]
            for j in range(H):
                # note: one store each at the end, and no array read twice: this loop must vectorise
                ij, fj, gj, oj = sigmoid(i[j]), sigmoid(f[j]), tanh(g[j]), sigmoid(o[j])
                cj = fj * c_row[j] + ij * gj
                hj = oj * tanh(cj)
                i[j], f[j], g[j], o[j], c_row[j], h_row[j] = ij, fj, gj, oj, cj, hj
        tile.copy(c_t, c[t + 1])
        tile.copy(h_t, h[t + 1])


@compiled
def backward(dh, dh_next, dc_next, gates, c, recurrent_kernel):
    """Backpropagation through time; see cell.backward, equations (8) to (12)."""
    T, B, H = dh.shape
    panels = tile.pack(recurrent_kernel.T, 0, H)
    dz = gates  # each gate is read before its gradient takes its place
    dh_next, dc_next = dh_next.copy(), dc_next.copy()
    for t in range(T - 1, -1, -1):
        for b in range(B):
            i, f, g, o = split(gates[t, b])
            c_before, c_after, dh_above, dh_after, dc_after = c[t, b], c[t + 1, b], dh[t, b], dh_next[b], dc_next[b]
            for j in range(H):
                ij, fj, gj, oj, tanh_c = i[j], f[j], g[j], o[j], tanh(c_after[j])
                dh_t = dh_above[j] + dh_after[j]
                # subtle: o - o tanh^2 rather than o (1 - tanh^2); an integer 1 would make float32 code float64
                dc_t = dh_t * (oj - oj * tanh_c * tanh_c) + dc_after[j]
                di = dc_t * gj * (ij - ij * ij)
                df = dc_t * c_before[j] * (fj - fj * fj)
                dg = dc_t * (ij - ij * gj * gj)
                do = dh_t * tanh_c * (oj - oj * oj)
                i[j], f[j], g[j], o[j], dc_after[j] = di, df, dg, do, dc_t * fj
        dh_next[:] = 0
        tile.add_product(dz[t], panels, dh_next)
    return dz, dh_next, dc_next


@compiled
def sum_by_place(dz, where, P):
    """Rows summed by where they came from; see cell.sum_by_place."""
    total = np.zeros((P, dz.shape[1]), dz.dtype)
    for m in range(len(dz)):
        into, row = total[where[m]], dz[m]
        for j in range(row.size):
            into[j] += row[j]
    return total


def dropout(x, rate, key, first_row=0, out=None):
    """Inverted dropout by a hash of the position; see cell.dropout."""
    if out is None:
        out = np.empty_like(x)
    if out is not x:
        out[:] = x
    drop(out, rate, key, first_row)
    return out


@compiled
def drop(x, rate, key, first_row):
    """The loop over x, in place: of two arrays that may be one LLVM would not vectorise it."""
    u4 = np.uint32
    T, B, H = x.shape
    least = u4(rate * 2**32)
    scale, zero = x.dtype.type(1 / (1 - rate)), x.dtype.type(0)
    for t in range(T):
        for b in range(B):
            at = u4(((first_row + b) * T + t) * H)
            row = x[t, b]
            for j in range(H):
                bits = u4(u4(at + u4(j)) ^ u4(key))
                bits = u4((bits ^ (bits >> u4(16))) * u4(0x7FEB352D))
                bits = u4((bits ^ (bits >> u4(15))) * u4(0x846CA68B))
                bits = u4(bits ^ (bits >> u4(16)))
                row[j] = row[j] * scale if bits >= least else zero
