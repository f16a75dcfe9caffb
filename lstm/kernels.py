"""The fast twin of cell.py: the same functions, names and signatures, compiled by Numba.

No idea lives here that cell.py does not explain; what differs is only how the arithmetic is laid out for
the machine. Every function lets go of Python's interpreter lock, so shards of rows can run side by side.
"""

import math

import numpy as np
from numba import njit, types
from numba.extending import overload, register_jitable

# error_model: NumPy's division has no check for zero, and the check would keep loops from vectorising.
# fastmath: sums may be reordered and multiply-adds fused. Not "fast" as a whole: that would also assume
# that there are no NaNs, and a NaN must come out where one went in, or training could not notice it.
JIT = dict(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})


def tanh(x):
    """tanh of one number."""
    return math.tanh(x)


@register_jitable(**JIT)
def tanh_float32(x):
    """tanh as a quotient of polynomials (Eigen's coefficients), within 5 units in the last place.

    A call of the C library's tanh for each element cannot be vectorised, this can: 0.3 ns instead of 8.
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


@overload(tanh, jit_options=JIT)
def tanh_by_type(x):
    """Compiled code takes the polynomials for float32 and full precision for float64."""
    return tanh_float32 if x == types.float32 else (lambda x: math.tanh(x))


@njit(**JIT)
def sigmoid(x):
    half = type(x)(0.5)  # a plain 0.5 is a float64 to Numba, and would make float32 code slow
    return half * tanh(half * x) + half


@njit(**JIT)
def add_product(a, w, z):
    """z += a @ w, for a (B, K), w (K, N), z (B, N); for few rows it beats the general BLAS product.

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
    for b in range(rows, B):
        a0, z0 = a[b], z[b]
        for k in range(0, depth, 4):
            w0, w1, w2, w3 = w[k], w[k + 1], w[k + 2], w[k + 3]
            for j in range(z0.size):
                z0[j] += a0[k] * w0[j] + a0[k + 1] * w1[j] + a0[k + 2] * w2[j] + a0[k + 3] * w3[j]
    for b in range(B):
        z0 = z[b]
        for k in range(depth, K):
            w0, scale = w[k], a[b, k]
            for j in range(z0.size):
                z0[j] += scale * w0[j]


@njit(**JIT)
def split(z):
    """Views of the four gates i f g o in one row (4H,): slices of their own let the loops vectorise."""
    H = z.size // 4
    return z[:H], z[H : 2 * H], z[2 * H : 3 * H], z[3 * H :]


@njit(**JIT)
def forward(z, h0, c0, recurrent_kernel):
    """Run one layer over a sequence; see cell.forward, equations (1) to (7)."""
    T, B, H = len(z), *h0.shape
    gates = z.copy()
    h = np.empty((T + 1, B, H), z.dtype)
    c = np.empty((T + 1, B, H), z.dtype)
    h[0], c[0] = h0, c0
    for t in range(T):
        add_product(h[t], recurrent_kernel, gates[t])
        for b in range(B):
            i, f, g, o = split(gates[t, b])
            c_before, c_after, h_after = c[t, b], c[t + 1, b], h[t + 1, b]
            for j in range(H):
                # note: one store each at the end, and no array read twice: this loop must vectorise
                ij, fj, gj, oj = sigmoid(i[j]), sigmoid(f[j]), tanh(g[j]), sigmoid(o[j])
                cj = fj * c_before[j] + ij * gj
                hj = oj * tanh(cj)
                i[j], f[j], g[j], o[j], c_after[j], h_after[j] = ij, fj, gj, oj, cj, hj
    return gates, h, c


@njit(**JIT)
def backward(dh, dh_next, dc_next, gates, c, recurrent_kernel):
    """Backpropagation through time; see cell.backward, equations (8) to (12)."""
    T, B, H = dh.shape
    transposed = np.ascontiguousarray(recurrent_kernel.T)  # (4H, H): rows are read one after another
    dz = np.empty_like(gates)
    dh_next, dc_next = dh_next.copy(), dc_next.copy()
    for t in range(T - 1, -1, -1):
        for b in range(B):
            i, f, g, o = split(gates[t, b])
            di, df, dg, do = split(dz[t, b])
            c_before, c_after, dh_above, dh_after, dc_after = c[t, b], c[t + 1, b], dh[t, b], dh_next[b], dc_next[b]
            for j in range(H):
                ij, fj, gj, oj, tanh_c = i[j], f[j], g[j], o[j], tanh(c_after[j])
                dh_t = dh_above[j] + dh_after[j]
                # subtle: o - o tanh^2 rather than o (1 - tanh^2); an integer 1 would make float32 code float64
                dc_t = dh_t * (oj - oj * tanh_c * tanh_c) + dc_after[j]
                di[j] = dc_t * gj * (ij - ij * ij)
                df[j] = dc_t * c_before[j] * (fj - fj * fj)
                dg[j] = dc_t * (ij - ij * gj * gj)
                do[j] = dh_t * tanh_c * (oj - oj * oj)
                dc_after[j] = dc_t * fj
        dh_next[:] = 0
        add_product(dz[t], transposed, dh_next)
    return dz, dh_next, dc_next


@njit(**JIT)
def dropout(x, rate, key, first_row=0):
    """Inverted dropout by a hash of the position; see cell.dropout."""
    u4 = np.uint32
    T, B, H = x.shape
    y = np.empty_like(x)
    least = u4(rate * 2**32)
    scale, zero = x.dtype.type(1 / (1 - rate)), x.dtype.type(0)
    for t in range(T):
        for b in range(B):
            at = u4(((first_row + b) * T + t) * H)
            from_, to = x[t, b], y[t, b]
            for j in range(H):
                bits = u4(u4(at + u4(j)) ^ u4(key))
                bits = u4((bits ^ (bits >> u4(16))) * u4(0x7FEB352D))
                bits = u4((bits ^ (bits >> u4(15))) * u4(0x846CA68B))
                bits = u4(bits ^ (bits >> u4(16)))
                to[j] = from_[j] * scale if bits >= least else zero
    return y
