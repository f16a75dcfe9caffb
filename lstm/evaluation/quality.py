"""How good are these tunes? Many are composed, judged one by one, and summed up in figures with 95 % intervals.

Nothing is filtered and nothing repaired: what the model composed is what is judged. The same figures of tunes that
people made say what could be reached at all.

An interval says how sure a figure is that was measured on some tunes and is said of all that could be composed. A tune
is the unit: the bars of one tune are right or wrong together, so they are never resampled apart.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np

from lstm.evaluation.novelty import longest_copied, seen
from lstm.io import child_process
from lstm.notation.judge import judge_tune
from lstm.notation.tunes import END, body, count_notes
from lstm.sampling import Draw
from lstm.streams import LONGEST_TUNE, generate_many, generators, in_order, opening

# The names of the figures, as tables, files and plots have them.
VALIDITY = ["without error", "without error or warning", "bars right"]
NOVELTY = ["longest copied span", "12-grams seen", "24-grams seen"]
LARGEST = "the longest of all"
EXTENT = ["notes per tune", "finished"]

Z = 1.959964  # of a standard normal variable 95 % lie within -Z .. Z
RESAMPLES = 2000
# What Z is for the mean of few numbers: of Student's t with 1, 2, .. degrees of freedom 95 % lie within.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201)


class Composed(NamedTuple):
    """A tune that a model composed."""

    text: str
    finished: bool  # the model ended it, before it was cut at LONGEST_TUNE


def tunes_of_network(checkpoint, count, temperature=1.0, random_seed=0, threads=None):
    """An iterator over `count` Composed tunes of the network: the ones that sample.py has for the same random seed."""
    prime, echo = opening(checkpoint)
    how = {"draw": Draw(temperature), "threads": threads}
    rngs, text = generators(random_seed, count), echo
    chunks = generate_many(checkpoint.model, checkpoint.vocabulary, prime, rngs, LONGEST_TUNE, **how)
    for _, characters, end in in_order(chunks):
        text += characters
        if end:
            yield Composed(text, end == "tune")
            text = echo


def tunes_of_n_gram(n_gram, checkpoint, count, temperature=1.0, random_seed=0):
    """The same by an n-gram model, which begins as the network of the checkpoint does."""
    prime, echo = opening(checkpoint)
    for rng in generators(random_seed, count):
        text = echo
        for character in islice(n_gram.generate(prime, rng, temperature), LONGEST_TUNE):
            text += character
            if text.endswith(END):
                break
        yield Composed(text.removesuffix(END[1:]), text.endswith(END))


def judge_all(tunes, abc2midi, threads=1):
    """An iterator over the Verdicts of tunes, in order. Each has a child process, and `threads` run at once."""
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from pool.map(lambda tune: judge_tune(tune, abc2midi), tunes)
        except KeyboardInterrupt:
            child_process.end_all()  # else the pool would wait for them
            raise


def validity(verdicts):
    """The shares of tunes without error, of those without a warning too, and of all measured bars that are right."""
    sound = [verdict.converted and not verdict.errors for verdict in verdicts]
    clean = [fine and not verdict.warnings for fine, verdict in zip(sound, verdicts)]
    bars = ratio([verdict.bars_right for verdict in verdicts], [verdict.bars for verdict in verdicts])
    return dict(zip(VALIDITY, (share(sound), share(clean), bars)))


def novelty(tunes, spans):
    """How much of the tunes' music is among `spans`: the longest copied span in characters, a mean over the tunes and
    the largest of all, and the shares of their 12-grams and 24-grams.
    """
    texts = [body(tune) for tune in tunes]
    longest = [longest_copied(text, spans) for text in texts]
    shares = [ratio(*zip(*(seen(text, n, spans) for text in texts))) for n in (12, 24)]
    largest = Estimate(max(longest), math.nan, math.nan)  # no interval: it grows with the number of tunes
    return dict(zip(NOVELTY, (ratio(longest), *shares))) | {LARGEST: largest}


class Summary(NamedTuple):
    """What is known of the tunes of one source."""

    source: str
    temperature: float  # None: people have none
    tunes: int
    figures: dict  # {name: Estimate}, by the names above


def summarize(source, temperature, composed, verdicts, spans):
    """The Summary of Composed tunes; verdicts: of `judge_all` on them; spans: of the training text, by `spans_of`."""
    tunes, finished = zip(*composed)
    extent = dict(zip(EXTENT, (ratio([count_notes(tune) for tune in tunes]), share(finished))))
    return Summary(source, temperature, len(tunes), validity(verdicts) | novelty(tunes, spans) | extent)


# -- intervals


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


def mean(values):
    """The mean of 2 to 12 numbers, such as the losses from some seeds, with Student's interval (1908)."""
    values = np.asarray(values, float)
    value, n = float(values.mean()), len(values)
    half = STUDENT[n - 2] * float(values.std(ddof=1)) / math.sqrt(n)
    return Estimate(value, value - half, value + half)
