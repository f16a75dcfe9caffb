"""What comes of the ways to choose the next character: tunes by temperature, their bars, a tree of continuations."""

import re
from typing import NamedTuple

import numpy as np

from course.staged_training import continuations
from lstm.batches import Batches
from lstm.evaluation.novelty import longest_copied
from lstm.evaluation.quality import ratio, share
from lstm.notation.judge import count_bars
from lstm.notation.tunes import body

BAR_LINES = re.compile(r"[|:\[\]]+\d?")  # with the number of an ending
LOOP = 3  # so many times the same bar in a row is a loop
SKIPPED = 100  # characters of a row before which the network knows too little of its tune


def bars_of(tune):
    """The texts between the bar lines of a tune, without blanks."""
    bars = BAR_LINES.split(re.sub(r"\s", "", body(tune)))
    return [bar for bar in bars if bar]


def returning(bars):
    """The share of bars that have been in the tune before."""
    return 1 - len(set(bars)) / len(bars) if bars else 0.0


def longest_run(bars):
    """The most times that a bar comes in a row."""
    longest = run = 0
    for n, bar in enumerate(bars):
        run = run + 1 if n and bar == bars[n - 1] else 1
        longest = max(longest, run)
    return longest


def figures_of(tunes, spans):
    """{name: Estimate} of tunes: bars of the right length, the longest copied span, bars that return, loops.

    spans: of the training text, by `novelty.spans_of`.
    """
    bars, fit = zip(*map(count_bars, tunes))
    written = [bars_of(tune) for tune in tunes]
    return {
        "bars right": ratio(fit, bars),
        "longest copied span": ratio([longest_copied(body(tune), spans) for tune in tunes]),
        "bars that return": ratio([returning(one) for one in written]),
        "tunes that loop": share([longest_run(one) >= LOOP for one in written]),
    }


def next_logits(model, ids, rows=8, steps=1000):
    """What the network says at many places of a text that it reads: logits (N, V), and the ids that did follow, (N,).

    ids: of tunes that training never saw.
    """
    inputs, targets = Batches(ids, rows, steps)[0]  # (T, B)
    logits, _, _ = model.forward(inputs, model.initial_state(rows))
    return logits[SKIPPED:].reshape(-1, logits.shape[-1]).astype(float), targets[SKIPPED:].ravel()


class Branch(NamedTuple):
    """A bar of a tree of continuations, and what may follow it."""

    bar: str
    followed_by: list


def tree(model, vocabulary, prime, depth=2, ways=3, temperature=0.8, random_seed=0):
    """`ways` bars that the network would go on with after `prime`, each followed by others: Branches, `depth` deep."""
    if not depth:
        return []
    going_on = continuations(model, vocabulary, prime, ways, temperature, random_seed)
    bars = sorted({tune[len(prime.lstrip("\n")) :].partition("|")[0] for tune in going_on})
    how = depth - 1, ways, temperature, random_seed
    return [Branch(bar, tree(model, vocabulary, f"{prime}{bar}|", *how)) for bar in bars]


def leaves(branches, before=""):
    """The ways through Branches, from the root to an end: the text of each."""
    for branch in branches:
        text = f"{before}{branch.bar}|"
        if branch.followed_by:
            yield from leaves(branch.followed_by, text)
        else:
            yield text


def reliability(p, happened, edges):
    """Of probabilities in each bin [edges[n], edges[n+1]): their mean, and the share of them that happened.

    p, happened: (N,). Bins without any are NaN.
    """
    place = np.digitize(p, edges[1:-1])
    counts = np.bincount(place, minlength=len(edges) - 1).astype(float)
    counts[counts == 0] = np.nan
    return tuple(np.bincount(place, weights=values, minlength=len(counts)) / counts for values in (p, happened))
