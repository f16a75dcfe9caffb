"""Which cells follow the bars of a tune, and would chance have found one that does as well?"""

import numpy as np

from lstm.notation.tunes import PROMPT

LEAST = 5  # characters that a target is shifted by at least: one that is shifted by two is still nearly itself


def traced(checkpoint, tune):
    """(what is read, its ids (T, 1), traces): the network reads a tune with the empty line before it.

    traces: of each layer {"i", "f", "g", "o", "c", "h": (T, 1, H)}, as CharRNN.trace returns them.
    """
    read = PROMPT[:-2] + tune.rstrip("\n")
    ids = checkpoint.vocabulary.encode(read)[:, None]
    return read, ids, checkpoint.model.trace(ids)


def since_bar_line(read):
    """(bars, body, since): the places of the bar lines; those from the first on; how far each is from the last line."""
    bars = np.array([at for at, character in enumerate(read) if character == "|" and at > read.index("\nK:")])
    body = np.arange(bars[0], len(read))
    return bars, body, body - bars[np.searchsorted(bars, body, side="right") - 1]


def correlations(cells, target):
    """Pearson's r of each cell with the target. cells: (T, H); target: (T,). Returns (H,)."""
    cells, target = cells - cells.mean(axis=0, dtype=np.float64), target - target.mean()
    return target @ cells / np.sqrt((cells**2).sum(axis=0) * (target**2).sum())


def best_by_chance(cells, target):
    """The largest |r| that any of the cells has with the target moved against them, for each shift from LEAST on.

    What moves off the end comes in again at the beginning. The target keeps its shape and loses its place, so this is
    what the best of so many cells has where there is nothing to find.
    """
    shifts = range(LEAST, len(target) - LEAST + 1)
    return np.array([np.abs(correlations(cells, np.roll(target, shift))).max() for shift in shifts])
