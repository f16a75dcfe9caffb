"""The two books as music21 ships them: find the tunes, tell header from music. Nothing is tidied here."""

import re
from pathlib import Path
from typing import NamedTuple

from lstm.io import InputError

BOOKS = ("oneills1850", "ryansMammoth")


class Reject(Exception):
    """Why a tune is left out, in a few words that the report counts."""


class RawTune(NamedTuple):
    book: str  # one of BOOKS
    text: str  # from its X: line to the next one


def read_books(corpus):
    """All tunes below music21's folder `corpus`, file by file. Raises InputError if a book is missing."""
    return [RawTune(book, text) for book in BOOKS for path in _files(Path(corpus, book)) for text in _tunes_in(path)]


def _files(folder):
    files = sorted(folder.glob("*.abc"))
    if not files:
        raise InputError(f"no .abc files in {folder}: give --corpus the folder 'corpus' of music21 10.5.1")
    return files


def _tunes_in(path):
    text = path.read_text(encoding="latin-1")  # because some typists' accents are not UTF-8
    return [part for part in re.split(r"(?m)^(?=X:)", text) if part.startswith("X:")]


def split_header(text):
    """(fields, music) of a tune: {letter: first value} and the lines of music.

    Raises Reject if key, meter, unit or tempo change inside the tune, or if it has several voices.
    """
    fields, music = {}, []
    for line in text.split("\n"):
        line = re.sub(r"(?<!\\)%.*$", "", line).rstrip()  # a comment
        if not line:
            if any(re.search("[A-Ga-g]", heard) for heard in music):
                break  # an empty line ends a tune
        elif not (field := _field(line, inside="K" in fields)):
            if "K" in fields:  # K: is the header's last field
                music.append(line)
        elif "K" not in fields:
            fields.setdefault(field[1], field[2].strip())
        elif field[1] in "KMLVQ":
            raise Reject(f"{field[1]}: inside the tune")
    if "V" in fields or any("&" in line for line in music):
        raise Reject("several voices")
    return fields, music


def _field(line, inside):
    field = re.match(r"([A-Za-z]):(.*)$", line)
    is_music = field and inside and field[1] in "ABCDEFGabcdefg" and "|" in field[2]  # as in  A:|  for a repeat
    return None if is_music else field
