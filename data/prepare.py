"""Rebuild data/input.txt, byte for byte, from the two books of Irish tunes in the music21 wheel.

    python data/prepare.py            write data/input.txt
    python data/prepare.py --check    only say whether data/input.txt is what would be written

Needs music21==10.5.1 for its corpus, and symusic for the abc2midi that decides which tunes are sound.
The steps are those of `build`; each of them lives in a module of cleaning/: raw_tunes, header_fields, music_tokens,
bar_lines, tidy_music. Left out: char_to_idx.json, which data/README.md makes from the text in one command.
"""

import argparse
import hashlib
import importlib.util
import re
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # because the checkout need not be installed to run this

from cleaning.header_fields import (
    clean_key,
    clean_meter,
    clean_title,
    clean_unit,
    oneill_number,
    oneill_rhythm,
    ryan_rhythm,
)
from cleaning.raw_tunes import Reject, read_books, split_header
from cleaning.tidy_music import tidy_music

from lstm.io import InputError
from lstm.io.places import how_to_install
from lstm.notation.abc2midi import find_abc2midi
from lstm.notation.judge import judge_tune

FEWEST_NOTES, MOST_CHARACTERS = 24, 1500  # of a tune
SAME_START = 40  # tunes that share so many melodic steps from the start are one tune
RARE = 20  # a punctuation mark seen fewer times costs a symbol and cannot be learnt
SHUFFLE_KEY = "1"


class Tune(NamedTuple):
    place: tuple | None  # (book, number), where the number is known
    title: str
    rest: str  # the ABC text from R: on
    steps: tuple  # from note to note, in scale steps modulo the octave: the melody in any key

    @property
    def abc(self):
        return f"T:{self.title}\n{self.rest}"


def build(corpus, abc2midi):
    """(text, dropped): the text of input.txt, and a Counter of the reasons why tunes were left out."""
    dropped = Counter()
    tunes = _sift(read_books(corpus), clean_tune, dropped)
    with ThreadPoolExecutor(2) as pool:  # threads are enough, because the work is done by child processes
        verdicts = dict(zip(tunes, pool.map(lambda tune: judge_tune("X:1\n" + tune.abc, abc2midi), tunes)))
    tunes = _sift(tunes, lambda tune: accept_sound(tune, verdicts[tune]), dropped)
    tunes = _sift(tunes, NewTunes().accept, dropped)
    rare = rare_characters(tunes)
    tunes = _sift(tunes, lambda tune: without_rare(tune, rare), dropped)
    tunes.sort(key=_shuffled)
    return "\n".join(f"X:{number}\n{tune.abc}" for number, tune in enumerate(tunes, 1)), dropped


def _sift(tunes, step, dropped):
    """[step(tune), ...] without the tunes that the step rejects; the reasons are counted in `dropped`."""
    kept = []
    for tune in tunes:
        try:
            kept.append(step(tune))
        except Reject as reason:
            dropped[str(reason)] += 1
    return kept


def clean_tune(raw):
    """A RawTune in the one spelling of input.txt. Raises Reject if it does not fit."""
    fields, music = split_header(raw.text)
    title, key, meter = (clean(fields.get(name, "")) for clean, name in
                         ((clean_title, "T"), (clean_key, "K"), (clean_meter, "M")))
    if raw.book == "oneills1850":
        place = raw.book, oneill_number(fields)
        rhythm = oneill_rhythm(place[1])
    else:
        place = None
        rhythm = ryan_rhythm(fields.get("R", ""), title)
    unit, music = clean_unit(fields.get("L", ""), meter), tidy_music(music)
    pitches = re.findall("[A-Ga-g]", re.sub(r"\{[^}]*\}", "", music))  # grace notes do not make the melody
    if len(pitches) < FEWEST_NOTES or len(music) > MOST_CHARACTERS:
        raise Reject("too short or too long")
    return Tune(place, title, f"R:{rhythm}\nM:{meter}\nL:{unit}\nK:{key}\n{music}\n", melodic_steps(pitches))


