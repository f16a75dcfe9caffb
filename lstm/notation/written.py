"""A tune spelt so that the converter to MusicXML, abc2xml, reads the notes that abc2midi plays; and its bare notes.

The two agree on all but a few signs. There abc2midi's way is spelt out, because a score must show what sounds:

    ^g G          an accidental is good for every octave until the bar ends (ABC 2.1, section 4.2)     ^g ^G
    K:D exp _b    only the accidentals that are named; and K:HP has F and C sharp                       K:C _b
    (3{d}cBc      a grace note before a tuplet, or behind broken rhythm, is not one of its notes       {d}(3cBc
    c>d/          broken rhythm needs notes of the same length; else it is passed over                  cd/
    d3-|e         a tie over a bar line takes the next note, whatever its name                          d3-|d
    c5            no single note lasts that long                                                        c4-c

`rendering/music.py` compares the two for every tune it draws, so what is missing here is refused and not drawn wrong.
"""

import re
from fractions import Fraction

from lstm.notation import judge
from lstm.notation.tunes import COMMENT, FIELD, INLINE, ORNAMENT, first_tune

# subtle: no part may match without end where another could go on, or a hostile line would take quadratic time.
TEXT = rf'"[^"\n]*"|{ORNAMENT}'
PITCH = r"(?P<sign>[\^_=]{0,2})(?P<letter>[A-Ga-g])(?P<octave>[,']*)"
SPELT = re.compile(rf"(?P<key>\[K:[^\[\]\n]*\])|(?P<other>{INLINE}|{TEXT})|(?P<roll>~)|{PITCH}|(?P<bar>\||::)")
GRACE = r"(?:\{[^{}\n]*\}\s*)"
TUPLET = re.compile(rf"(\([2-9](?::\d?){{0,2}})\s*({GRACE}+)")
LENGTH = r"\d{0,3}/{0,4}\d{0,3}"
NOTE = r"(?:[\^_=]{0,2}[A-Ga-gxz][,']*|\[[^\]\[|:\n]*\])"
BETWEEN = rf"(?:(?:{TEXT}|[.~H-Wh-w(])\s*)*"
BROKEN = re.compile(rf"({NOTE})({LENGTH})\s*(<{{1,3}}|>{{1,3}})\s*({GRACE}*)({BETWEEN}{NOTE})({LENGTH})")
LASTING = re.compile(rf"({INLINE}|{TEXT})|({NOTE})({LENGTH})")
OVER_BAR = re.compile(rf"([\^_=]{{0,2}}[A-Ga-g][,']*)({LENGTH})(-[ \t]*\|[ \t]*)?")
RESTS_TIE = re.compile(rf"([xz]{LENGTH})-")
# What takes no time and is no written note: text, ornaments, grace notes, signs of the user's own.
ADDED = re.compile(rf"({INLINE})|{TEXT}|{GRACE}|[.~H-Wh-w]")
BAR = re.compile(rf"({INLINE})|(?:\[\|\]|:*\[?\|[|:\]]*|::+|\[(?=\d))(?:\[?\d[\d,.\-]*)?")  # and its ending
KEPT = "XTKLMVUw"  # the fields that say what to draw; I: and %% can name files and programs


def spelt(tune):
    """The text of a tune for abc2xml."""
    lines, accidentals, unit, meter, held = [], Accidentals(), False, "", ""
    for line in first_tune(tune).split("\n"):
        line = COMMENT.sub("", line).rstrip()
        if field := FIELD.match(line):
            name, value = field[1], field[2].strip()
            if name == "K":
                accidentals.end()
                if not unit:  # whose default is another where a first note comes after a change of meter
                    lines.append(f"L:{unit_of(meter)}")
                    unit = True
                line = f"K:{key(value)}"
            unit, meter = unit or name == "L", value if name == "M" else meter
            if name in KEPT:
                lines.append(line)
        elif line:
            line, held = over_bars(without_line_break(line), held)
            lines.append(spelt_music(line, accidentals))
    return "\n".join(lines) + "\n"


def over_bars(line, held):
    """(a line of music with the notes that ties over bar lines take, the note that is held at its end).

    held: the note that is held at its start, or "".
    """
    at, parts = 0, []
    for match in OVER_BAR.finditer(line):
        note, length, tie = match.groups("")
        if held and match.start() == at:
            note = held
        parts += line[at : match.start()], note, length, tie
        at, held = match.end(), note if tie else ""
    return "".join([*parts, line[at:]]), held if at == len(line) else ""


