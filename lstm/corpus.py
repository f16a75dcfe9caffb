"""A text made ready to learn from: its vocabulary, and the ids to train and to validate on."""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from lstm.tunes import is_abc, split
from lstm.vocabulary import Vocabulary


@dataclass(frozen=True)
class Corpus:
    """`Corpus.of(text)` knows every character of the text, those of the validation part too."""

    vocabulary: Vocabulary
    training: np.ndarray  # ids
    validation: np.ndarray  # ids
    abc: bool  # whether the text is ABC tunes
    digest: str  # SHA-256 of the text, so that a run is resumed on the text it began with

    @classmethod
    def of(cls, text, validation=0.1):
        """Whole tunes at the end, or the end of a text that is not ABC, are held out for validation."""
        vocabulary = Vocabulary.of(text)
        training, held_out = (vocabulary.encode(part) for part in split(text, validation))
        return cls(vocabulary, training, held_out, is_abc(text), sha256(text.encode()).hexdigest())
