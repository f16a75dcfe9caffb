"""A wrong LSTM with a right gradient: the cell is kept as c_t = tanh(f_t * c_{t-1} + i_t * g_t).

The tanh of (7) in cell.py has slipped into (6), and the output is h_t = o_t * c_t. It has the same shapes, it learns,
and `backward` is the exact derivative of `forward`, so finite differences find nothing. But it is not the LSTM: at each
step the tanh shrinks what the cell holds, and the gradient on the way back. Only other people's numbers tell.
"""

import numpy as np

from lstm.cell import sigmoid


def forward(z, h0, c0, recurrent_kernel):
    """As `forward` of cell.py, but not the same."""
    (T, B, _), H = z.shape, h0.shape[1]
    gates = np.empty_like(z)
    h, c = np.empty((T + 1, B, H), z.dtype), np.empty((T + 1, B, H), z.dtype)
    h[0], c[0] = h0, c0
    for t in range(T):
        zi, zf, zg, zo = np.split(z[t] + h[t] @ recurrent_kernel, 4, axis=1)  # four of (B, H)
        i, f, g, o = sigmoid(zi), sigmoid(zf), np.tanh(zg), sigmoid(zo)
        c[t + 1] = np.tanh(f * c[t] + i * g)
        h[t + 1] = o * c[t + 1]
        gates[t] = np.concatenate((i, f, g, o), axis=1)  # (B, 4H)
    return gates, h, c


def backward(dh, dh_next, dc_next, gates, c, recurrent_kernel):
    """As `backward` of cell.py, and right: for the cell above."""
    dz = np.empty_like(gates)
    for t in reversed(range(len(dh))):
        i, f, g, o = np.split(gates[t], 4, axis=1)
        dh_t = dh[t] + dh_next
        da = (dh_t * o + dc_next) * (1 - c[t + 1] ** 2)  # of what is squashed
        di, df, dg, do = da * g, da * c[t], da * i, dh_t * c[t + 1]
        dz[t] = np.concatenate((di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)), axis=1)
        dh_next = dz[t] @ recurrent_kernel.T
        dc_next = da * f
    return dz, dh_next, dc_next