def spelt_music(line, accidentals):
    """A line of music, spelt out; `accidentals` are those of the bar so far."""
    line = SPELT.sub(accidentals.spell, line)
    line = RESTS_TIE.sub(r"\1", TUPLET.sub(r"\2\1", line))
    return LASTING.sub(tied, BROKEN.sub(even, line))


def unit_of(meter):
    """The value of L: where a tune has none: 1/16 for a meter M: below 3/4, else 1/8 (ABC 2.1, section 3.1.7)."""
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", meter)
    return "1/16" if match and int(match[1]) / max(1, int(match[2])) < 0.75 else "1/8"


def key(value):
    """The value of a field K: whose signature abc2xml reads as abc2midi does."""
    value = re.sub(r"^(Hp|HP)\b", "D", value)
    return re.sub(r"^[A-G][#b]?\s*[A-Za-z]*\s+exp\b", "C", value)


class Accidentals:
    """Those of the bar so far: by letter, as abc2midi reads it, and by letter and octave, as abc2xml does."""

    def __init__(self):
        self.end()

    def end(self):
        self.by_letter, self.by_note = {}, {}

    def spell(self, match):
        """A sign of the music; a note with the accidental that it has in this bar by another octave."""
        if match["bar"] or match["key"]:
            self.end()
        if match["letter"]:
            letter, note = match["letter"].upper(), match["letter"] + match["octave"]
            sign = match["sign"]
            if not sign and self.by_note.get(note) != self.by_letter.get(letter):
                sign = self.by_letter[letter]
            if sign:
                self.by_letter[letter] = self.by_note[note] = sign
            return sign + note
        if match["roll"]:  # which MusicXML does not have; a turn is the nearest
            return "!turn!"
        return re.sub(r"^\+(.*)\+$", r"!\1!", match[0])


def even(match):
    """Two notes of a broken rhythm, with their lengths in full where abc2xml would not do it as abc2midi does."""
    first, length, broken, grace, second, other = match.groups()
    lengths = [number(length), number(other)]
    if lengths[0] != lengths[1]:
        return first + length + grace + second + other
    if not grace and len(broken) < 3:
        return match[0]
    short = Fraction(1, 2 ** len(broken))
    factors = (2 - short, short) if broken[0] == ">" else (short, 2 - short)
    length, other = (written(part * factor) for part, factor in zip(lengths, factors))
    return first + length + grace + second + other


def tied(match):
    """A note as several that are tied, where one note, with dots, does not last as long: 5 is 4 and 1."""
    other, note, length = match.groups()
    if other:
        return other
    left, parts = number(length), []
    while left.numerator // (left.numerator & -left.numerator) not in (1, 3, 7):  # no dot, one, two
        parts.append(Fraction(1 << left.numerator.bit_length() - 1, left.denominator))
        left -= parts[-1]
    return ("" if note in "xz" else "-").join(note + written(part) for part in [*parts, left]) if parts else match[0]


def number(length):
    """A note's length as a fraction of the unit: `3/2`, `/` and `//` for a half and a quarter; a 0 is no number."""
    return judge.length_of(re.fullmatch(judge.LENGTH.format(""), length), "")


def written(length):
    """A fraction as ABC writes it behind a note."""
    return "" if length == 1 else str(length)


def bare(tune):
    """The written notes of a tune, for abc2midi: each once and at its time, nothing added, no swing.

    Of what `spelt` does only the accidentals are spelt out, because those of grace notes go with these; all else is
    left to abc2midi, so that a fault in `spelt` shows.
    """
    lines, accidentals = [], Accidentals()
    for line in first_tune(tune).split("\n"):
        line = COMMENT.sub("", line).rstrip()
        if field := FIELD.match(line):
            if field[1] == "K":
                accidentals.end()
                line += "\n%%MIDI chordattack 0"
            lines += [line] * (field[1] in "XKLMVU")
        elif line:
            line = ADDED.sub(lambda match: match[1] or "", SPELT.sub(accidentals.spell, without_line_break(line)))
            lines.append(BAR.sub(lambda match: match[1] or "|", line) or "|")
    return "\n".join(lines) + "\n"


def without_line_break(line):
    """A line of music without the sign ! that ended it in old ABC."""
    return line.removesuffix("!") if line.count("!") % 2 else line
