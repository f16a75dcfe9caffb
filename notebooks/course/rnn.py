"""The plain recurrent network, in the form of cell.py: what the LSTM is compared with.

Forward (Elman 1990), for t = 1 .. T:

    z_t = x_t W + h_{t-1} U + b                                                        (1)
    h_t = tanh(z_t)                     all there is: no gate, and no cell beside h    (2)

Backward, from t = T to t = 1:

    dh_t = (from above) + dz_{t+1} U^T                                                 (3)
    dz_t = dh_t * (1 - h_t^2)                                                          (4)

Left out, as in cell.py, because they need no loop over time: x_t W + b, and the gradients of W, U, b and x.
"""

import numpy as np


def forward(z, h0, recurrent_kernel):
    """Run over a sequence: equations (1) and (2).

    z: (T, B, H), the inputs' share of (1), x W + b.
    h0: (B, H), the state before the first step.
    recurrent_kernel: (H, H), U.
    Returns h (T+1, B, H), the state *before* each step and after the last: h[0] is h0.
    """
    T, B, H = z.shape
    h = np.empty((T + 1, B, H), z.dtype)
    h[0] = h0
    for t in range(T):
        h[t + 1] = np.tanh(z[t] + h[t] @ recurrent_kernel)
    return h


def backward(dh, dh_next, h, recurrent_kernel):
    """Backpropagation through time: equations (3) and (4).

    dh: (T, B, H), the gradient that reaches each output h[t+1] from above.
    dh_next: (B, H), the gradient that reaches the last state from the sequence's continuation.
    h: as `forward` returned it.
    Returns dz (T, B, H) and the gradient of h0, (B, H).
    """
    dz = np.empty_like(dh)
    for t in reversed(range(len(dh))):
        dz[t] = (dh[t] + dh_next) * (1 - h[t + 1] ** 2)
        dh_next = dz[t] @ recurrent_kernel.T
    return dz, dh_next
