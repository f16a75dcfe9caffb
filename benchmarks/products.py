"""The matrix products of a training step, each by its shape: as we do it, by NumPy alone, by PyTorch; on one thread.

Those of the loop over time are done T times with the same weights; we pack them once, and that is in our time.
"""

from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.cases import TRAINING
from benchmarks.roofline import sgemm

ONE_THREAD = ExitStack()  # until this process ends


class Product(NamedTuple):
    """out (M, N) = a (M, K) b (K, N), `times` times; a or b may be the transpose of what lies in memory."""

    M: int
    K: int
    N: int
    times: int = 1
    a_transposed: bool = False
    b_transposed: bool = False

    @property
    def flop(self):
        """Its operations, a multiply-add being two."""
        return 2 * self.M * self.K * self.N * self.times

    def arrays(self):
        """Random a, b and room for the result, in float32."""
        rng = np.random.default_rng(0)

        def matrix(rows, columns, transposed):
            made = rng.standard_normal((columns, rows) if transposed else (rows, columns), np.float32)
            return made.T if transposed else made

        a, b = matrix(self.M, self.K, self.a_transposed), matrix(self.K, self.N, self.b_transposed)
        return a, b, np.zeros((self.M, self.N), np.float32)


def products_of(case):
    """Name -> Product, of one step: all but those of the embedding and the dense layer, which are the same kind."""
    M, H = case.T * case.B, case.H
    return {
        "x W": Product(M, H, 4 * H),
        "dz W^T": Product(M, 4 * H, H, b_transposed=True),
        "x^T dz": Product(H, M, 4 * H, a_transposed=True),
        "h U": Product(case.B, H, 4 * H, case.T),
        "dz U^T": Product(case.B, 4 * H, H, case.T, b_transposed=True),
    }


def of_the_ends(case):
    """The same of the embedding, which has a row for each of V characters, and of the dense layer."""
    M, V, E, H = case.T * case.B, case.V, case.E, case.H
    return {
        "embedding, x W": Product(V, E, 4 * H),
        "embedding, W dz^T": Product(E, 4 * H, V, b_transposed=True),
        "embedding, x^T dz": Product(E, V, 4 * H, a_transposed=True),
        "dense, x W": Product(M, H, V),
        "dense, dy W^T": Product(M, V, H, b_transposed=True),
        "dense, x^T dy": Product(H, M, V, a_transposed=True),
    }


PRODUCTS = {f"{label}: {name}": p for label, case in TRAINING.items() for name, p in products_of(case).items()}
PRODUCTS |= {f"reference: {name}": p for name, p in of_the_ends(TRAINING["reference"]).items()}


def ours(product, threads):
    """As layers.py and kernels.py do it, in pieces."""
    from lstm.engine import tile
    from lstm.engine.jit import compiled
    from lstm.engine.threads import by_columns, by_time

    a, b, out = product.arrays()
    ONE_THREAD.enter_context(threadpool_limits(1))  # as in a step: once for all its products

    @compiled
    def over_time(a, b, out, times):
        panels = tile.pack(b, 0, b.shape[1])
        for _ in range(times):
            tile.add_product(a, panels, out)

    def rows(m):
        np.matmul(a[m], b, out=out[m])

    def columns(n):
        np.matmul(a, b[:, n], out=out[:, n])

    by_column = product.a_transposed or product.M < 128  # of a gradient; of the embedding's table
    tasks = by_columns(columns, product.N) if by_column else by_time(rows, product.M, 1)

    def multiply():
        if product.times > 1:
            over_time(a, b, out, product.times)
        else:
            for task in tasks:
                task()

    return multiply


def by_numpy(product, threads):
    """As a whole, and at each time step anew."""
    a, b, out = product.arrays()
    ONE_THREAD.enter_context(threadpool_limits(1))

    def multiply():
        for _ in range(product.times):
            np.matmul(a, b, out=out)

    return multiply


def by_torch(product, threads):
    """The same in PyTorch."""
    import torch

    torch.set_num_threads(1)
    a, b, out = map(torch.from_numpy, product.arrays())

    def multiply():
        for _ in range(product.times):
            torch.mm(a, b, out=out)

    return multiply


PEAK = "sgemm 2048"  # what the products are compared with, on the same thread
WORK = {"ours": ours, "NumPy": by_numpy, "PyTorch": by_torch, PEAK: sgemm(2048)}
