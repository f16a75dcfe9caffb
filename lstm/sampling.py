"""Sampling: draw one character after another, each from the distribution that the model gives for it.

Each text has random numbers of its own, one for each character. So the same random seed gives the same text: to the
bit on one machine, with any number of threads, alone or beside other texts. Another machine, precision or backend adds
up sums in another order, so the last bits of a probability may differ there. If the random number falls just between,
another character is drawn, and the rest of the text differs too.

Left out: many texts side by side, and where a tune ends; see streams.py. The fast twin is sampling_kernels.py.
"""

from dataclasses import dataclass

import numpy as np

from lstm import sampling_kernels
from lstm.io import SHARE, WHOLE, Bounds, InputError, check_fields, shown
from lstm.loss import log_softmax
from lstm.sampling_kernels import THREADS, check_draw, check_read

DRAWN = {  # what the fields of a Draw may be
    "temperature": Bounds(float, 0.01, 100, or_zero=True),  # what divides logits without overflow
    "top_k": WHOLE,
    "top_p": Bounds(float, 0, 1),
}


@dataclass(frozen=True)
class Draw:
    """How a character is drawn.

    top_k and top_p both cut softmax(logits / temperature): what the one drops still counts for the other, and only what
    both keep is scaled to the sum 1, at the end.
    """

    temperature: float = 1.0  # divides the logits: below 1 the likely gets likelier; 0 leaves only the likeliest
    top_k: int = 0  # keep the k likeliest (0: all)
    top_p: float = 1.0  # keep the likeliest that together have at least this probability (Holtzman et al. 2020)

    def __post_init__(self):
        check_fields(self, DRAWN)


def distribution(logits, draw=Draw()):
    """The probabilities to draw from: softmax(logits / temperature), cut to the likely characters. float64 (V,)."""
    check_how(draw)
    logits = numbers_of("logits (V,)", logits)
    if not np.isfinite(logits.max()):
        raise InputError(f"logits (V,) have {logits.max()}: what is learnt has overflowed; train with a lower rate")
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
    uniform, p = SHARE.check("uniform", uniform), numbers_of("p (V,)", p)
    cumulative = np.cumsum(p)
    if not (p.min() >= 0 and 0 < cumulative[-1] < np.inf):
        raise InputError(f"p (V,) goes from {p.min():g} to {p.max():g}, and must be probabilities, not all of them 0")
    return int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))


def check_how(draw):
    """Raise InputError unless it is a Draw."""
    if not isinstance(draw, Draw):
        raise InputError(f"draw {shown(draw)} must be a Draw, such as Draw(temperature=0.8)")


def numbers_of(name, values):
    """Some numbers as float64, (V,). Raises InputError for anything else."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.ndim != 1 or not array.size:
        raise InputError(f"{name} must be numbers, one at least, and holds {array.dtype} in shape {array.shape}")
    return array.astype(np.float64)


class Sampler:
    """Draws the characters of B texts side by side, with any model: the readable twin of sampling_kernels.Sampler."""

    chunk = 1  # characters of each text to ask for at a time

    def __init__(self, model, draw=Draw()):
        check_how(draw)
        self.model, self._how = model, draw

    def read(self, ids):
        """ids (T,) -> the state before the last of them is read."""
        check_read(self.model, ids)
        state = self.model.initial_state()
        return self.model.forward(ids[:-1, None], state)[1] if len(ids) > 1 else state

    def draw(self, last, state, uniforms):
        """The characters that follow `last` (B,), one for each of uniforms (T, B): ids (T, B), the state after."""
        check_draw(self.model, last, state, uniforms)
        chosen = np.empty(uniforms.shape, np.int64)
        for t, numbers in enumerate(uniforms):
            logits, state, _ = self.model.forward(last[None], state)  # (1, B, V)
            chosen[t] = [pick(distribution(row, self._how), uniform) for row, uniform in zip(logits[0], numbers)]
            last = chosen[t]
        return chosen, state


def sampler_for(model, draw=Draw(), many=False, threads=None):
    """A Sampler for a model: the compiled one if it can run this model. many, threads: see there."""
    check_how(draw)
    if threads is not None:
        THREADS.check("threads", threads)
    if sampling_kernels.Sampler.fits(model):
        return sampling_kernels.Sampler(model, draw, many, threads)
    return Sampler(model, draw)


def encode_prime(vocabulary, prime):
    """The ids of the text that is read first. Raises InputError if it is empty or has an unknown character."""
    if not isinstance(prime, str):
        raise InputError(f"the seed {shown(prime)} must be a text")
    if not prime:
        raise InputError("the seed text is empty; give at least one character")
    return vocabulary.encode(prime)


def generate(model, vocabulary, prime, rng, draw=Draw(), threads=None):
    """An endless iterator of characters that continue `prime`, all of which the model reads first.

    rng: gives one random number for each character. They are drawn in chunks, ahead of use.
    Raises InputError if the prime is empty or has a character that the model does not know.
    """
    model.check_vocabulary(vocabulary)
    ids = encode_prime(vocabulary, prime)
    return _characters(sampler_for(model, draw, threads=threads), vocabulary, ids, rng)


def _characters(sampler, vocabulary, ids, rng):
    last, state = ids[-1:], sampler.read(ids)
    while True:
        chosen, state = sampler.draw(last, state, rng.random((sampler.chunk, 1)))
        yield from vocabulary.decode(chosen[:, 0])
        last = chosen[-1]
