"""A tune in another key: more to learn from where tunes are few. Pure text, and exact: every note moves alike.

A tune goes to another tonic of the same mode, so each degree of the old scale becomes that degree of the new one: a
letter moves by as many steps as the tonic does, and an accidental keeps what it adds to the key signature.

    K:G  |:G2 ^cd =f2 A|   goes up a fourth to   K:C  |:c2 ^fg _b2 d|

An accidental that lasts to the end of its bar does so in the new key, because different letters stay different.
Chord names go with the notes. What has signs that are not known here (a change of key, a text that may be a chord)
stays as it is, and so does what would leave the range of NAMES or need more than a double accidental.
"""

import re
from bisect import bisect
from collections import Counter
from functools import cache, lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from lstm.notation.header import parse_key
from lstm.notation.tunes import COMMENT, INLINE, ORNAMENT

# From the fiddle's lowest string to as high as the tunes that ship go, but for 3 of their 246,952 notes.
NAMES = "G, A, B, C D E F G A B c d e f g a b c' d' e'".split()
SIGNS = {"__": -2, "_": -1, "": None, "=": 0, "^": 1, "^^": 2}  # None: as the key and the bar so far have it
OF_NOTES = "ABCDEFGabcdefg,'^_="  # the characters of both
SIGN_OF = {alteration: sign for sign, alteration in SIGNS.items()}
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
FIFTHS = "FCGDAEB"  # the order of sharps, and backwards that of flats
TONICS = [letter + sign for letter in SEMITONES for sign in ("", "#", "b")]
MODES = {"lyd": 1, "": 0, "mix": -1, "dor": -2, "m": -3, "phr": -4, "loc": -5}  # how many sharps more than major

TUNE = re.compile(r"(.*?^K:[ \t]*)([A-G][#b]?)( ?[A-Za-z]*)([ \t]*(?:%.*)?\n.*)", re.DOTALL | re.MULTILINE)
CHORD = re.compile(r'"([A-G][#b]?)((?:maj|min|dim|aug|sus|add|ma|mi|m|M|o|\+|-|[#b]?\d)*)(/?)([A-G][#b]?)?"')
# What stays as it is: comments, fields, ornaments; text that is marked as such, and words with no name of a note.
FIELDS = rf"^[A-Za-z]:(?![|:]).*|{INLINE}"
NAME = r"\b[A-G](?:[#b\d]|m(?![a-z]{2})|maj|min|dim|aug|sus|(?![a-z]))"
WORDS = rf'"(?:[\^_<>@][^"\n]*|(?:(?!{NAME})[^"\n])*)"'
TOKEN = re.compile(
    rf"(?P<stays>{COMMENT.pattern}|{FIELDS}|{ORNAMENT}|{WORDS})"
    r"""|(?P<moves>"[A-G][^"\n]*"|[\^_=]{0,2}[A-Ga-g][,']*)""",
    re.MULTILINE,
)
OTHER = re.compile(r"[xyzXZ\d/<>(){}|:\[\]~\- \t\n.H-Wh-w\\&*$`]*")  # what else stands in the music


NUMBER = re.compile(r"\A(X:[ \t]*)(\d{1,9})\b")  # the reference number at the start of a tune
KEPT = 5000  # tunes


class Tune(NamedTuple):
    """The text of a tune, cut at its key and at all that moves with it."""

    head: str  # up to its tonic
    tonic: str
    mode: str  # its short name
    spelling: str  # ... as it is spelt behind the tonic
    parts: tuple  # of the music, from there on: what stays and what moves, by turns; it ends with what stays


def parse(text):
    """The Tune in a text, or None if it has something that is not known here."""
    match = TUNE.fullmatch(text)
    key = match and parse_key((match[2] + match[3]).rstrip())
    if not key or key[1] not in MODES or "\nK:" in match[4] or "[K:" in match[4]:
        return None
    first, *rest = TOKEN.split(match[4])  # what stands before, between and behind tokens; and two groups of each token
    between, tokens = [first, *rest[2::3]], zip(rest[::3], rest[1::3], rest[2::3])
    if not OTHER.fullmatch("".join(between)):
        return None
    parts = [first]
    for stays, moves, other in tokens:
        if moves:
            parts += moves, other
        else:
            parts[-1] += stays + other
    return Tune(match[1], *key, match[3], tuple(parts))


