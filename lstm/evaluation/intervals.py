"""How sure a figure is: 95 % intervals for what was measured on some tunes and is said of all that could be composed.

A tune is the unit: the bars of one tune are right or wrong together, so they are never resampled apart.
"""

import math
from typing import NamedTuple

import numpy as np

Z = 1.959964  # of a standard normal variable 95 % lie within -Z .. Z
RESAMPLES = 2000


class Estimate(NamedTuple):
    """A figure and its 95 % interval. All three are NaN where there was nothing to measure."""

    value: float
    low: float
    high: float


NOTHING = Estimate(math.nan, math.nan, math.nan)


def share(hits):
    """The share of true ones in a list of booleans, with Wilson's interval (1927), which is fit for 0 and 100 % too."""
    if not hits:
        return NOTHING
    n, p = len(hits), sum(hits) / len(hits)
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return Estimate(p, min(p, middle - half), max(p, middle + half))


def ratio(parts, wholes=None, seed=0):
    """sum(parts) / sum(wholes) over tunes, such as right bars of all bars; without wholes the mean of the parts.

    The interval is Efron's percentile bootstrap (1979): tunes are drawn anew, with repetition, RESAMPLES times.
    """
    parts = np.asarray(parts, float)
    wholes = np.ones_like(parts) if wholes is None else np.asarray(wholes, float)
    if not wholes.sum():
        return NOTHING
    n = len(parts)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES)  # how often each tune
    tops, bottoms = drawn @ parts, drawn @ wholes
    low, high = np.quantile(tops[bottoms > 0] / bottoms[bottoms > 0], [0.025, 0.975])
    value = float(parts.sum() / wholes.sum())
    return Estimate(value, min(value, float(low)), max(value, float(high)))
