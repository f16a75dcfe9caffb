"""Composing: draw one character after another, each from the distribution the model gives for it.

Each stream of text has random numbers of its own, one for each character. So the same random seed gives the same
text: to the bit on one machine, whether a stream is composed alone or beside others, by any number of threads.
Another machine, precision or backend adds up sums in another order. There a probability may differ in its last bits,
and where the random number falls just between, another character is drawn, and another text follows.
"""


import numpy as np

from lstm.io import InputError
from lstm.loss import log_softmax
from lstm.sampling_kernels import SamplerKernel


def distribution(logits, temperature=1.0, top_k=0, top_p=1.0):
    """The probabilities to draw from: softmax(logits / temperature), cut to the likely characters. float64 (V,).

    temperature: below 1 the likely gets likelier; 0 leaves only the likeliest (argmax).
    top_k: keep the k likeliest (0: all).
    top_p: keep the likeliest that together have at least this probability (Holtzman et al. 2020).
    """
    logits = np.asarray(logits, np.float64)
    order = np.argsort(-logits, kind="stable")  # likeliest first; of equals, the first
    kept = np.zeros(logits.size)
    if temperature == 0:
        kept[order[0]] = 1
        return kept
    p = np.exp(log_softmax(logits / temperature))[order]
    likely = np.cumsum(p) - p < top_p  # true while the ones before have less than top_p
    likely[top_k or p.size :] = False
    likely[0] = True  # with top_p 0 too there is one to draw
    kept[order] = np.where(likely, p, 0)
    return kept / kept.sum()


def pick(p, uniform):
    """An index with probability p[index], by inversion of the cumulative distribution at a number from [0, 1)."""
    cumulative = np.cumsum(p)
    return int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))


class Sampler:
    """Composes streams of text side by side with any model: the readable twin of `streams.Composer`."""

    chunk = 1  # characters at a time

    def __init__(self, model, temperature=1.0, top_k=0, top_p=1.0):
        self.model, self._choices = model, (temperature, top_k, top_p)

    def read(self, ids):
        """ids (T,) -> the state before the last of them is read."""
        state = self.model.initial_state()
        return self.model.forward(ids[:-1, None], state)[1] if len(ids) > 1 else state

    def compose(self, last, state, uniforms):
        """The characters that follow `last` (B,), one for each of uniforms (T, B): ids (T, B), the state after."""
        chosen = np.empty(uniforms.shape, np.int64)
        for t, numbers in enumerate(uniforms):
            logits, state, _ = self.model.forward(last[None], state)  # (1, B, V)
            chosen[t] = [pick(distribution(row, *self._choices), u) for row, u in zip(logits[0], numbers)]
            last = chosen[t]
        return chosen, state


def composer_for(model, temperature=1.0, top_k=0, top_p=1.0, many=False, threads=None):
    """What composes with a model: the compiled loop where there is one for it."""
    if SamplerKernel.fits(model):
        return SamplerKernel(model, temperature, top_k, top_p, many, threads)
    return Sampler(model, temperature, top_k, top_p)


def encode_prime(vocabulary, prime):
    """The ids of what is read first. Raises InputError if it is empty or has a character that is not known."""
    if not prime:
        raise InputError("the seed text is empty; give at least one character")
    return vocabulary.encode(prime)


def generate(model, vocabulary, prime, rng, temperature=1.0, top_k=0, top_p=1.0, threads=None):
    """An endless iterator of characters that continue `prime`, all of which the model reads first.

    rng: gives a number for each character, some characters ahead.
    Raises InputError for a prime that is empty or has a character the model does not know.
    """
    ids = encode_prime(vocabulary, prime)
    return _characters(composer_for(model, temperature, top_k, top_p, threads=threads), vocabulary, ids, rng)


def _characters(composer, vocabulary, ids, rng):
    last, state = ids[-1:], composer.read(ids)
    while True:
        chosen, state = composer.compose(last, state, rng.random((composer.chunk, 1)))
        yield from vocabulary.decode(chosen[:, 0])
        last = chosen[-1]


# -- many streams
