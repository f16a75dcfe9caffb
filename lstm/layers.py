"""The layers: embedding, LSTM, dense. Forward and backward of each stand together.

    x = table[ids]     dtable[k] = sum of dx where ids == k               embedding: a learnt row for each character
    y = x W + b        dx = dy W^T,   dW = x^T dy,   db = sum of dy       dense, and the inputs' share of the LSTM

A layer holds nothing but its parameters, which are views into one flat vector. `forward` returns what it computed
and a cache; `backward` takes the gradient of the output and that cache, returns the gradient of the input, and writes
the gradients of the parameters into `gradient`: the same layer over the gradient's vector.

The loop over time is the backend's (cell.py or kernels.py). All else is matrix products over all time steps at once, by
NumPy's BLAS. They are cut into tasks for threads: of a layer's output by time, of a kernel's gradient by columns.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from lstm import cell
from lstm.engine.machine import Machine
from lstm.engine.threads import by_columns, by_time
from lstm.io import InputError
from lstm.io.arrays import check_arrays, check_range

PLAIN = Machine(cell)  # one thread, and the textbook


def rows(x):
    """(T, B, N) as (T*B, N): products over all time steps at once are one large matrix product."""
    return x.reshape(-1, x.shape[-1])


class Dropout(NamedTuple):
    """Zero a share of a layer's inputs in training, so that no unit can rely on another one: see cell.dropout."""

    rate: float
    key: np.uint32
    first: int = 0  # which row of the whole batch is the first here

    def drop(self, x, out, t, backend):
        """Write steps t of x (T, B, H), after dropout, to `out`."""
        backend.dropout(x, self.rate, self.key, t, out, self.first)


def affine(x, kernel, bias, dropout, machine):
    """x (T, B, K) -> x W + b, (T, B, N), and x itself, both after dropout; None is no dropout."""
    y = machine.empty((*x.shape[:2], len(bias)), x.dtype)
    dropped = machine.empty(x.shape, x.dtype) if dropout else x

    def piece(t):
        if dropout:
            dropout.drop(x, dropped, t, machine.backend)
        np.matmul(rows(dropped[t]), kernel, out=rows(y[t]))
        y[t] += bias

    machine.workers.run(by_time(piece, *x.shape[:2]))
    return y, dropped


def affine_backward(dy, kernel, dropout, machine):
    """dy (T, B, N) -> dx (T, B, K) = dy W^T, and tasks that fill it.

    Dropout is its own backward: dx is multiplied by the same mask, as the chain rule asks for.
    """
    dx = machine.empty((*dy.shape[:2], len(kernel)), dy.dtype)

    def piece(t):
        np.matmul(rows(dy[t]), kernel.T, out=rows(dx[t]))
        if dropout:
            dropout.drop(dx, dx, t, machine.backend)

    return dx, by_time(piece, *dy.shape[:2])


def kernel_gradient(x, dy, gradient, n):
    """Columns n of the gradients of W and b: x^T dy, for x (M, K) and dy (M, N), and the sum of the rows of dy."""
    np.matmul(x.T, dy[:, n], out=gradient.kernel[:, n])
    gradient.bias[n] = dy[:, n].sum(axis=0)


def check_gradient(gradient, layer):
    """Raise InputError unless a gradient is a layer of the same shapes and dtypes."""
    for name, array in vars(layer).items():
        other = getattr(gradient, name, None)
        if getattr(other, "shape", None) != array.shape or other.dtype != array.dtype or not other.flags.writeable:
            raise InputError(f"the gradient's {name} must be {array.dtype} of shape {array.shape}, and writeable")


@dataclass(frozen=True)
class Embedding:
    """A learnt vector for each character."""

    embedding: np.ndarray  # (V, E)

    def __post_init__(self):
        check_arrays({"embedding (V, E)": self.embedding})

    def forward(self, ids):
        """ids (T, B) -> x (P, E), the vectors of the P different characters; where (T, B), so that x[where] is
        the vector at each place; and the ids of the P, the cache.

        A text repeats its few characters, and what is the same need not be computed again: the next layer
        does for P rows of x what else it would do for T*B.
        """
        check_arrays({"ids (T, B) of whole numbers": ids})
        check_range("ids (T, B)", ids, len(self.embedding))
        there = np.zeros(len(self.embedding), bool)
        there[ids] = True
        present = np.flatnonzero(there)
        return self.embedding[present], (there.cumsum() - 1)[ids], present

    @staticmethod
    def backward(dx, present, gradient):
        """dx (P, E), already summed over the places of each character. What is not there has no gradient."""
        arrays = {"dx (P, E)": dx, "present (P,) of whole numbers": present, "gradient (V, E)": gradient.embedding}
        check_arrays(arrays, plain=("gradient",))
        check_range("present", present, len(gradient.embedding))
        gradient.embedding[:] = 0
        gradient.embedding[present] = dx


