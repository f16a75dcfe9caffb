"""Batch rows as tasks on threads.

The rows of a batch do not meet until their gradients are summed. So a batch is cut into shards of whole
rows, each shard runs through all layers and all time steps on its own, and no thread waits for another in
between. How it is cut depends on the batch alone, never on the number of threads, and results are summed
in the order of the shards: any number of threads gives the same bits.
"""

import itertools
import os
from concurrent.futures import ThreadPoolExecutor

import numpy  # noqa: F401  because the controller sees only the libraries that are loaded by now
from threadpoolctl import ThreadpoolController

BLAS = ThreadpoolController()
MOST = 8  # shards: enough for some cores, and few enough for the work on each to be worth a task
UNIT = 4  # rows: half a register tile with AVX-512, a whole one without; the same everywhere, as are the bits


def shards(B):
    """The slices of rows that a batch of B rows is cut into: `shards(20)` -> rows 0-8, 8-12, 12-16, 16-20.

    One for each 8 rows, at most MOST, in whole units of rows; and an even number of them where there are rows
    enough, because cores come in even numbers.
    """
    units = -(-B // UNIT)
    count = min(MOST, units, 2 * -(-B // 16))
    edges = [0]
    for s in range(count):
        edges.append(edges[-1] + units // count + (s < units % count))
    return [slice(start * UNIT, min(end * UNIT, B)) for start, end in zip(edges, edges[1:])]


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
        items = list(items)
        results, following = [None] * len(items), itertools.count()

        def work():
            # Each thread takes the next item until none is left: waking a thread costs more than some items.
            while (n := next(following)) < len(items):
                results[n] = function(items[n])

        with one_blas_thread():
            if self._pool is None:
                work()
            else:
                for worker in [self._pool.submit(work) for _ in range(min(self.threads, len(items)))]:
                    worker.result()  # raises what was raised there
        return results
