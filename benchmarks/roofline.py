"""What the machine can do at most: its peak of matrix products, and its memory bandwidth.

The peak is the best np.matmul of large square float32 matrices, the bandwidth the best of two loops over arrays
beyond all caches: all threads, in the same rounds as the training steps they are compared with.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

SIZES = (1024, 2048, 4096)
LENGTH = 2**25  # float32 in each array: 128 MB


def sgemm(size):
    """A participant: one product of that size."""

    def participant(case, threads):
        from threadpoolctl import threadpool_limits

        a, b = np.random.default_rng(0).random((2, size, size), np.float32)
        out = np.empty_like(a)

        def multiply():
            with threadpool_limits(threads):
                np.matmul(a, b, out=out)

        return multiply

    return participant


def over_arrays(loop):
    """A participant that runs loop(a, b, c) over an equal part of three arrays on each thread."""

    def participant(case, threads):
        arrays = np.ones((3, threads, LENGTH // threads), np.float32)
        pool = ThreadPoolExecutor(threads)
        return lambda: list(pool.map(loop, *arrays))

    return participant


def copy(a, b, c):
    """Two numbers moved each: one read, one written."""
    np.copyto(a, b)


def triad(case, threads):
    """McCalpin's: a = b + s c, three numbers moved each."""
    from numba import njit

    @njit(nogil=True)
    def loop(a, b, c):
        for j in range(a.size):
            a[j] = b[j] + np.float32(3) * c[j]

    return over_arrays(loop)(case, threads)


ROOFLINE = {f"sgemm {size}": sgemm(size) for size in SIZES} | {"copy": over_arrays(copy), "triad": triad}
# what each does in one call: floating-point operations, or bytes moved
FLOP = {f"sgemm {size}": 2 * size**3 for size in SIZES}
BYTES = {"copy": 2 * 4 * LENGTH, "triad": 3 * 4 * LENGTH}
