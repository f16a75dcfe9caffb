"""The LSTM, run over time, in plain NumPy: forward and backward. This is the textbook.

Forward (Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000), for t = 1 .. T:

    z_t = x_t W + h_{t-1} U + b         what the four gates see, before activation     (1)
    i_t = sigmoid(z_i)                  input gate: how much of the candidate to write (2)
    f_t = sigmoid(z_f)                  forget gate: how much of the old cell to keep  (3)
    g_t = tanh(z_g)                     candidate: what there is to write              (4)
    o_t = sigmoid(z_o)                  output gate: how much of the cell to show      (5)
    c_t = f_t * c_{t-1} + i_t * g_t     the cell: a sum, so gradients pass through it  (6)
    h_t = o_t * tanh(c_t)               the hidden state                               (7)

Backward is the chain rule through (7) .. (1), from t = T to t = 1; `dx` is the gradient of the loss
with respect to `x`. Two arrows run back through time: dh through the recurrent kernel U, dc through the
forget gate. `h_t` reaches the loss from above and through step t+1, so dh is the sum of both:

    dh_t  = (from above) + dz_{t+1} U^T                                                (8)
    dc_t  = dh_t * o_t * (1 - tanh(c_t)^2) + dc_{t+1} * f_{t+1}                        (9)
    di_t  = dc_t * g_t,   df_t = dc_t * c_{t-1},   dg_t = dc_t * i_t                  (10)
    do_t  = dh_t * tanh(c_t)                                                          (11)
    dz    = di * i (1 - i),   df * f (1 - f),   dg * (1 - g^2),   do * o (1 - o)      (12)

Left out here, because they need no loop over time; see `LSTM` in layers.py: x_t W + b, and

    dW = sum_t x_t^T dz_t,   dU = sum_t h_{t-1}^T dz_t,   db = sum_t dz_t,   dx_t = dz_t W^T  (13)

Arrays are time-first: T time steps, B batch rows, H hidden units. The last axis of `z`, `gates`, `bias`
and of both kernels is the four gates in the order i f g o (that of Keras and PyTorch), 4H wide.
`kernels.py` has the same functions, compiled.
"""

import numpy as np

from lstm.io import COUNT, SHARE, WHOLE, Bounds
from lstm.io.arrays import check_arrays, check_piece, check_range

KEY = Bounds(int, 0, 2**32 - 1)


