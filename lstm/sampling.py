"""Composing: draw one character after another, each from the distribution the model gives for it.

Each stream of text has random numbers of its own, one for each character. So the same random seed gives the same
text: to the bit on one machine, whether a stream is composed alone or beside others, by any number of threads.
Another machine, precision or backend adds up sums in another order. There a probability may differ in its last bits,
and where the random number falls just between, another character is drawn, and another text follows.
"""

import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from lstm.errors import InputError
from lstm.loss import log_softmax
from lstm.model import State
from lstm.streams import Composer
from lstm.tunes import END, PROMPT

AT_ONCE = 16  # streams side by side: with more the first tune would come later, and all of them no sooner


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


def draw(p, rng):
    """An index with probability p[index]."""
    return pick(p, rng.random())


class Plain:
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
    if Composer.fits(model):
        return Composer(model, temperature, top_k, top_p, many, threads)
    return Plain(model, temperature, top_k, top_p)


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


class Piece(NamedTuple):
    """Some characters of one of many streams."""

    stream: int  # which, from 0
    text: str
    end: str  # "tune" or "length", if the stream ends here because of that; else ""


@dataclass
class Stream:
    """Where one of many streams is."""

    number: int
    rng: np.random.Generator
    last: np.ndarray  # (1,), the id of the last character
    state: State  # before that one is read
    before: str  # the last character
    room: int  # characters until it is long enough
    end: str = ""


def generators(random_seed, count):
    """A random generator for each of many streams. Stream k has the same for any count."""
    return (np.random.default_rng([random_seed, k]) for k in range(count))


def generate_many(
    model, vocabulary, prime, rngs, length=sys.maxsize, tunes=True, temperature=1.0, top_k=0, top_p=1.0, threads=None
):
    """An iterator over the Pieces of streams that continue `prime`, one for each of the generators `rngs`.

    A stream ends after `length` characters, with `tunes` before that at the end of the tune. AT_ONCE streams are
    composed side by side; where one ends the next begins. `in_order` puts the pieces in the order of the streams.
    Raises InputError for a prime that is empty or has a character the model does not know.
    """
    ids, rngs = encode_prime(vocabulary, prime), iter(rngs)
    first = list(islice(rngs, AT_ONCE))
    composer = composer_for(model, temperature, top_k, top_p, len(first) > 1, threads)
    return _pieces(composer, vocabulary, ids, chain(first, rngs), length, tunes)


def _pieces(composer, vocabulary, ids, rngs, length, tunes):
    start = ids[-1:], composer.read(ids), vocabulary.characters[ids[-1]], length
    streams = (Stream(number, rng, *start) for number, rng in enumerate(rngs))
    going = list(islice(streams, AT_ONCE))
    while going:
        for stream, ids in zip(going, advance(composer, going)):
            text, stream.end = cut(stream, vocabulary.decode(ids), tunes)
            stream.before, stream.room = text[-1:] or stream.before, stream.room - len(text)
            yield Piece(stream.number, text, stream.end)
        going = [stream for stream in going if not stream.end]
        going += islice(streams, AT_ONCE - len(going))


def advance(composer, streams):
    """The next characters of each of the streams: ids (B, chunk)."""
    state = State(*(np.concatenate(arrays, axis=1) for arrays in zip(*(stream.state for stream in streams))))
    last = np.concatenate([stream.last for stream in streams])
    uniforms = np.stack([stream.rng.random(composer.chunk) for stream in streams], axis=1)  # (chunk, B)
    chosen, state = composer.compose(last, state, uniforms)
    for b, stream in enumerate(streams):
        stream.last, stream.state = chosen[-1:, b], state.rows(slice(b, b + 1))
    return chosen.T


def cut(stream, text, tunes):
    """(what of a text belongs to the stream that it continues, why the stream ends there, if it does).

    A tune ends before an empty line; the end of the line before that is still part of it.
    """
    text = text[: stream.room]
    at = (stream.before + text).find(END) if tunes else -1
    if at >= 0:
        return text[:at], "tune"  # one character on, for the end of the line, and one back, for `before`
    return text, "length" if len(text) == stream.room else ""


def in_order(pieces):
    """The same pieces: those of the first stream as they come, then those of the second, and so on."""
    waiting, now = defaultdict(list), 0
    for piece in pieces:
        waiting[piece.stream].append(piece)
        while waiting[now]:
            piece = waiting[now].pop(0)
            yield piece
            if piece.end:
                del waiting[now]
                now += 1


def opening(checkpoint):
    """(prime, echo) for a new piece: what the model reads first, and the part of it that belongs to the piece.

    For tunes that is what stands before and at the start of each; for other text the start of a line.
    """
    characters = checkpoint.vocabulary.characters
    if checkpoint.abc:
        return PROMPT, PROMPT.lstrip("\n")
    return ("\n" if "\n" in characters else characters[0]), ""
