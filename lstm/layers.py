"""The layers: embedding, LSTM, dropout, dense. Forward and backward of each stand together.

A layer holds nothing but its parameters, which are views into one flat vector. `forward` returns what it
computed and a cache; `backward` takes the gradient of the output and that cache, and returns the gradient of
the input and the `parts` of the gradients of its parameters. Those are sums over all places in the batch, which
is cut into shards. So `gradients` takes the parts of all shards; it is called on the same layer over the gradient's
vector, and gives a task for each of its arrays, which fills it.

`backend` is cell.py or kernels.py: what does the matrix products and the loop over time.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from lstm import cell

BLOCK = 512  # columns of a kernel's gradient that are one task; fixed, as are all bits


def rows(x):
    """(T, B, N) as (T*B, N): products over all time steps at once are one large matrix product."""
    return x.reshape(-1, x.shape[-1])


def affine(x, kernel, bias, backend):
    """x (M, K) W + b, (M, N)."""
    y = backend.empty((len(x), len(bias)), x.dtype)
    y[:] = bias
    backend.add_product(x, kernel, y)
    return y


def affine_backward(dy, kernel, backend):
    """dy (M, N) -> dx (M, K) = dy W^T."""
    dx = backend.empty((len(dy), len(kernel)), dy.dtype)
    dx[:] = 0
    backend.add_product(dy, kernel.T, dx)
    return dx


def kernel_gradient(parts, into, backend):
    """Tasks: the sum of x^T dy over the parts (x (M, K), dy (M, N)), into an array (K, N).

    Each task does some of its columns, so that no thread is left with a large one while the others are done.
    """

    def task(first, last):
        into[:, first:last] = 0
        for x, dy in parts:
            backend.add_product(x.T, dy, into, first, last)

    N = into.shape[1]
    return [partial(task, first, min(first + BLOCK, N)) for first in range(0, N, BLOCK)]


def bias_gradient(parts, into):
    """A task: the sum of the rows of dy over the parts, into an array (N,)."""

    def task():
        into[:] = sum(dy.sum(axis=0) for _, dy in parts)

    return task


@dataclass(frozen=True)
class Embedding:
    """A learnt vector for each character."""

    embedding: np.ndarray  # (V, E)

    def forward(self, ids):
        """ids (T, B) -> x (P, E), the vectors of the P different characters; where (T, B), so that x[where] is
        the vector at each place; and the ids of the P, the cache.

        A text repeats its few characters, and what is the same need not be computed again: the next layer
        does for P rows of x what else it would do for T*B.
        """
        present, where = np.unique(ids, return_inverse=True)
        return self.embedding[present], where.reshape(ids.shape), present

    @staticmethod
    def backward(dx, present):
        """dx (P, E), already summed over the places of each character -> the parts."""
        return present, dx

    def gradients(self, parts):
        """A task for the embedding. Characters that are not there have no gradient."""

        def task():
            self.embedding[:] = 0
            for present, dx in parts:
                self.embedding[present] += dx

        return [task]


@dataclass(frozen=True)
class LSTM:
    """One LSTM layer. The loop over time is the backend's; the products that need no loop are here."""

    kernel: np.ndarray  # W, (E or H, 4H)
    recurrent_kernel: np.ndarray  # U, (H, 4H)
    bias: np.ndarray  # b, (4H,)

    def forward(self, x, h0, c0, where=None, backend=cell):
        """x (T, B, H), state h0, c0 (B, H) -> h (T, B, H), the state after the last step, cache.

        Or, after an embedding: x (P, E) and where (T, B), and step t of row b reads x[where[t, b]].
        """
        z = affine(rows(x), self.kernel, self.bias, backend)
        if where is None:
            z = z.reshape(*x.shape[:2], -1)  # (T, B, 4H)
        else:
            # "clip", because take would make a copy to check that all indices are there
            z = np.take(z, where, axis=0, out=backend.empty((*where.shape, z.shape[1]), z.dtype), mode="clip")
        gates, h, c = backend.forward(z, h0, c0, self.recurrent_kernel)
        return h[1:], (h[-1], c[-1]), (x, where, gates, h, c)

    def backward(self, dh, dh_next, dc_next, cache, backend=cell):
        """dh (T, B, H) from above, gradients of the last state -> dx, those of the first state, the parts.

        dx has the shape of x: after an embedding it is (P, E), summed over the places of each character.
        The cache is used up: the backend may write dz over its gates.
        """
        x, where, gates, h, c = cache
        dz, dh0, dc0 = backend.backward(dh, dh_next, dc_next, gates, c, self.recurrent_kernel)
        dz = dz_of_x = rows(dz)
        if where is not None:
            dz_of_x = backend.sum_by_place(dz, where.ravel(), len(x))
        dx = affine_backward(dz_of_x, self.kernel, backend).reshape(x.shape)
        return dx, (dh0, dc0), (rows(x), dz_of_x, rows(h[:-1]), dz)

    def gradients(self, parts, backend=cell):
        """Tasks for the recurrent kernel, the kernel and the bias: equation (13)."""
        from_x, from_h = [(x, dz) for x, dz, _, _ in parts], [(h, dz) for _, _, h, dz in parts]
        recurrent = kernel_gradient(from_h, self.recurrent_kernel, backend)
        return [*recurrent, *kernel_gradient(from_x, self.kernel, backend), bias_gradient(from_x, self.bias)]


@dataclass(frozen=True)
class Dropout:
    """Zero a share of the outputs in training, so that no unit can rely on another one."""

    rate: float

    def forward(self, x, key, first_row=0, backend=cell):
        """x (T, B, H) -> the same with a share `rate` zeroed; key None switches it off (evaluation)."""
        if key is None or not self.rate:
            return x
        return backend.dropout(x, self.rate, key, first_row, out=backend.empty(x.shape, x.dtype))

    def backward(self, dy, key, first_row=0, backend=cell):
        """dy (T, B, H) -> dx, in its place: multiplied by the same mask, as the chain rule asks for."""
        if key is None or not self.rate:
            return dy
        return backend.dropout(dy, self.rate, key, first_row, out=dy)


@dataclass(frozen=True)
class Dense:
    """y = x W + b."""

    kernel: np.ndarray  # (H, V)
    bias: np.ndarray  # (V,)

    def forward(self, x, backend=cell):
        """x (T, B, H) -> y (T, B, V), cache."""
        return affine(rows(x), self.kernel, self.bias, backend).reshape(*x.shape[:2], -1), x

    def backward(self, dy, x, backend=cell):
        """dy (T, B, V) -> dx (T, B, H), the parts."""
        return affine_backward(rows(dy), self.kernel, backend).reshape(x.shape), (rows(x), rows(dy))

    def gradients(self, parts, backend=cell):
        """Tasks for the kernel and the bias."""
        return [*kernel_gradient(parts, self.kernel, backend), bias_gradient(parts, self.bias)]