def melodic_steps(pitches):
    """'C', 'E', 'D' -> (2, 6): up a third, down a second."""
    heights = ["CDEFGAB".index(pitch.upper()) for pitch in pitches]
    return tuple((after - before) % 7 for before, after in pairwise(heights))


def accept_sound(tune, verdict):
    """The tune, if both judges find it flawless."""
    if verdict.flawless:
        return tune
    complaint = (verdict.errors + verdict.warnings + (" : bars of a wrong length (own count)",))[0]
    # abc2midi says "Warning in line-char 7-13 : Bar 1 has 7/2 ...": without place and numbers, the same reason for all
    raise Reject("abc2midi: " + re.sub(r"\d+(/\d+)?", "N", complaint.split(" : ", 1)[-1]))


class NewTunes:
    """Tells tunes that came before: the same number of the book, or the same melody in whatever key."""

    def __init__(self):
        self.places, self.starts = set(), set()

    def accept(self, tune):
        start, without_pickup = tune.steps[:SAME_START], tune.steps[1:SAME_START + 1]
        if tune.place in self.places:
            raise Reject("duplicate number")
        if start in self.starts or without_pickup in self.starts:
            raise Reject("duplicate melody")
        self.starts.add(start)
        self.places |= {tune.place} - {None}
        return tune


def rare_characters(tunes):
    """The punctuation marks that hardly ever occur."""
    count = Counter("".join(tune.abc for tune in tunes))
    return {character for character, n in count.items() if n < RARE and not character.isalnum()}


def without_rare(tune, rare):
    """The tune without rare characters in its title. Raises Reject if they are in its music."""
    tune = tune._replace(title="".join(c for c in tune.title if c not in rare).strip())
    if set(tune.abc) & rare or len(tune.title) < 2:
        raise Reject("rare character")
    return tune


def _shuffled(tune):
    """A sort key: a fixed shuffle that does not depend on any library's generator, so any part holds every kind."""
    return hashlib.sha256(f"{SHUFFLE_KEY}:{tune.abc}".encode()).digest()


def music21_corpus():
    spec = importlib.util.find_spec("music21")  # note: this finds the package without its slow import
    if not spec:
        raise InputError(f"music21 was not found: install it with  {how_to_install('music21', 'data')}  "
                         "or name its corpus folder with --corpus")
    return Path(spec.submodule_search_locations[0], "corpus")


def run(corpus, out, check):
    """Build and write, or compare. Prints what happened; the exit status is 1 if a comparison fails."""
    abc2midi = find_abc2midi()
    there = out.read_bytes() if check else None
    text, dropped = build(corpus or music21_corpus(), abc2midi)
    kept = text.count("X:")
    print(f"{kept + dropped.total()} tunes found, {kept} kept: {len(text)} characters, {len(set(text))} different ones")
    for reason, n in dropped.most_common():
        print(f"  {n:5} left out: {reason}")
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    if not check:
        out.write_bytes(text.encode("ascii"))
        print(f"wrote {out}, sha256 {digest}")
        return 0
    found = hashlib.sha256(there).hexdigest()
    print(f"{out} is {'the same' if found == digest else 'DIFFERENT'}: sha256 {found}, rebuilt {digest}")
    return int(found != digest)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="music21's corpus folder (default: that of the "
                        "music21 that is installed)")
    parser.add_argument("--out", type=Path, metavar="FILE", default=HERE / "input.txt", help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="write nothing, compare FILE with what would be written")
    options = parser.parse_args(argv)
    try:
        return run(options.corpus, options.out, options.check)
    except InputError as error:
        complaint = str(error)
    except OSError as error:
        complaint = f"{error.filename or options.out}: {error.strerror}; name another file with --out"
    print(f"prepare.py: {complaint}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
