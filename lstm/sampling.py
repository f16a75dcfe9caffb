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

from lstm.commands.wishes import Header
from lstm.engine.streams import Composer
from lstm.errors import InputError
from lstm.loss import log_softmax
from lstm.model import State
from lstm.tunes import END, PROMPT

LONGEST_TUNE = 4000  # characters; the longest of the corpus has 813
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
    header: Header | None  # while it has lines to come
    spare: np.ndarray | tuple = ()  # random numbers that come before those of rng
    end: str = ""


def generators(random_seed, count):
    """A random generator for each of many streams. Stream k has the same for any count."""
    return (np.random.default_rng([random_seed, k]) for k in range(count))


def generate_many(
    model,
    vocabulary,
    prime,
    rngs,
    length=sys.maxsize,
    tunes=True,
    temperature=1.0,
    top_k=0,
    top_p=1.0,
    threads=None,
    lines=(),
):
    """An iterator over the Pieces of streams that continue `prime`, one for each of the generators `rngs`.

    A stream ends after `length` characters, with `tunes` before that at the end of the tune. AT_ONCE streams are
    composed side by side; where one ends the next begins. `in_order` puts the pieces in the order of the streams.
    lines: those that each header must have, in the order of headers; see wishes.py. The prime is then PROMPT.
    Raises InputError for a prime that is empty or has a character the model does not know.
    """
    encode_prime(vocabulary, prime)
    rngs = iter(rngs)
    first = list(islice(rngs, AT_ONCE))
    composer = composer_for(model, temperature, top_k, top_p, len(first) > 1, threads)
    return _pieces(composer, vocabulary, prime, chain(first, rngs), length, tunes, lines)


def _pieces(composer, vocabulary, prime, rngs, length, tunes, lines):
    start = (*read(composer, vocabulary, prime), prime[-1], length)
    streams = (Stream(n, rng, *start, Header(prime, lines) if lines else None) for n, rng in enumerate(rngs))
    going = list(islice(streams, AT_ONCE))
    while going:
        for stream, ids, numbers in zip(going, *advance(composer, going), strict=True):
            text = vocabulary.decode(ids)
            if stream.header:
                text = write_header(composer, vocabulary, stream, text, numbers)
            text, stream.end = cut(stream, text, tunes)
            stream.before, stream.room = text[-1:] or stream.before, stream.room - len(text)
            yield Piece(stream.number, text, stream.end)
        going = [stream for stream in going if not stream.end]
        going += islice(streams, AT_ONCE - len(going))


def read(composer, vocabulary, text):
    """(the last character, the state before it) of a text: ids (1,), State."""
    ids = vocabulary.encode(text)
    return ids[-1:], composer.read(ids)


def advance(composer, streams):
    """The next characters of each of the streams, and the random numbers they were drawn by: (B, chunk) each."""
    state = State(*(np.concatenate(arrays, axis=1) for arrays in zip(*(stream.state for stream in streams))))
    last = np.concatenate([stream.last for stream in streams])
    fresh = [stream.rng.random(composer.chunk - len(stream.spare)) for stream in streams]
    numbers = np.stack([np.append(stream.spare, more) for stream, more in zip(streams, fresh)])  # (B, chunk)
    chosen, state = composer.compose(last, state, numbers.T)
    for b, stream in enumerate(streams):
        stream.last, stream.state, stream.spare = chosen[-1:, b], state.rows(slice(b, b + 1)), ()
    return chosen.T, numbers


def write_header(composer, vocabulary, stream, drawn, numbers):
    """What the stream's header becomes by the characters drawn. Behind a wanted line the network begins anew."""
    header = stream.header
    drawn = drawn[: stream.room - len(header.line)]
    written, left = header.add(drawn)
    if left is not None:
        stream.last, stream.state = read(composer, vocabulary, header.text)
        stream.spare = numbers[len(drawn) - len(left) :]
        stream.header = header if header.lines else None
    full = len(written) + len(header.line) == stream.room
    return written + header.line if full else written


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
