"""A text made ready to learn from: its vocabulary, and the ids to train and to validate on."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from lstm.notation.header import Headers
from lstm.notation.tunes import END, START, is_abc, split, split_tunes
from lstm.vocabulary import Vocabulary


@dataclass(frozen=True)
class Corpus:
    """`Corpus.of(text)` knows every character of the text, those of the validation part too."""

    vocabulary: Vocabulary
    training: np.ndarray  # ids
    validation: np.ndarray  # ids
    abc: bool  # whether the text is ABC tunes
    digest: str  # SHA-256 of the text, so that a run is resumed on the text it began with
    headers: Headers  # what is usual in those of its tunes
    edges: np.ndarray  # where tunes begin in the training ids, and where the last ends: what lies between may move

    @classmethod
    def of(cls, text, validation=0.1):
        """Whole tunes at the end, or the end of a text that is not ABC, are held out for validation."""
        vocabulary = Vocabulary.of(text)
        parts, abc = split(text, validation), is_abc(text)
        training, held_out = (vocabulary.encode(part) for part in parts)
        headers = Headers.of(split_tunes(text)) if abc else Headers()
        digest = sha256(text.encode()).hexdigest()
        return cls(vocabulary, training, held_out, abc, digest, headers, edges(parts[0], abc))


def edges(text, abc):
    """Where the tunes of a text begin, and where the last one ends; none in a text that is not ABC.

    A last tune without an empty line after it is left out: before another one, it would run into that.
    """
    starts = [match.start() for match in START.finditer(text)] if abc else []
    return np.array(starts + [len(text)] * text.endswith(END), dtype=np.int64)


def shuffled(ids, edges, seed, epoch):
    """The ids with the pieces between the edges in another order, a function of seed and epoch alone."""
    order = np.random.default_rng([seed, epoch]).permutation(max(0, len(edges) - 1))
    pieces = [ids[edges[piece] : edges[piece + 1]] for piece in order]
    return np.concatenate([ids[: edges[0]], *pieces, ids[edges[-1] :]])
