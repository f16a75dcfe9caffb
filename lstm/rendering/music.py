"""A tune as a MIDI file, as notes, as sound, as a score.

The libraries of the extra `music` do the work: abc2midi (it comes with symusic) plays the tune, verovio engraves it,
resvg paints the engraving, libsndfile packs the sound. What reads a tune is a native program that a malformed one can
crash or hang, so it runs in a child process with a time limit, and verovio sees only what abc2midi could play.

Left out: any reading of the notation of our own. How ornaments sound is abc2midi's decision: a grace note takes its
time from the note it adorns, ~ is a roll and T a trill, H doubles its note, a chord symbol "Am" is played beneath.
"""

import importlib.util
import io
import json
import sys
import wave
import zlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm.io import InputError, child_process
from lstm.notation.abc2midi import SECONDS, ask_abc2midi, find_abc2midi, how_to_install
from lstm.notation.tunes import FIELD, count_notes, first_tune, header_fields, spelt_out
from lstm.rendering import synth

ENGRAVER = Path(__file__).parent / "engraver.py"
ENGRAVING_SECONDS = 20.0  # it needs some 0.1 s, starting Python included
FULL_LINE = 90  # characters of a tune that fit into a line of the score
LONGEST = 600  # seconds that are turned into sound; a tune of the corpus lasts 12 to 192

SCORE = {  # verovio's options
    "inputFrom": "abc",
    "header": "encoded",  # the title, and nothing that verovio would add
    "footer": "none",
    "breaks": "line",  # a line of the tune is a line of the score
    "pageHeight": 60_000,  # one page, however long the tune ...
    "adjustPageHeight": True,  # ... and cut to what is on it
    "svgViewBox": True,  # the picture is as wide as the place where it is shown
    "svgFormatRaw": True,  # without indentation
}
UNTITLED = SCORE | {"header": "none"}
UNTITLED_NARROW = UNTITLED | {"breaks": "auto", "pageWidth": 1000}  # for a phone: two or three bars to a line


class Unplayable(Exception):
    """This one tune cannot be rendered; the message says in one line why. Not the user's mistake, so no InputError."""


class Note(NamedTuple):
    """A note as it sounds."""

    start: float  # seconds from the tune's beginning
    end: float  # seconds
    pitch: int  # MIDI's number: 60 is middle C, 69 is the A of 440 Hz
    velocity: int  # how hard it is struck, 1 to 127


def check_installed():
    """Raise InputError, with the one pip command, unless the libraries of the extra `music` are there."""
    for library in ("symusic", "verovio", "resvg_py", "soundfile"):
        if importlib.util.find_spec(library) is None:
            raise InputError(f"scores and sound need the package {library}: install it with  {how_to_install()}")


def title(tune):
    """What stands in the first `T:` line, or "Untitled": one line of plain text, not escaped for anything."""
    return one_line(spelt_out(header_fields(tune).get("T", ""))) or "Untitled"


def midi(tune):
    """The tune as the bytes of a standard MIDI file, repeats and endings played out.

    tune: the text of one tune, from its `X:` line on. Raises Unplayable.
    """
    data, errors, _ = ask_abc2midi(tune, find_abc2midi(), SECONDS)
    if data is None:
        raise Unplayable(one_line(errors[0]) if errors else "abc2midi finds no tune in it")
    if not count_notes(first_tune(tune)):
        raise Unplayable("it has no notes")
    return data


def notes(tune):
    """The tune's notes in the order they sound, a list of Note. Raises Unplayable, also if there are none."""
    import symusic

    try:  # in this process: what it reads is not the tune but the MIDI file that abc2midi made of it
        score = symusic.Score.from_midi(midi(tune)).to("second")
    except (RuntimeError, ValueError, IndexError) as error:
        raise Unplayable(f"symusic cannot read its MIDI file: {one_line(str(error))}") from error
    tracks = [track for track in score.tracks if not track.is_drum]  # the sound is that of a plucked string
    found = [Note(note.start, note.end, note.pitch, note.velocity) for track in tracks for note in track.notes]
    if not found:
        raise Unplayable("it has no notes")
    if (seconds := max(note.end for note in found)) > LONGEST:
        raise Unplayable(f"it lasts {seconds:,.0f} seconds, and at most {LONGEST} are played")
    return sorted(found)


def wav(tune):
    """The tune's sound as the bytes of a WAV file: 16 bits, one channel, `synth.RATE` samples a second.
    Raises Unplayable.
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(synth.RATE)
        sound.writeframes(np.round(synth.synthesise(notes(tune)) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def mp3(tune):
    """The same sound as the bytes of an MP3 file, a tenth as long as the WAV file. Raises Unplayable."""
    return mp3_of(notes(tune))


def mp3_of(notes):
    """The sound of a list of Notes as the bytes of an MP3 file."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, synth.synthesise(notes), synth.RATE, format="MP3")
    return file.getvalue()


def svg(tune, options=SCORE):
    """The tune's score as the text of an SVG picture, on white. Raises Unplayable.

    options: verovio's; by default there is a title above, and a line of the tune is a line of the score, if it fits.
    """
    return scores(tune, [options])[0]


def scores(tune, variants):
    """The tune's scores as the texts of SVG pictures, one for each of the options; see `svg`. Raises Unplayable."""
    midi(tune)  # note: only for its verdict
    lines = first_tune(tune).splitlines()
    text = "\n".join(map(printable, lines)).encode("utf-8", "replace")  # because other characters break an SVG
    more = {"xmlIdSeed": 1 + (zlib.crc32(text) >> 1)}  # same tune, same bytes; another tune, other ids
    if any(len(line) > FULL_LINE and not FIELD.match(line) for line in lines):
        more["breaks"] = "auto"
    return engraved(text, json.dumps([options | more for options in variants]))


@lru_cache(maxsize=64)  # a tune's picture is made of the score that its --svg is
def engraved(text, variants):
    """The scores of a tune (bytes), one for each of verovio's options in `variants` (JSON), from one child process."""
    return json.loads(engrave(("scores", variants), ("tune.abc", text), "scores.json"))


def png(tune, width=1600):
    """The tune's score as the bytes of a PNG picture on white, `width` pixels wide. Raises Unplayable."""
    return engrave(("picture", str(width)), ("score.svg", svg(tune).encode()), "score.png")


def engrave(order, given, wanted):
    """What the child process makes of the file `given`. Raises Unplayable."""
    command = [sys.executable, str(ENGRAVER), *order]
    made, _, failure = child_process.make(command, given, wanted, ENGRAVING_SECONDS)
    if made is None:
        raise Unplayable(f"the engraver {failure}")
    return made


def printable(text):
    """The text with a blank for each character that cannot be printed."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def one_line(text):
    """A text that may be anything, fit to stand in a line: printable, at most 200 characters."""
    return " ".join(printable(text).split())[:200]
