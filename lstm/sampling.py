"""Sampling: draw one character after another, each from the distribution that the model gives for it.

Each text has random numbers of its own, one for each character. So the same random seed gives the same text: to the
bit on one machine, with any number of threads, alone or beside other texts. Another machine, precision or backend adds
up sums in another order, so the last bits of a probability may differ there. If the random number falls just between,
another character is drawn, and the rest of the text differs too.

Left out: many texts side by side, and where a tune ends; see streams.py. The fast twin is sampling_kernels.py.
"""

from typing import NamedTuple

import numpy as np

from lstm import sampling_kernels
from lstm.io import InputError
from lstm.loss import log_softmax


class Draw(NamedTuple):
    """How a character is drawn.

    top_k and top_p both cut softmax(logits / temperature): what the one drops still counts for the other, and only what
    both keep is scaled to the sum 1, at the end.
    """

    temperature: float = 1.0  # divides the logits: below 1 the likely gets likelier; 0 leaves only the likeliest
    top_k: int = 0  # keep the k likeliest (0: all)
    top_p: float = 1.0  # keep the likeliest that together have at least this probability (Holtzman et al. 2020)


def distribution(logits, draw=Draw()):
    """The probabilities to draw from: softmax(logits / temperature), cut to the likely characters. float64 (V,)."""
    logits = np.asarray(logits, np.float64)
    order = np.argsort(-logits, kind="stable")  # likeliest first; of equals, the first
    kept = np.zeros(logits.size)
    if draw.temperature == 0:
        kept[order[0]] = 1
        return kept
    p = np.exp(log_softmax(logits / draw.temperature))[order]
    likely = np.cumsum(p) - p < draw.top_p  # true while the ones before have less than top_p
    likely[draw.top_k or p.size :] = False
    likely[0] = True  # because even with top_p 0 there must be one to draw
    kept[order] = np.where(likely, p, 0)
    return kept / kept.sum()


def pick(p, uniform):
    """An index with probability p[index], by inversion of the cumulative distribution at a number from [0, 1)."""
    cumulative = np.cumsum(p)
    return int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))


class Sampler:
    """Draws the characters of B texts side by side, with any model: the readable twin of sampling_kernels.Sampler."""

    chunk = 1  # characters of each text to ask for at a time

    def __init__(self, model, draw=Draw()):
        self.model, self._how = model, draw

    def read(self, ids):
        """ids (T,) -> the state before the last of them is read."""
        state = self.model.initial_state()
        return self.model.forward(ids[:-1, None], state)[1] if len(ids) > 1 else state

    def draw(self, last, state, uniforms):
        """The characters that follow `last` (B,), one for each of uniforms (T, B): ids (T, B), the state after."""
        chosen = np.empty(uniforms.shape, np.int64)
        for t, numbers in enumerate(uniforms):
            logits, state, _ = self.model.forward(last[None], state)  # (1, B, V)
            chosen[t] = [pick(distribution(row, self._how), uniform) for row, uniform in zip(logits[0], numbers)]
            last = chosen[t]
        return chosen, state


def sampler_for(model, draw=Draw(), many=False, threads=None):
    """A Sampler for a model: the compiled one if it can run this model. many, threads: see there."""
    if sampling_kernels.Sampler.fits(model):
        return sampling_kernels.Sampler(model, draw, many, threads)
    return Sampler(model, draw)


def encode_prime(vocabulary, prime):
    """The ids of the text that is read first. Raises InputError if it is empty or has an unknown character."""
    if not prime:
        raise InputError("the seed text is empty; give at least one character")
    return vocabulary.encode(prime)


def generate(model, vocabulary, prime, rng, draw=Draw(), threads=None):
    """An endless iterator of characters that continue `prime`, all of which the model reads first.

    rng: gives one random number for each character. They are drawn in chunks, ahead of use.
    Raises InputError if the prime is empty or has a character that the model does not know.
    """
    ids = encode_prime(vocabulary, prime)
    return _characters(sampler_for(model, draw, threads=threads), vocabulary, ids, rng)


def _characters(sampler, vocabulary, ids, rng):
    last, state = ids[-1:], sampler.read(ids)
    while True:
        chosen, state = sampler.draw(last, state, rng.random((sampler.chunk, 1)))
        yield from vocabulary.decode(chosen[:, 0])
        last = chosen[-1]