def sigmoid(x):
    """1 / (1 + exp(-x)), written with tanh: the same function, and exp(-x) cannot overflow."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def forward(z, h0, c0, recurrent_kernel, machine=None, sigmoid=sigmoid):
    """Run one layer over a sequence: equations (1) to (7).

    z: (T, B, 4H), the inputs' share of (1), x W + b; given away: a backend may write the gates over it.
    h0, c0: (B, H), the state before the first step.
    recurrent_kernel: (H, 4H), U.
    machine: the threads and the memory that a faster backend may use; not used here.
    sigmoid: of the gates i f o; for models of others, which may have another one.
    Returns gates (T, B, 4H), the activations i f g o; h and c (T+1, B, H), the state *before* each step
    and after the last: h[0] is h0, h[t+1] is what step t puts out.
    """
    check_arrays({"z (T, B, 4H)": z, "h0 (B, H)": h0, "c0 (B, H)": c0, "recurrent_kernel (H, 4H)": recurrent_kernel})
    (T, B, _), H = z.shape, h0.shape[1]
    gates, h, c = np.empty_like(z), np.empty((T + 1, B, H), z.dtype), np.empty((T + 1, B, H), z.dtype)
    h[0], c[0] = h0, c0
    for t in range(T):
        zi, zf, zg, zo = np.split(z[t] + h[t] @ recurrent_kernel, 4, axis=1)  # four of (B, H)
        i, f, g, o = sigmoid(zi), sigmoid(zf), np.tanh(zg), sigmoid(zo)
        c[t + 1] = f * c[t] + i * g
        h[t + 1] = o * np.tanh(c[t + 1])
        gates[t] = np.concatenate((i, f, g, o), axis=1)  # (B, 4H)
    return gates, h, c


def backward(dh, dh_next, dc_next, gates, c, recurrent_kernel, machine=None):
    """Backpropagation through time: equations (8) to (12).

    dh: (T, B, H), the gradient that reaches each output h[t+1] from above.
    dh_next, dc_next: (B, H), the gradients that reach the last state from the sequence's continuation;
    zero where backpropagation is truncated.
    gates, c: as `forward` returned them; the gates are given away: a backend may write dz over them.
    machine: as in `forward`.
    Returns dz (T, B, 4H) and the gradients of h0 and c0, (B, H) each.
    """
    arrays = {"dh (T, B, H)": dh, "dh_next (B, H)": dh_next, "dc_next (B, H)": dc_next, "gates (T, B, 4H)": gates}
    check_arrays(arrays | {"c (T+1, B, H)": c, "recurrent_kernel (H, 4H)": recurrent_kernel})
    T = len(dh)
    dz = np.empty_like(gates)
    for t in reversed(range(T)):
        i, f, g, o = np.split(gates[t], 4, axis=1)
        tanh_c = np.tanh(c[t + 1])
        dh_t = dh[t] + dh_next
        dc_t = dh_t * o * (1 - tanh_c**2) + dc_next
        di, df, dg, do = dc_t * g, dc_t * c[t], dc_t * i, dh_t * tanh_c
        dz[t] = np.concatenate((di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)), axis=1)
        dh_next = dz[t] @ recurrent_kernel.T
        dc_next = dc_t * f
    return dz, dh_next, dc_next


# -- no LSTM, but arithmetic that has a compiled twin too: a backend is one module

def sum_by_place(dz, where, P):
    """dz (M, N), where (M,) -> (P, N): row p is the sum of the rows m of dz with where[m] == p (a segment sum).

    Looking up rows is a product with one-hot rows, so the gradient is a product with their transpose.
    """
    check_arrays({"dz (M, N)": dz, "where (M,) of whole numbers": where})
    check_range("where", where, COUNT.check("P", P))
    one_hot = np.eye(P, dtype=dz.dtype)[where]  # (M, P)
    return one_hot.T @ dz


def dropout(x, rate, key, piece=slice(None), out=None, first=0):
    """Inverted dropout (Srivastava et al. 2014): zero a share `rate` of x, scale the rest by 1 / (1 - rate).

    x: (T, B, H).
    key: uint32, new for every step and layer.
    piece: the time steps to do; all by default.
    out: (T, B, H), where the result goes, a new array by default; it may be x.
    first: which row of a larger batch is the first of x; its rows are dropped as they are there.
    Whether an element stays is decided by a hash of the key and of its position in x. So no mask is stored (backward
    computes it again: dropout is its own backward), and it does not matter how the work is cut into pieces.
    The hash is Wellons' `lowbias32`, a bijection of 32-bit integers.
    """
    check_arrays({"x (T, B, H)": x} | ({} if out is None else {"out (T, B, H)": out}))
    rate, key = SHARE.check("rate", rate), KEY.check("key", key)
    first = WHOLE.check("first", first)
    check_piece(piece, len(x))
    T, B, H = x.shape
    t, b, j = (np.arange(n, dtype=np.uint32) for n in x.shape)
    b += np.uint32(first)
    position = ((b[:, None] * np.uint32(T) + t[piece, None, None]) * np.uint32(H)) + j  # (T, B, H)
    bits = position ^ np.uint32(key)
    bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> np.uint32(15))) * np.uint32(0x846CA68B)
    bits = bits ^ (bits >> np.uint32(16))
    scale = x.dtype.type(1 / (1 - rate))
    out = np.empty_like(x) if out is None else out
    out[piece] = np.where(bits >= np.uint32(rate * 2**32), x[piece] * scale, x.dtype.type(0))
    return out
