"""The layers: embedding, LSTM, dropout, dense. Forward and backward of each stand together.

A layer holds nothing but its parameters, which are views into one flat vector. `forward` returns what it
computed and a cache; `backward` takes the gradient of the output and that cache, returns the gradient of
the input, and writes the gradients of its parameters into `gradient`: the same layer over another vector.
"""

from dataclasses import dataclass

import numpy as np

from lstm import cell


def rows(x):
    """(T, B, N) as (T*B, N): products over all time steps at once are one large matrix product."""
    return x.reshape(-1, x.shape[-1])


@dataclass(frozen=True)
class Embedding:
    """A learnt vector for each character."""

    embedding: np.ndarray  # (V, E)

    def forward(self, ids):
        """ids (T, B) -> x (T, B, E), cache."""
        return self.embedding[ids], ids

    def backward(self, dx, ids, gradient):
        """Each row's gradient is the sum over the places where its character stood."""
        order = np.argsort(ids, axis=None, kind="stable")
        present, first = np.unique(ids.ravel()[order], return_index=True)
        gradient.embedding[:] = 0
        gradient.embedding[present] = np.add.reduceat(rows(dx)[order], first, axis=0)


@dataclass(frozen=True)
class Dense:
    """y = x W + b."""

    kernel: np.ndarray  # (H, V)
    bias: np.ndarray  # (V,)

    def forward(self, x):
        """x (T, B, H) -> y (T, B, V), cache."""
        y = rows(x) @ self.kernel + self.bias
        return y.reshape(*x.shape[:-1], -1), x

    def backward(self, dy, x, gradient):
        """dy (T, B, V) -> dx (T, B, H)."""
        dy = rows(dy)
        np.matmul(rows(x).T, dy, out=gradient.kernel)
        np.sum(dy, axis=0, out=gradient.bias)
        return (dy @ self.kernel.T).reshape(x.shape)


@dataclass(frozen=True)
class LSTM:
    """One LSTM layer. The loop over time is `backend`'s (cell.py or kernels.py); what needs no loop is here."""

    kernel: np.ndarray  # W, (E or H, 4H)
    recurrent_kernel: np.ndarray  # U, (H, 4H)
    bias: np.ndarray  # b, (4H,)

    def forward(self, x, h0, c0, backend=cell):
        """x (T, B, E or H), state h0, c0 (B, H) -> h (T, B, H), the state after the last step, cache."""
        z = rows(x) @ self.kernel  # (T*B, 4H)
        z += self.bias
        gates, h, c = backend.forward(z.reshape(*x.shape[:-1], -1), h0, c0, self.recurrent_kernel)
        return h[1:], (h[-1], c[-1]), (x, gates, h, c)

    def backward(self, dh, dh_next, dc_next, cache, gradient, backend=cell):
        """dh (T, B, H) from above, gradients of the last state -> dx, gradients of the first state."""
        x, gates, h, c = cache
        dz, dh0, dc0 = backend.backward(dh, dh_next, dc_next, gates, c, self.recurrent_kernel)
        dz = rows(dz)
        np.matmul(rows(x).T, dz, out=gradient.kernel)
        np.matmul(rows(h[:-1]).T, dz, out=gradient.recurrent_kernel)
        np.sum(dz, axis=0, out=gradient.bias)
        return (dz @ self.kernel.T).reshape(x.shape), dh0, dc0


@dataclass(frozen=True)
class Dropout:
    """Zero a share of the outputs in training, so that no unit can rely on another one."""

    rate: float

    def forward(self, x, key, first_row=0, backend=cell):
        """x (T, B, H) -> the same with a share `rate` zeroed; key None switches it off (evaluation)."""
        return x if key is None or not self.rate else backend.dropout(x, self.rate, key, first_row)

    backward = forward  # multiplying by the same mask again is what the chain rule asks for
