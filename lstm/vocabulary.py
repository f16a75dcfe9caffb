"""Characters <-> ids. A vocabulary is the sorted characters of a text; an id is a place in it."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lstm.io import InputError, shown
from lstm.io.arrays import check_range

BLOCK = 2**20  # characters of a text that are looked up at a time: they take 12 times as many bytes


def code_points(text):
    """The number of each character in Unicode."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


@dataclass(frozen=True)
class Vocabulary:
    """The characters a model knows, in order: `Vocabulary("abc").encode("cab")` -> `[2, 0, 1]`."""

    characters: str

    def __post_init__(self):
        if not isinstance(self.characters, str):
            raise InputError(f"a vocabulary is a text of its characters, and {shown(self.characters)} is none")
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

    @cached_property
    def _codes(self):
        """The code point of each id."""
        return code_points(self.characters)

    @cached_property
    def _ids(self):
        """The id of each code point up to the largest, -1 where it has none; the last is that of all beyond."""
        ids = np.full(self._codes.max(initial=0) + 2, -1, np.int32)
        ids[self._codes] = np.arange(len(self))
        return ids

    def __len__(self):
        return len(self.characters)

    def encode(self, text, dtype=np.int32):
        """The ids of a text, (len(text),). Raises InputError for a character that is not known."""
        if not isinstance(text, str):
            raise InputError(f"{shown(text)} must be a text")
        if len(self) - 1 > np.iinfo(dtype).max:
            raise InputError(f"ids up to {len(self) - 1} do not fit into {np.dtype(dtype)}; choose a larger one")
        ids, table = np.empty(len(text), dtype), self._ids
        for start in range(0, len(text), BLOCK):
            found = table[np.minimum(code_points(text[start : start + BLOCK]), len(table) - 1)]
            if found.min() < 0:
                raise InputError(self._complaint(text, text[start + found.argmin()]))
            ids[start : start + BLOCK] = found
        return ids

    def decode(self, ids):
        """The text of an array of ids, (N,), or of a list. Raises InputError for what is no id."""
        ids = np.asarray(ids)
        if ids.shape == (0,):
            return ""
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise InputError(f"ids must be whole numbers (N,), and hold {ids.dtype} in shape {ids.shape}")
        check_range("ids", ids, len(self))
        return self._codes[ids].tobytes().decode("utf-32-le", "surrogatepass")

    def _complaint(self, text, character):
        at = text.index(character)
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        known = "".join(c for c in self.characters if c.isprintable())
        listed = known if len(known) <= 100 else f"{known[:100]} .. ({len(known)} in all)"
        place = f"character {character!r} (line {line}, column {column})"
        return f"{place} is not one the model has learnt; it knows {listed}"
