"""Is it new, or copied from what was learnt? The longest copied span of a tune, and the share of its n-grams seen.

Only the music is compared, not the header: half of the headers' text is `M:`, `L:` and the like, which every tune
has, and a number after `X:` says nothing. A span is a run of characters, bar lines and line ends with them, as they
stand; the same notes with other spaces are not found, and in another key only if that is among the text: evaluate.py
gives it the training tunes in every key that they can have.

People copy too: tunes come in families, and a scale is a scale. So the figures mean something only beside those of
tunes which people made and the model has not read.
"""

from bisect import bisect_left

import numpy as np

from lstm.notation.tunes import body, split_tunes

APART = "\0"  # stands between tunes, and in no music: so no span goes from one tune into another


class Spans:
    """Knows every span of a text: `"fox j" in Spans("the fox jumps")`. A suffix array (Manber & Myers 1990).

    All places of the text are sorted by what follows them; so a span is looked up as a word in a dictionary.
    """

    def __init__(self, text):
        self.text, self.places = text, memoryview(sorted_places(text))  # whose numbers are Python's, one by one

    def __contains__(self, span):
        at = bisect_left(self.places, span, key=lambda place: self.text[place : place + len(span)])
        return at < len(self.places) and self.text.startswith(span, self.places[at])


def spans_of(text):
    """The Spans of the music of all tunes in a text."""
    return Spans(APART.join(map(body, split_tunes(text))))


def sorted_places(text):
    """The places 0 .. len(text) - 1, int32, sorted by the text from there on.

    Sorted by 1 character, then by 2, 4, 8: twice as many are two ranks that are known, here and so many further on.
    """
    rank, length = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64), 1
    while True:
        key = rank * (rank.max(initial=0) + 2)
        key[: max(0, len(rank) - length)] += rank[length:] + 1  # 0 is the end of the text, before all else
        order = np.argsort(key, kind="stable")
        key = key[order]
        rank[order[1:]] = np.cumsum(key[1:] != key[:-1])
        rank[order[:1]] = 0
        if rank.max(initial=-1) + 1 == len(text):
            return order.astype(np.int32)
        length *= 2


def longest_copied(text, spans):
    """How many characters the longest span of `text` has that is among `spans`."""
    longest = 0
    for start in range(len(text)):
        while start + longest < len(text) and text[start : start + longest + 1] in spans:
            longest += 1
    return longest


def seen(text, n, spans):
    """(how many of the n-grams of `text` are among `spans`, how many n-grams it has)."""
    n_grams = [text[start : start + n] for start in range(len(text) - n + 1)]
    return sum(n_gram in spans for n_gram in n_grams), len(n_grams)
