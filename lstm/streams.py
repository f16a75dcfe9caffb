"""Many streams of text side by side: tunes that end, headers with lines that the user asked for.

sampling.py draws the characters. Here they are cut into tunes, and each stream has random numbers of its own.
"""

import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from lstm.model import State
from lstm.notation.header import Header
from lstm.notation.tunes import END, PROMPT
from lstm.sampling import composer_for, encode_prime

LONGEST_TUNE = 4000  # characters; the longest of the corpus has 813
AT_ONCE = 16  # streams side by side: with more the first tune would come later, and all of them no sooner


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
