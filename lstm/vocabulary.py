"""Characters <-> ids. A vocabulary is the sorted characters of a text; an id is a place in it."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstm.io import InputError


@dataclass(frozen=True)
class Vocabulary:
    """The characters a model knows, in order: `Vocabulary("abc").encode("cab")` -> `[2, 0, 1]`."""

    characters: str

    def __post_init__(self):
        if len(set(self.characters)) != len(self.characters):
            raise InputError("a vocabulary lists each of its characters once; this one repeats some")
        if half := re.search("[\ud800-\udfff]", self.characters):
            raise InputError(f"{half[0]!a} is half a character, which no text can have; take it out")

    @classmethod
    def of(cls, text):
        """The vocabulary of a text: its characters, sorted by code point, so any order gives the same ids."""
        return cls("".join(sorted(set(text))))

    @cached_property
    def index(self):
        """character -> id."""
        return {character: i for i, character in enumerate(self.characters)}

    def __len__(self):
        return len(self.characters)

    def encode(self, text, dtype=np.int32):
        """The ids of a text, (len(text),). Raises InputError for a character that is not known."""
        try:
            return np.fromiter(map(self.index.__getitem__, text), dtype, len(text))
        except KeyError as error:
            raise InputError(self._complaint(text, error.args[0])) from None

    def decode(self, ids):
        """The text of an array of ids."""
        return "".join(self.characters[i] for i in ids)

    def _complaint(self, text, character):
        at = text.index(character)
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        known = "".join(c for c in self.characters if c.isprintable())
        listed = known if len(known) <= 100 else f"{known[:100]} .. ({len(known)} in all)"
        place = f"character {character!r} (line {line}, column {column})"
        return f"{place} is not one the model has learnt; it knows {listed}"
