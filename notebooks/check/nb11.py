"""The exercises of notebook 11, Make it fast: graded by parity and by counts, never by time."""

import tracemalloc

import numpy as np

from check import Wrong, close, exercise, several, shaped
from course import ladder, roofline

SIZES = ((1, 1, 1), (3, 4, 5), (16, 128, 448))


@exercise(hints=[
    "A product (B, K) times (K, N) has B N sums of K terms; each term is one multiplication and one addition.",
    "Two products: x W with K = E, and h U with K = H. N is 4H in both.",
])
def count_flop(answer):
    for B, E, H in SIZES:
        found, right = answer(B, E, H), ladder.flop(B, E, H)
        if np.ndim(found) or found != right:
            raise Wrong(f"for B = {B}, E = {E}, H = {H} it is {right:,}, and not {found}")


@exercise(hints=[
    "Bytes: h is B H numbers, U is H 4H, and z is B 4H, read and written. Each has `itemsize` bytes.",
    "Operations: those of h U alone. Then divide.",
])
def count_intensity(answer):
    for B, _, H in SIZES:
        for itemsize in (4, 8):
            close(f"the intensity for B = {B}, H = {H}, {itemsize} bytes a number", answer(B, H, itemsize),
                  roofline.intensity(B, H, 4 * H, itemsize))


@exercise(hints=[
    "Below the ridge memory is the limit: intensity times bandwidth. Above it the peak is. Which one holds?",
])
def roofline_bound(answer):
    for one in ((0.5, 200e9, 20e9), (10.0, 200e9, 20e9), (80.0, 200e9, 20e9)):
        close("the bound for intensity {}, peak {:g}, bandwidth {:g}".format(*one), answer(*one), roofline.bound(*one))


@exercise(hints=[
    "x (T, B, E) @ kernel (E, 4H) is one product for all steps: (T, B, 4H).",
    "Within the loop only h @ recurrent_kernel is left; then equations (2) to (7).",
])
def hoisted(answer):
    class Counted(np.ndarray):
        """An array that counts the products it is in."""

        products = 0

        def __array_ufunc__(self, ufunc, method, *inputs, **named):
            Counted.products += ufunc is np.matmul
            plain = [np.asarray(one) if isinstance(one, Counted) else one for one in inputs]
            return getattr(ufunc, method)(*plain, **named)

        def __array_function__(self, function, kinds, inputs, named):
            Counted.products += function in (np.dot, np.einsum, np.tensordot)
            plain = [np.asarray(one) if isinstance(one, Counted) else one for one in inputs]
            return function(*plain, **named)

    given = ladder.arrays(T=7, B=3, E=4, H=5, dtype=np.float64, seed=1)
    right = ladder.python_loops(*given)
    found = shaped(answer(*(one.copy() for one in given)), right.shape)
    close("h", found, right)
    x, h0, c0, kernel, recurrent_kernel, bias = given
    answer(x, h0, c0, kernel.view(Counted), recurrent_kernel, bias)
    if Counted.products != 1:
        raise Wrong(f"kernel is in {Counted.products} products for 7 time steps; one is enough")


@exercise(hints=[
    "np.matmul(h, recurrent_kernel, out=z) puts the product where z is. A plain `z = h @ U` makes a new array.",
    "`z += x_part` and `np.tanh(z, out=z)` write in place.",
])
def in_place(answer):
    rng = np.random.default_rng(2)
    h, U, x_part = rng.normal(size=(64, 64)), rng.normal(size=(64, 256)), rng.normal(size=(64, 256))
    z, before = np.full((64, 256), np.nan), x_part.copy()
    given = h.copy(), U.copy(), x_part, z
    tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        there = tracemalloc.get_traced_memory()[0]
        found = answer(*given)
        most = tracemalloc.get_traced_memory()[1] - there
    finally:
        if not tracing:  # others may be at it, as pytest is
            tracemalloc.stop()
    if found is not z:
        raise Wrong("it should return z itself, the array that it was given, and not another one")
    close("z", z, h @ U + before, 1e-12)
    close("x_part, which must stay as it was,", x_part, before, 0)
    if most > z.nbytes // 2:
        raise Wrong(f"it makes new arrays on its way: {most:,} bytes, where z has {z.nbytes:,}")


@exercise(hints=[
    "A row of the tile takes columns / width registers. So does the row of w; one more holds the number of a.",
    "rows * across + across + 1 <= registers, with across = columns // width. Solve for rows.",
])
def rows_of_a_tile(answer):
    for registers, width, columns in ((32, 16, 32), (16, 8, 16), (16, 4, 8), (32, 4, 16), (16, 8, 8)):
        right = max(n for n in range(1, registers) if roofline.fits_registers(n, columns, registers, width))
        found = answer(registers, width, columns)
        if np.ndim(found) or found != right:
            raise Wrong(f"with {registers} registers of {width} numbers and {columns} columns, {right} rows fit, "
                        f"and not {found}")


@exercise(hints=[
    "B // threads rows for each; the first B % threads threads get one more.",
    "The first thread begins at 0, each other one where the one before ends.",
])
def rows_of_threads(answer):
    for B, threads in ((16, 2), (7, 3), (5, 4), (2, 3)):
        right = [(int(one[0]), int(one[-1]) + 1) if len(one) else None
                 for one in np.array_split(np.arange(B), threads)]
        found = answer(B, threads)
        for n, ((_, part), edges) in enumerate(zip(several(found, [f"thread {n}" for n in range(threads)]), right)):
            first, last = (int(edge) for _, edge in several(part, ("first", "last")))
            if (last != first) if edges is None else (first, last) != edges:
                raise Wrong(f"{B} rows on {threads} threads: thread {n} gets {first} to {last}, "
                            f"it should get {edges or 'none'}")


@exercise(hints=[
    "Each of the three has one line that does needless work. What type has each array, how does it lie, who copies?",
    "A float64 array makes all that follows float64. `.copy()` in the loop copies all of U at each step. "
    "`x[:, :, t]` of a time-last array takes numbers that lie far apart.",
])
def slow_line(answer):
    right = {"A": "copy", "B": "float64", "C": "strides"}
    if not isinstance(answer, dict) or set(answer) != set(right):
        raise Wrong("it should be {'A': ..., 'B': ..., 'C': ...}")
    for name, word in answer.items():
        if word not in right.values():
            raise Wrong(f"{name}: one of 'copy', 'float64', 'strides', and not {word!r}")
        if word != right[name]:
            raise Wrong(f"{name} has another fault than {word!r}")
