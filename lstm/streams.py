"""Many texts composed at once, side by side, and each cut where it ends.

Each stream has random numbers of its own. Left out: how a character is drawn (sampling.py), and where in a header a
line that the user wants must stand (notation/header.py).
"""

import sys
from collections import defaultdict
from copy import copy
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from lstm.io import COUNT
from lstm.model import State
from lstm.notation.header import Header, Headers
from lstm.notation.tunes import END, PROMPT
from lstm.sampling import Draw, encode_prime, sampler_for

LONGEST_TUNE = 4000  # characters; the longest of the corpus has 813
AT_ONCE = 16  # streams side by side: with more, the first tune would come later and all of them no sooner


class Chunk(NamedTuple):
    """Some characters of one of many streams."""

    stream: int  # which, from 0
    text: str
    end: str  # why the stream ends here, "tune", "stop" or "length"; "" if it goes on


def generate_many(
    model, vocabulary, prime, rngs, length=sys.maxsize, *, tunes=True, stop=None, draw=Draw(), lines=(),
    headers=Headers(), threads=None,
):
    """An iterator over the Chunks of streams that continue `prime`, one stream for each of the generators `rngs`.

    AT_ONCE streams are drawn side by side; where one ends the next begins. `in_order` sorts the chunks by stream.

    length: the characters after which a stream ends.
    tunes: whether a stream ends at the end of a tune too.
    stop: a text after which a stream ends too. What the prime has of it does not count.
    lines: those that each header must have, by `headers.lines`; see notation/header.py. Then the prime is PROMPT.
    Raises InputError if the prime is empty or has a character that the model does not know.
    """
    model.check_vocabulary(vocabulary)
    encode_prime(vocabulary, prime)
    length = COUNT.check("length", length)
    rngs = iter(rngs)
    first = list(islice(rngs, AT_ONCE))
    sampler = sampler_for(model, draw, len(first) > 1, threads)
    header = Header(prime, lines, headers) if lines else None
    return _chunks(sampler, vocabulary, prime, chain(first, rngs), length, tunes, stop, header)


def generators(random_seed, count):
    """A random generator for each of many streams. Stream k has the same one for any count."""
    return (np.random.default_rng([random_seed, k]) for k in range(count))


@dataclass
class Stream:
    """Where one of many streams is."""

    number: int
    rng: np.random.Generator
    last: np.ndarray  # (1,), the id of the last character
    state: State  # before that one is read
    before: str  # the last character, that of the prime at first
    left: int  # characters until it has its length
    header: Header | None  # until it has all lines that are wanted
    tail: str = ""  # the last of its own characters, as many as may begin a `stop`
    spare: np.ndarray | tuple = ()  # random numbers to use before those of rng
    end: str = ""  # as in Chunk


def _chunks(sampler, vocabulary, prime, rngs, length, tunes, stop, header):
    start = (*read(sampler, vocabulary, prime), prime[-1], length)
    streams = (Stream(n, rng, *start, copy(header)) for n, rng in enumerate(rngs))
    going = list(islice(streams, AT_ONCE))
    while going:
        for stream, ids, numbers in zip(going, *advance(sampler, going), strict=True):
            text = vocabulary.decode(ids)
            if stream.header:
                text = write_header(sampler, vocabulary, stream, text, numbers)
            text, stream.end = cut(stream, text, tunes, stop)
            stream.before, stream.left = text[-1:] or stream.before, stream.left - len(text)
            stream.tail = (stream.tail + text)[-len(stop) :] if stop else ""
            yield Chunk(stream.number, text, stream.end)
        going = [stream for stream in going if not stream.end]
        going += islice(streams, AT_ONCE - len(going))


def read(sampler, vocabulary, text):
    """(the last character of a text, the state before it is read): ids (1,), State."""
    ids = vocabulary.encode(text)
    return ids[-1:], sampler.read(ids)


def advance(sampler, streams):
    """The next characters of each stream, and the random numbers that they were drawn by: (B, chunk) each."""
    state = State(*(np.concatenate(arrays, axis=1) for arrays in zip(*(stream.state for stream in streams))))
    last = np.concatenate([stream.last for stream in streams])
    fresh = [stream.rng.random(sampler.chunk - len(stream.spare)) for stream in streams]
    numbers = np.stack([np.append(stream.spare, more) for stream, more in zip(streams, fresh)])  # (B, chunk)
    chosen, state = sampler.draw(last, state, numbers.T)
    for b, stream in enumerate(streams):
        stream.last, stream.state, stream.spare = chosen[-1:, b], state.rows(slice(b, b + 1)), ()
    return chosen.T, numbers


def write_header(sampler, vocabulary, stream, drawn, numbers):
    """The characters that come to the stream's header by those drawn.

    After a line that is wanted, the network reads the header so far and draws again from there.
    """
    header = stream.header
    drawn = drawn[: stream.left - len(header.line)]
    written, unused = header.add(drawn)
    if unused is not None:
        stream.last, stream.state = read(sampler, vocabulary, header.text)
        stream.spare = numbers[len(drawn) - len(unused) :]
        stream.header = header if header.lines else None
    full = len(written) + len(header.line) == stream.left
    return written + header.line if full else written


def cut(stream, text, tunes, stop=None):
    """(what of a text belongs to the stream that it continues, why the stream ends there or "").

    A tune ends before an empty line; the end of the line before that still belongs to it, and so does all of `stop`.
    """
    text, ends = text[: stream.left], []
    if stop and (at := (stream.tail + text).find(stop)) >= 0:
        ends.append((at + len(stop) - len(stream.tail), "stop"))
    if tunes and (at := (stream.before + text).find(END)) >= 0:
        ends.append((at, "tune"))  # note: + 1 for the end of the line, - 1 because text comes after `before`
    ends.append((len(text), "length" if len(text) == stream.left else ""))
    size, end = min(ends, key=lambda ending: ending[0])  # of equals the first, which needs no character after it
    return text[:size], end


def in_order(chunks):
    """The same chunks: those of the first stream as they come, then those of the second, and so on."""
    waiting, now = defaultdict(list), 0
    for chunk in chunks:
        waiting[chunk.stream].append(chunk)
        while waiting[now]:
            chunk = waiting[now].pop(0)
            yield chunk
            if chunk.end:
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
