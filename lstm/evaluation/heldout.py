"""How well is a text predicted that no model has read? By the network, by n-gram models, by compressors.

All are measured on the same characters. Headers and music are told apart, because half of a header is the same in every
tune: a loss over both says little of the music.

An n-gram model of order k looks at the k characters before. What follows the same k in the training text gives the
probabilities, interpolated with those of order k - 1, and so on down to a uniform guess, by Witten & Bell's rule
(1991): a context seen N times, with D different characters after it, gives the shorter context the weight D / (N + D).

A compressor that has read the training text is a model as well: what it needs for the held-out text on top of that
are the bits it could not predict. Unlike an n-gram it goes on learning while it reads that, and tunes repeat
themselves. Some forget: gzip looks back 32 KB and no further, bzip2 keeps to blocks of 900 KB, xz looks back 64 MB.

What counts in Python, or looks for spans, takes a thousand times the memory of a text, and long. So of a large text all
of these know only the end that stands next to the held-out part, and are measured on the beginning of that part.
"""

import bz2
import gzip
import lzma
import math
from typing import NamedTuple

import numpy as np

from lstm.engine.threads import Workers
from lstm.notation.tunes import END, PROMPT, header_length, is_abc, split_tunes
from lstm.sampling import Draw, distribution, pick
from lstm.settings import Settings
from lstm.training import character_losses

ORDERS = range(1, 9)
MOST_KNOWN = 1_500_000  # characters of the training text that these models know
MOST_MEASURED = 1_000_000  # ... and of the held-out text that they are measured on; the network is on all of it


class NGram:
    """An n-gram model of a text, with all its lower orders.

    characters: the vocabulary, in order. A character that is not in the text gets its share of the uniform guess.
    """

    def __init__(self, text, order, characters):
        self.order, self.characters = order, characters
        self.tables = [table(text, k) for k in range(order + 1)]
        self._distributions = {}  # those it drew from, kept because the same contexts come again and again

    def __repr__(self):
        return f"NGram(order {self.order}: {sum(map(len, self.tables)):,} contexts)"

    def losses(self, text):
        """Nats of each character of a text under every order from 0 on: (order + 1, len(text))."""
        p, nats = np.full(len(text), 1 / len(self.characters)), []
        for k, after in enumerate(self.tables):
            for at in range(k, len(text)):
                counts = after.get(text[at - k : at])
                if counts:
                    N, D = sum(counts.values()), len(counts)
                    p[at] = (counts.get(text[at], 0) + D * p[at]) / (N + D)
            nats.append(-np.log(p))
        return np.stack(nats)

    def probabilities(self, before):
        """p of every character after the text `before`, (V,), in the order of the vocabulary."""
        p = np.full(len(self.characters), 1 / len(self.characters))
        for k, after in enumerate(self.tables[: len(before) + 1]):
            counts = after.get(before[len(before) - k :])
            if counts:
                N, D = sum(counts.values()), len(counts)
                p = (np.array([counts.get(c, 0) for c in self.characters]) + D * p) / (N + D)
        return p

    def generate(self, prime, rng, temperature=1.0):
        """An endless iterator of characters that continue `prime`, as `sampling.generate` is with a network."""
        before = prime[max(0, len(prime) - self.order) :]
        while True:
            key = before, temperature
            if key not in self._distributions:
                self._distributions[key] = distribution(np.log(self.probabilities(before)), Draw(temperature))
            character = self.characters[pick(self._distributions[key], rng.random())]
            yield character
            before = (before + character)[-self.order :] if self.order else ""


def table(text, order):
    """{so many characters: {a character after them: how often}} over a text.

    >>> table("banana", 2)
    {'ba': {'n': 1}, 'an': {'a': 2}, 'na': {'n': 1}}
    """
    after = {}
    for at in range(order, len(text)):
        counts = after.setdefault(text[at - order : at], {})
        counts[text[at]] = counts.get(text[at], 0) + 1
    return after


# At their strongest.
COMPRESSORS = {
    "gzip": lambda data: gzip.compress(data, 9, mtime=0),
    "bzip2": lambda data: bz2.compress(data, 9),
    "xz": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
}


def compressed(training, text):
    """{compressor: nats per character} of a text, given the training text: (C(training + text) - C(training)) / len.

    It is an estimate, and can come out below zero for a short text that the training text says word for word.
    """
    before, both, nats = training.encode(), (training + text).encode(), 8 * math.log(2)
    return {name: nats * (len(pack(both)) - len(pack(before))) / len(text) for name, pack in COMPRESSORS.items()}


# -- the network beside them


class Loss(NamedTuple):
    """What a text costs under a model, in nats per character; NaN where that cannot be told."""

    model: str
    nats: float
    header: float = math.nan
    music: float = math.nan
    accuracy: float = math.nan  # share of the characters that were the likeliest by the model


def losses(checkpoint, training, held_out, threads=1):
    """An iterator over the Losses of the held-out text: of the network, of n-gram models, of compressors.

    training, held_out: texts. The loss of the network is what `training.evaluate` gives for the ids of `held_out`; all
    others are of what `bounded` leaves of the two.
    """
    characters = checkpoint.vocabulary.characters
    ids, workers = checkpoint.vocabulary.encode(held_out), Workers(threads)
    nats, correct = character_losses(checkpoint.model, ids, Settings.seq_length, workers)
    read = slice(1, 1 + len(nats))  # the characters that the network predicts
    header = in_header(held_out, checkpoint.abc and is_abc(training))[read]
    yield loss_of("LSTM", nats, header, float(correct.mean()))
    known, measured = bounded(training, held_out)
    by_order = NGram(known, max(ORDERS), characters).losses(measured)[:, read]
    for order in ORDERS:
        yield loss_of(n_gram_name(order), by_order[order], header[: by_order.shape[1]])
    for name, loss in compressed(known, measured).items():
        yield Loss(f"{name}, given the training text", loss)


def bounded(training, held_out):
    """What all but the network know and are measured on: the two texts or, of long ones, whole tunes on either side of
    the place where the one ends and the other begins.
    """
    if len(training) > MOST_KNOWN:
        start = len(training) - MOST_KNOWN
        training = training[max(start, training.find(PROMPT, start) + len(END)) :]
    if len(held_out) > MOST_MEASURED:
        end = held_out.rfind(PROMPT, 0, MOST_MEASURED)
        held_out = held_out[: end + len(END) if end > 0 else MOST_MEASURED]
    return training, held_out


def in_header(text, abc=True):
    """For each character whether it belongs to the header of a tune: booleans (len(text),). None does but in ABC."""
    if not abc:
        return np.zeros(len(text), bool)
    return np.concatenate([np.arange(len(tune)) < header_length(tune) for tune in split_tunes(text)])


def loss_of(model, nats, header, accuracy=math.nan):
    """The Loss of characters that cost `nats` (n,); header: whether each belongs to a header, (n,)."""
    whole = float(nats.mean(dtype=np.float64))
    if not header.any():
        return Loss(model, whole, accuracy=accuracy)
    parts = (float(part.mean(dtype=np.float64)) for part in (nats[header], nats[~header]))
    return Loss(model, whole, *parts, accuracy)


def n_gram_name(order):
    """What an n-gram model is called in a Loss."""
    return f"n-gram, order {order}"


def best_order(costs):
    """The order of the n-gram model with the lowest loss. costs: Losses."""
    nats = {cost.model: cost.nats for cost in costs}
    return min(ORDERS, key=lambda order: nats[n_gram_name(order)])
