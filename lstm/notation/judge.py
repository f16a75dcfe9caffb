"""Is this ABC music? Two judges of one tune: abc2midi, and a count of each bar's length.

abc2midi, the field's own converter, says what is wrong with the notation and whether a MIDI file comes out.

`count_bars` says how many bars last exactly as long as the meter M: asks. It runs smoothly from 0 to 100 % while a
model learns, where "it converts" is soon true of almost everything.

Left out: several voices, and any opinion on whether the tune is beautiful.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from lstm.notation.abc2midi import SECONDS, ask_abc2midi, find_abc2midi
from lstm.notation.tunes import FIELD, NO_TIME, first_tune


@dataclass(frozen=True)
class Verdict:
    """What the two judges say of one tune."""

    converted: bool  # abc2midi wrote a MIDI file and lived
    errors: tuple[str, ...]  # abc2midi's lines, as it printed them
    warnings: tuple[str, ...]
    bars: int  # the bars that were measured, see `count_bars`
    bars_right: int  # ... and those of the right length

    @property
    def flawless(self):
        """Whether neither judge has anything to say against the tune, and there was something to judge."""
        return self.converted and not self.errors and not self.warnings and 0 < self.bars == self.bars_right


def judge_tune(tune, abc2midi=None, seconds=SECONDS):
    """Both judges' Verdict on `tune`: the text of one tune, from its `X:` line on.

    `abc2midi` is the program, by default the one `find_abc2midi` finds. Raises InputError if there is none.
    """
    midi, errors, warnings = ask_abc2midi(tune, abc2midi or find_abc2midi(), seconds)
    bars, bars_right = count_bars(tune)
    return Verdict(midi is not None, errors, warnings, bars, bars_right)


# -- bars

# Whatever matches none of these is skipped: the notation is abc2midi's to judge, here only time is counted.
# subtle: no part may match without end, or a hostile line would take quadratic time or make a million-digit number.
LENGTH = r"(?P<{0}num>\d{{0,3}})(?P<{0}slashes>/{{0,4}})(?P<{0}den>\d{{0,3}})"
SYMBOL = re.compile(
    r"\[(?P<field>[A-Za-z]):(?P<value>[^\[\]\n]*)\]"
    rf"|{NO_TIME}"
    r"|(?P<bar>[|:]*\|[|\]:]*|::+|\[\|)(?P<ending>\[?[1-9])?"
    r"|\[(?P<later_ending>[1-9])"
    r"|\((?P<tuplet>[2-9])(?::(?P<in_time_of>\d?))?(?::(?P<members>\d?))?"
    r"|(?P<whole_bars>Z)\d*"
    rf"|\[(?P<chord>[^\]\[|\n]*)\]{LENGTH.format('chord_')}"
    rf"|[A-Ga-gxz][,']*{LENGTH.format('note_')}"
    r"|(?P<broken><{1,3}|>{1,3})")
CHORD_NOTE = re.compile(rf"[A-Ga-g][,']*{LENGTH.format('note_')}")


def count_bars(tune):
    """(bars, bars_right): how many bars were measured, and how many of them last exactly as long as M: asks.

    A bar at an edge, that is at the tune's start or end or beside any bar line but a plain `|` (a repeat, an ending,
    a double bar) or a new meter, may be a pickup or the bar that a pickup completes. It is not measured,
    unless it is too long.
    A tune without a meter (no M:, or M:none) has no bars to measure.

    >>> count_bars("X:1\\nM:2/4\\nL:1/8\\nK:C\\nC|D2 (3EFG|A>B c|d2 c2|]")
    (2, 1)
    """
    counter = BarCounter()
    for line in first_tune(tune).split("\n"):
        line = line.split("%", 1)[0]  # a comment
        if field := FIELD.match(line):
            counter.read_field(field[1], field[2].strip())
        else:
            for symbol in SYMBOL.finditer(line):
                counter.read_symbol(symbol)
    counter.read_bar_line(edge=True)
    counter.measure_finished()
    return counter.bars, counter.bars_right


class BarCounter:
    """Walks through a tune symbol by symbol and adds up durations, in whole notes, as exact fractions."""

    def __init__(self):
        self.bars = self.bars_right = 0
        self.meter = None  # the length of a bar
        self.compound = False  # three beats to a pulse, as in 6/8
        self.unit = None  # L:
        self.finished = None  # the bar before: its length, its meter, whether it began at an edge
        self.start_bar(edge=True)

    def start_bar(self, edge):
        self.edge = edge  # whether a bar line since the last note is more than a plain |
        self.notes = []  # the durations in this bar
        self.broken = Fraction(1)  # what a > or < before the next note makes of it
        self.tuplet, self.tuplet_left = Fraction(1), 0  # the factor, and how many notes it is still good for

    def read_bar_line(self, edge):
        if self.notes:
            self.finished = (sum(self.notes), self.meter, self.edge)
            self.start_bar(edge)
        else:  # bar lines in a row, perhaps over a line's end, count as one
            self.edge = self.edge or edge

    def measure_finished(self):
        """Measure the bar before. Not sooner, because only the next note shows that no more bar lines follow."""
        length, meter, began_at_edge = self.finished or (None, None, None)
        if meter and (length > meter or not (began_at_edge or self.edge)):
            self.bars += 1
            self.bars_right += length == meter
        self.finished = None

    def read_field(self, name, value):
        if name == "L" and (match := re.fullmatch(r"(\d{1,4})/(\d{1,4})", value)) and int(match[2]):
            self.unit = Fraction(int(match[1]), int(match[2]))
        if name == "M":
            value = {"C": "4/4", "C|": "2/2"}.get(value, value)
            match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", value)
            beats, beat = (int(match[1]), int(match[2])) if match else (0, 1)
            self.meter = Fraction(beats, beat) if beats and beat else None
            self.compound = beats in (6, 9, 12)
            self.edge = True  # because a section with a meter of its own may have its own pickup

    def read_symbol(self, symbol):
        if symbol["field"]:  # within a line it says what it would on a line of its own
            self.read_field(symbol["field"], symbol["value"].strip())
        elif symbol["bar"]:
            self.read_bar_line(edge=symbol["bar"] != "|" or symbol["ending"] is not None)
        elif symbol["later_ending"]:
            self.read_bar_line(edge=True)
        elif symbol["tuplet"]:
            self.start_tuplet(*(int(symbol[name] or 0) for name in ("tuplet", "in_time_of", "members")))
        elif symbol["whole_bars"]:
            self.add_duration(self.meter or Fraction(1))
        elif symbol["chord"] is not None:
            if note := CHORD_NOTE.search(symbol["chord"]):
                self.add_note(length_of(note, "note_") * length_of(symbol, "chord_"))
        elif symbol["note_num"] is not None:
            self.add_note(length_of(symbol, "note_"))
        elif symbol["broken"]:
            self.break_rhythm(symbol["broken"])

    def add_note(self, length):
        # note: the default of L: depends on M:, which may come after it, so it is settled only here
        unit = self.unit or (Fraction(1, 16) if self.meter and self.meter < Fraction(3, 4) else Fraction(1, 8))
        duration = length * unit * self.broken
        self.broken = Fraction(1)
        if self.tuplet_left:
            duration *= self.tuplet
            self.tuplet_left -= 1
        self.add_duration(duration)

    def add_duration(self, duration):
        if not self.notes:
            self.measure_finished()
        self.notes.append(duration)

    def start_tuplet(self, notes, in_time_of, members):
        """`(p:q:r`: the next r notes, p of which last as long as q would."""
        in_time_of = in_time_of or {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(notes, 3 if self.compound else 2)
        self.tuplet, self.tuplet_left = Fraction(in_time_of, notes), members or notes

    def break_rhythm(self, mark):
        """`a>b` lengthens a by half and halves b; `>>` and `>>>` go further; `<` the other way round."""
        short = Fraction(1, 2 ** len(mark))
        before, after = (2 - short, short) if mark[0] == ">" else (short, 2 - short)
        if self.notes and self.broken == 1:
            self.notes[-1] *= before
            self.broken = after


def length_of(match, prefix):
    """The factor written after a note: `3` is 3, `/` is 1/2, `//` is 1/4, `3/2` is 3/2. A zero counts as no number."""
    slashes = len(match[prefix + "slashes"])
    over = int(match[prefix + "den"] or 0) if slashes else 1
    return Fraction(int(match[prefix + "num"] or 0) or 1, over or 2 ** slashes)
