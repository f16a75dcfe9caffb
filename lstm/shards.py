"""Batch rows as tasks on threads.

The rows of a batch do not meet until their gradients are summed. So a batch is cut into shards of whole
rows, each shard runs through all layers and all time steps on its own, and no thread waits for another in
between. How it is cut depends on the batch alone, never on the number of threads, and results are summed
in the order of the shards: any number of threads gives the same bits.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from threadpoolctl import ThreadpoolController

BLAS = ThreadpoolController()
ROWS = 8  # enough for the recurrent product to use each weight it loads several times
MOST = 8  # shards; each has a gradient of its own to be summed


def shards(B):
    """The slices of rows that a batch of B rows is cut into: `shards(20)` -> rows 0-7, 7-14, 14-20."""
    count = min(MOST, -(-B // ROWS))
    edges = [-(-B * s // count) for s in range(count + 1)]
    return [slice(start, end) for start, end in zip(edges, edges[1:])]


def default_threads():
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_blas_thread():
    """Within this context a matrix product runs in the thread that calls it; afterwards as before."""
    return BLAS.limit(limits=1, user_api="blas")


class Workers:
    """Threads that run tasks. Meanwhile BLAS starts none of its own: they would fight over the same cores."""

    def __init__(self, threads=1):
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def map(self, function, items):
        """[function(item) for item in items], side by side."""
        with one_blas_thread():
            return list((self._pool.map if self._pool else map)(function, items))
