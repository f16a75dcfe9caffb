"""A tune to see and to hear in a notebook.

`score` and `sound` give things that a notebook shows. Where the extra `music` is missing, or a tune cannot be played,
they give one line that says so instead, and the notebook goes on.
"""

import base64
import io

from PIL import Image

from lstm.io import InputError
from lstm.rendering import music

SECONDS = 10.0  # so short that a notebook with many clips stays small


class Picture(bytes):
    """The bytes of a PNG picture, which a notebook shows."""

    def __repr__(self):
        return "<a score>"

    def _repr_png_(self):
        return bytes(self)


class Player(str):
    """The HTML of a player, which a notebook shows."""

    def __repr__(self):
        return "<a player>"

    def _repr_html_(self):
        return str(self)


class Words(str):
    """A line of plain text, which a notebook shows without quotes."""

    def __repr__(self):
        return str(self)


def installed():
    """Whether the extra `music` is there."""
    try:
        music.check_installed()
    except InputError:
        return False
    return True


def score(tune, width=1000):
    """The tune's score, a Picture `width` pixels wide; Words where there is none."""
    return or_words(lambda: sixteen_greys(music.png(tune, width)), "no score")


def sound(tune, seconds=SECONDS):
    """A player for the first seconds of the tune, a Player; Words where it cannot be played."""
    return or_words(lambda: player(clip(tune, seconds)), "no sound")


def notes(tune, seconds=SECONDS):
    """The `music.Note`s that begin in the first seconds of the tune; none where it cannot be played."""
    try:
        music.check_installed()
        return [note for note in music.notes(tune) if note.start < seconds]
    except (InputError, music.Unplayable):
        return []


def clip(tune, seconds):
    """The notes that begin in the first seconds of the tune, as the bytes of an MP3 file. Raises music.Unplayable."""
    return music.mp3_of([note for note in music.notes(tune) if note.start < seconds])


def sixteen_greys(png):
    """The Picture in sixteen greys, which is all a score needs, and a quarter of the bytes."""
    file = io.BytesIO()
    greys = Image.open(io.BytesIO(png)).convert("L").point([round(grey / 17) for grey in range(256)])  # 0 .. 15
    greys.putpalette([17 * grey for grey in range(16) for _ in "rgb"])
    greys.save(file, "PNG", optimize=True, bits=4)
    return Picture(file.getvalue())


def player(mp3):
    """The Player of an MP3 file."""
    return Player(f'<audio controls src="data:audio/mpeg;base64,{base64.b64encode(mp3).decode()}"></audio>')


def or_words(make, otherwise):
    """What `make` makes, or Words that say why not."""
    try:
        music.check_installed()
        return make()
    except (InputError, music.Unplayable) as reason:
        return Words(f"({otherwise}: {reason})")