@dataclass(frozen=True)
class LSTM:
    """One LSTM layer. The loop over time is the backend's; the products that need no loop are here."""

    kernel: np.ndarray  # W, (E or H, 4H)
    recurrent_kernel: np.ndarray  # U, (H, 4H)
    bias: np.ndarray  # b, (4H,)

    def __post_init__(self):
        of_layer = {"recurrent_kernel (H, 4H)": self.recurrent_kernel, "kernel (K, 4H)": self.kernel}
        check_arrays(of_layer | {"bias (4H,)": self.bias})

    def forward(self, x, h0, c0, where=None, dropout=None, machine=PLAIN):
        """x (T, B, H), its dropout, state h0, c0 (B, H) -> h (T, B, H), the state after the last step, cache.

        Or, after an embedding: x (P, E) and where (T, B), and step t of row b reads x[where[t, b]].
        """
        K, H = len(self.kernel), len(self.recurrent_kernel)
        given = {"x (T, B, K)": x} if where is None else {"where (T, B) of whole numbers": where, "x (P, K)": x}
        check_arrays(given | {"h0 (B, H)": h0, "c0 (B, H)": c0}, self.kernel.dtype, K=K, H=H)
        if where is None:
            z, x = affine(x, self.kernel, self.bias, dropout, machine)  # (T, B, 4H)
        else:
            check_range("where (T, B)", where, len(x))
            z = self.looked_up(x, where, machine)
        gates, h, c = machine.backend.forward(z, h0, c0, self.recurrent_kernel, machine)
        return h[1:], (h[-1], c[-1]), (x, where, dropout, gates, h, c)

    def looked_up(self, x, where, machine):
        """x (P, E), where (T, B) -> z (T, B, 4H): x W + b once for each character, then looked up at each place."""
        where = where.astype(np.intp, copy=False)  # older versions of NumPy take no uint64
        table = machine.empty((len(x), len(self.bias)), x.dtype)  # (P, 4H)
        z = machine.empty((*where.shape, len(self.bias)), x.dtype)

        def columns(n):
            np.matmul(x, self.kernel[:, n], out=table[:, n])
            table[:, n] += self.bias[n]

        def piece(t):
            # "clip", because take would make a copy to check that all indices are there
            np.take(table, where[t], axis=0, out=z[t], mode="clip")

        machine.workers.run(by_columns(columns, len(self.bias)))
        machine.workers.run(by_time(piece, *where.shape))
        return z

    def backward(self, dh, dh_next, dc_next, cache, gradient, machine=PLAIN):
        """dh (T, B, H) from above, gradients of the last state -> dx, those of the first state.

        dx has the shape of x: after an embedding it is (P, E), summed over the places of each character.
        The cache is used up: the backend may write dz over its gates.
        """
        check_gradient(gradient, self)
        x, where, dropout, gates, h, c = cache
        dz, dh0, dc0 = machine.backend.backward(dh, dh_next, dc_next, gates, c, self.recurrent_kernel, machine)
        of_h = of_x = rows(dz)  # (T*B, 4H)
        if where is not None:
            of_x = machine.empty((len(x), len(self.bias)), dz.dtype)  # (P, 4H)

        def columns(n):
            """Equation (13), some columns of it."""
            if where is not None:
                of_x[:, n] = machine.backend.sum_by_place(of_h[:, n], where.ravel(), len(x))
            kernel_gradient(rows(x), of_x, gradient, n)

        def recurrent_columns(n):
            np.matmul(rows(h[:-1]).T, of_h[:, n], out=gradient.recurrent_kernel[:, n])

        tasks = by_columns(recurrent_columns, len(self.bias)) + by_columns(columns, len(self.bias))
        if where is None:
            dx, of_dx = affine_backward(dz, self.kernel, dropout, machine)
            machine.workers.run(tasks + of_dx)
        else:
            machine.workers.run(tasks)
            dx = machine.empty(x.shape[::-1], x.dtype).T
            # dx^T = W dz^T, because with so few rows of dz a BLAS is faster this way round
            machine.workers.run(by_columns(lambda n: np.matmul(self.kernel[n], of_x.T, out=dx.T[n]), x.shape[1]))
        return dx, (dh0, dc0)


@dataclass(frozen=True)
class Dense:
    """y = x W + b."""

    kernel: np.ndarray  # (H, V)
    bias: np.ndarray  # (V,)

    def __post_init__(self):
        check_arrays({"kernel (H, V)": self.kernel, "bias (V,)": self.bias})

    def forward(self, x, dropout=None, machine=PLAIN):
        """x (T, B, H), its dropout -> y (T, B, V), cache."""
        check_arrays({"x (T, B, H)": x}, self.kernel.dtype, H=len(self.kernel))
        y, x = affine(x, self.kernel, self.bias, dropout, machine)
        return y, (x, dropout)

    def backward(self, dy, cache, gradient, machine=PLAIN):
        """dy (T, B, V) -> dx (T, B, H)."""
        x, dropout = cache
        check_arrays({"x (T, B, H)": x, "dy (T, B, V)": dy}, V=len(self.bias))
        check_gradient(gradient, self)
        dx, tasks = affine_backward(dy, self.kernel, dropout, machine)
        columns = partial(kernel_gradient, rows(x), rows(dy), gradient)
        machine.workers.run(by_columns(columns, len(self.bias)) + tasks)
        return dx