def alteration(tonic):
    """What the sign behind a tonic's letter adds, in semitones."""
    return {"": 0, "#": 1, "b": -1}[tonic[1:]]


def signature(tonic, mode):
    """What a key adds to each letter, in semitones: `signature("D", "")` -> `{"F": 1, "C": 1, "G": 0, ...}`."""
    sharps = FIFTHS.index(tonic[0]) - 1 + 7 * alteration(tonic) + MODES[mode]
    return {letter: (sharps - place + 6) // 7 for place, letter in enumerate(FIFTHS)}


@cache
def intervals(tonic, other):
    """The ways from a tonic to another as (steps, semitones), six semitones at most: two ways if six, else one."""
    letters = list(SEMITONES)
    steps = letters.index(other[0]) - letters.index(tonic[0])
    semitones = SEMITONES[other[0]] + alteration(other) - SEMITONES[tonic[0]] - alteration(tonic)
    ways = [(steps + 7 * octaves, semitones + 12 * octaves) for octaves in (1, 0, -1)]
    return [way for way in ways if abs(way[1]) <= 6]


@cache
def spellings(tonic, other, mode, characters):
    """For each of the intervals a table {pitch: pitch}, of those that stay within NAMES, SIGNS and characters."""
    old, new = signature(tonic, mode), signature(other, mode)
    known, tables = set(characters), []
    for steps, _ in intervals(tonic, other):
        table = {}
        for name, moved in zip(NAMES[max(0, -steps) :], NAMES[max(0, steps) :]):
            change = new[moved[0].upper()] - old[name[0].upper()]
            for sign, altered in SIGNS.items():
                altered = altered if altered is None else altered + change
                if altered in SIGN_OF and known.issuperset(SIGN_OF[altered] + moved):
                    table[sign + name] = SIGN_OF[altered] + moved
        tables.append(table)
    return tables


def targets(tune, tonics, characters):
    """{tonic: table} of those of the tonics that a Tune can have, its own too; no other characters in its notes."""
    moving, found = set(tune.parts[1::2]), {}
    chords = {name for name in moving if name[0] == '"'}
    pitches, known = moving - chords, set(characters) if chords else ()
    written = "".join(filter(characters.__contains__, OF_NOTES))
    for tonic in tonics:
        for table, way in zip(spellings(tune.tonic, tonic, tune.mode, written), intervals(tune.tonic, tonic)):
            if pitches <= table.keys():
                names = {name: in_another_key(name, *way) for name in chords}
                if all(moved and known.issuperset(moved) for moved in names.values()):
                    found.setdefault(tonic, {name: table[name] for name in pitches} | names if chords else table)
    return found


@lru_cache(10_000)
def in_another_key(chord, steps, semitones):
    """The name of a chord that is so many steps and semitones away: "D7/F#" -> "G7/B". None if it has no such name.

    >>> in_another_key('"D7/F#"', 3, 5), in_another_key('"Gb"', 3, 6), in_another_key('"Am Em"', 3, 5)
    ('"G7/B"', '"C"', None)
    """
    match = CHORD.fullmatch(chord)
    if not match or bool(match[3]) != bool(match[4]):
        return None
    root, bass = (moved_name(name, steps, semitones) if name else "" for name in (match[1], match[4]))
    return None if root is None or bass is None else f'"{root}{match[2]}{match[3]}{bass}"'


def moved_name(name, steps, semitones):
    """The name of a note so many steps and semitones away; None if it needs a double accidental."""
    letters = list(SEMITONES)
    letter = letters[(letters.index(name[0]) + steps) % 7]
    altered = (SEMITONES[name[0]] + alteration(name) + semitones - SEMITONES[letter] + 6) % 12 - 6
    return letter + {-1: "b", 0: "", 1: "#"}[altered] if abs(altered) <= 1 else None


def transposed(tune, tonic, table):
    """The text of a Tune with one of its targets as the tonic."""
    moved = [table[part] if n % 2 else part for n, part in enumerate(tune.parts)]
    return "".join([tune.head, tonic, tune.spelling, *moved])


def in_other_keys(tunes, characters):
    """An iterator over the texts of the tunes in every other key that they can have among the keys of them all."""
    parsed = [tune for tune in map(parse, tunes) if tune]
    tonics = {mode: {tune.tonic for tune in parsed if tune.mode == mode} for mode in MODES}
    for tune in parsed:
        for tonic, table in sorted(targets(tune, tonics[tune.mode], characters).items()):
            if tonic != tune.tonic:
                yield transposed(tune, tonic, table)


class Transposer:
    """The tunes of a training text, any share of them with another tonic and another number in each epoch.

    The number goes too, because it is a name: a network that may know a tune by it learns the tune by heart, and is
    sure that no other numbers exist. (In a book the held-out tunes have those that follow.)

    It keeps of each tune which tonics it can have, but only of KEPT what they parse to: of a large text all would take
    twenty times its memory.
    """

    def __init__(self, corpus):
        ids, edges, self.vocabulary = corpus.training, corpus.edges, corpus.vocabulary
        self.pieces = [ids[start:end] for start, end in zip(edges, edges[1:])]
        self.ends = (ids[: edges[0]], ids[edges[-1] :]) if len(edges) else (ids[:0], ids)  # what is not among them
        self.tune = lru_cache(KEPT)(lambda i: parse(self.vocabulary.decode(self.pieces[i])))
        self.counts = {mode: Counter() for mode in MODES}  # how often each tonic is there
        opening = [NUMBER.match(self.vocabulary.decode(piece[:20])) for piece in self.pieces]
        digits = max((len(number[2]) for number in opening if number), default=0)
        self.numbers = 10**digits  # they are below it
        kinds, kind_of = {}, []  # of each tune: (mode, tonic, the tonics it could have), None if it stays
        for tune in map(self.tune, range(len(self.pieces))):  # once, because of a large text it takes long
            kind = tune and (tune.mode, tune.tonic, frozenset(targets(tune, TONICS, self.vocabulary.characters)))
            kind_of.append(kinds.setdefault(kind, kind))
            if tune:
                self.counts[tune.mode][tune.tonic] += 1
        there = {kind: tuple(filter(kind[2].__contains__, self.counts[kind[0]])) for kind in filter(None, kinds)}
        self.tonics = [there.get(kind, ()) for kind in kind_of]
        self.can_move = any(set(tonics) - {tonic} for (_, tonic, _), tonics in there.items())  # to one not its own

    def text(self, share, seed, epoch):
        """(ids, edges) of the text with the tonics and the numbers of this share of the tunes drawn anew.

        Tonics are drawn from the tonics that the tunes of the text have in that mode, each as often as it is there, so
        that keys stay about as frequent as they are; a tune may draw its own. Numbers are drawn from all that have as
        many digits as the longest, or fewer. What becomes of a tune is a function of seed, epoch and its place alone.
        """
        # note: the 1 and the 2 keep these draws apart from each other and from those that shuffle
        draws = np.random.default_rng([seed, epoch, 1]).random((len(self.pieces), 2)).tolist()
        numbers = np.random.default_rng([seed, epoch, 2]).integers(1, max(2, self.numbers), len(draws)).tolist()
        pieces = [
            self._drawn(i, which, number) if moves < share else self.pieces[i]
            for i, ((moves, which), number) in enumerate(zip(draws, numbers))
        ]
        before, after = self.ends
        edges = len(before) + np.cumsum([0, *map(len, pieces)])
        return np.concatenate([before, *pieces, after]), edges

    def _drawn(self, i, which, number):
        """The ids of a tune with this number, and the tonic at `which`, from 0 to 1, of all that it can have."""
        tune, tonics, known = self.tune(i), self.tonics[i], self.vocabulary.characters
        text = self.vocabulary.decode(self.pieces[i])
        if tonics:
            weights = list(accumulate(self.counts[tune.mode][tonic] for tonic in tonics))
            tonic = tonics[bisect(weights, which * weights[-1])]
            text = transposed(tune, tonic, targets(tune, [tonic], known)[tonic])
        if set(str(number)) <= set(known):
            text = NUMBER.sub(rf"\g<1>{number}", text, count=1)
        return self.vocabulary.encode(text, self.pieces[i].dtype)
