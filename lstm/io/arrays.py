"""Arrays that come from outside: of the shape and the type that belong there, or refused in one line.

Compiled code reads and writes wherever it is pointed to. So the public functions look at their arrays before it runs.
"""

import numbers
import re
from functools import cache, lru_cache

import numpy as np

from lstm.io import InputError, shown

FLOATS = np.dtype(np.float32), np.dtype(np.float64)  # in this machine's order of bytes
OF_WHOLE = " of whole numbers"
TERM = r"(\d*)([A-Z])(?:\+(\d))?"  # such as T, 4H or T+1


@cache
def parsed(text):
    """What a text says of an array: its name, its axes, each axis as (times, letter, more), whether it is whole.

    >>> parsed("gates (T+1, B, 4H)")
    ('gates', '(T+1, B, 4H)', ((1, 'T', 1), (1, 'B', 0), (4, 'H', 0)), False)
    """
    name, axes = text.removesuffix(OF_WHOLE).split(" ", 1)
    terms = tuple((int(times or 1), letter, int(more or 0)) for times, letter, more in re.findall(TERM, axes))
    return name, axes, terms, text.endswith(OF_WHOLE)


def check_arrays(arrays, dtype=None, plain=(), **sizes):
    """Raise InputError unless arrays are what their keys say, such as {"ids (T, B) of whole numbers": ids}.

    The same letter is the same size in all of them, at least 1: that in `sizes`, or that of the first array with it.
    Floats are all of the same dtype, float32 or float64: the one that is given, or that of the first.
    plain: the names of those that must lie in memory as compiled code takes them: in C order, aligned and writeable.
    Returns the sizes, {letter: number}.
    """
    for text, array in arrays.items():
        if not isinstance(array, np.ndarray):
            name, axes, *_ = parsed(text)
            raise InputError(f"{name} {shown(array)} must be an array of NumPy, {axes}")
    found, complaint = sizes_of(tuple(arrays), tuple(array.shape for array in arrays.values()), tuple(sizes.items()))
    if complaint:
        raise InputError(complaint)
    for text, array in arrays.items():
        name, axes, _, whole = parsed(text)
        if whole and array.dtype.kind not in "iu":
            raise InputError(f"{name} {axes} holds {array.dtype}, not whole numbers")
        if not whole:
            if dtype is None:
                dtype = array.dtype if array.dtype in FLOATS else "float32 or float64"
            if array.dtype != dtype:
                raise InputError(f"{name} {axes} holds {array.dtype}, not {dtype}; .astype makes it so")
            if name in plain and not array.flags.carray:
                raise InputError(f"{name} {axes} must be in C order, aligned and writeable; .copy() makes it so")
    return dict(found)


@lru_cache(4096)  # because a training step asks the same a hundred times
def sizes_of(texts, shapes, sizes):
    """What check_arrays finds of shapes: the sizes of the letters, and what is wrong or ""."""
    sizes = dict(sizes)
    for text, shape in zip(texts, shapes):
        known = dict(sizes)
        if not fits(shape, parsed(text)[2], sizes):
            return {}, misfit(text, shape, known, texts[0], shapes[0])
    return sizes, ""


def fits(shape, terms, sizes):
    """Whether a shape is that of the terms; letters without a size get the shape's."""
    if len(shape) != len(terms):
        return False
    for length, (times, letter, more) in zip(shape, terms):
        size, rest = divmod(length - more, times)
        if rest or size < 1 or sizes.setdefault(letter, size) != size:
            return False
    return True


def misfit(text, shape, sizes, first, first_shape):
    """The complaint about an array of another shape: its shape, the one that it must have, and why."""

    def number(term):
        times, letter, more = int(term[1] or 1), term[2], int(term[3] or 0)
        return str(times * sizes[letter] + more) if letter in sizes else term[0]

    name, axes, *_ = parsed(text)
    required = re.sub(TERM, number, axes)
    wanted = axes if required == axes else f"{axes} = {required}"
    beside = "" if first == text else f" beside {' '.join(parsed(first)[:2])} of shape {first_shape}"
    empty = ", at least 1 each" if 0 in shape else ""
    return f"{name} has shape {shape}, and{beside} must have {wanted}{empty}"


def check_range(name, ids, size):
    """Raise InputError unless all of some whole numbers, one at least, are from 0 up to and without `size`."""
    least, most = ids.min(), ids.max()
    if least < 0 or most >= size:
        raise InputError(f"{name} has {least if least < 0 else most}, and must be at least 0 and less than {size}")


def check_piece(piece, size):
    """The start of a slice of consecutive steps out of `size`. Raises InputError for anything else."""
    ends = (piece.start, piece.stop, piece.step) if isinstance(piece, slice) else (piece,)
    consecutive = all(end is None or isinstance(end, numbers.Integral) for end in ends) and ends[-1] in (None, 1)
    if not consecutive or len(ends) == 1:
        raise InputError(f"piece {shown(piece)} must be a slice of consecutive steps")
    return piece.indices(size)[0]
