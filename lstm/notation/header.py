"""Header lines that the user wants, such as a key, put in their place among those that the network writes.

The network learnt headers whose fields stand in some order, with some values, spelt in some way: `Headers` knows them
of its text. A wanted line must stand in its place too. The network writes a line. If its field comes before that of the
next wanted line, or it is a comment, it is kept; else the wanted line replaces it. Then the network reads the header so
far and goes on, as if it had written all of it.

Left out: what the network writes before a wanted line does not depend on that line. With a meter alone, the rhythm may
be one that has another meter.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations

from lstm.io import InputError
from lstm.notation.tunes import COMMENT, FIELD, HEADER

MODES = {"major": "", "ionian": "", "minor": "m", "aeolian": "m"} | {
    name: name[:3] for name in ("dorian", "phrygian", "lydian", "mixolydian", "locrian")
}
KEY = re.compile(r"([A-G][#b]?)( ?)([A-Za-z]*)")
METERS = {"4/4": "C", "2/2": "C|"}  # the other way to write them
WANTED = {"rhythm": "R", "meter": "M", "key": "K"}  # what can be asked for
MOST = 100  # values of a field that are kept, and characters of each
ENOUGH = 10_000  # tunes of a text that show what is usual in it


@dataclass(frozen=True)
class Headers:
    """What the headers of a text have in common: by default of data/input.txt, because files of before do not say.

    A test compares these with the text.
    """

    order: str = "XTRMLK"  # of the fields
    gap: str = ""  # what stands behind the colon: nothing or a blank
    heard: dict = field(default_factory=lambda: {  # the values of three of them, the most frequent first
        "R": ["reel", "jig", "air", "hornpipe", "slip jig", "march", "strathspey", "long dance"],
        "M": ["4/4", "6/8", "2/4", "3/4", "9/8", "3/8", "12/8"],
        "K": [
            *("G", "D", "A", "Bb", "Am", "C", "Gm", "F", "Em", "Dm", "Dmix", "Amix", "Ador", "Bm", "Edor", "E"),
            *("Gmix", "Eb", "Glyd", "Ddor", "Gdor", "Dlyd", "Cm", "Cdor", "Dphr", "Bphr", "Emix", "Fmix"),
        ],
    })

    @classmethod
    def of(cls, tunes):
        """Those of some tunes, as texts."""
        before, gaps, values = Counter(), Counter(), {name: Counter() for name in WANTED.values()}
        for tune in tunes:
            names = []
            for line in HEADER.match(tune)[0].split("\n"):
                if (match := FIELD.match(COMMENT.sub("", line).rstrip())) and match[1] not in names:
                    names.append(match[1])
                    gaps[line[2:3] == " "] += 1
                    if match[1] in values and match[2].isprintable() and 0 < len(match[2]) <= MOST:
                        values[match[1]][match[2]] += 1
            before.update(combinations(names, 2))
        rest, order = sorted({name for pair in before for name in pair}), ""
        while rest:  # next is the field that the fewest of the others mostly stand before
            order += min(rest, key=lambda name: sum(before[other, name] > before[name, other] for other in rest))
            rest.remove(order[-1])
        heard = {name: [value for value, _ in counts.most_common(MOST)] for name, counts in values.items()}
        return cls(order, " " if gaps[True] > gaps[False] else "", heard)

    def lines(self, **wanted):
        """The lines of a header for the values of WANTED that are not None, spelt and ordered as in the text.

        Raises InputError for what is no such value.
        """
        spelt = {WANTED[name]: getattr(self, name)(value) for name, value in wanted.items() if value is not None}
        return tuple(f"{name}:{self.gap}{spelt[name]}\n" for name in sorted(spelt, key=self.place))

    def place(self, name):
        """Where a field stands among the others; before the key if the text does not have it."""
        return self.order.find(name) if name in self.order else self.order.find("K") - 0.5

    def rhythm(self, text):
        """The value of R: for a rhythm, which may be any words."""
        name = text.strip()
        if not name or not name.isprintable():
            raise InputError(f"--rhythm {text!r} must be a word or two, such as reel or jig")
        return next((heard for heard in self.heard["R"] if heard.lower() == name.lower()), name)

    def meter(self, text):
        """The value of M: for a meter such as 6/8."""
        if not re.fullmatch(r"[1-9][0-9]?/(1|2|4|8|16|32)", text):
            raise InputError(f"--meter {text!r} must be beats and their unit, such as 4/4 or 6/8")
        other = METERS.get(text, text)
        return other if other in self.heard["M"] and text not in self.heard["M"] else text

    def key(self, text):
        """The value of K: for a key: E min, Eminor and Em are one, spelt as in the text, else by its other keys."""
        wanted = parse_key(text)
        if not wanted:
            raise InputError(f"--key {text!r} must be a key as ABC writes it, such as G, Bb, Am, Edor or Dmix")
        tonic, mode = wanted
        spelling = mode
        for heard in filter(parse_key, self.heard["K"]):
            if parse_key(heard) == wanted:
                return heard
        for heard in filter(parse_key, self.heard["K"]):
            other, its_mode = parse_key(heard)
            if its_mode == mode:
                spelling = heard.removeprefix(other)
                break
        return tonic + spelling

    def unheard(self, line):
        """A remark for the user about a line that no tune of the text has; "" if some tune has it."""
        name, value = line[0], line[2:].strip()
        known = self.heard[name]
        if value in known:
            return ""
        if not known:
            return f"no tune that this network learnt has a line {name}:, so it does not know what {value} means"
        some = f"so it does not know what it means; they have {', '.join(known[:30])}"
        return f"no tune that this network learnt has {name}:{value}, {some}"


def parse_key(text):
    """(tonic, mode) of a key, the mode by its short name: "E minor" is ("E", "m"). None for what is no key in ABC."""
    match = KEY.fullmatch(text)
    said = match and match[3].lower()
    if match and match[3] in ("", "m"):
        return match[1], match[3]
    modes = [mode for name, mode in MODES.items() if match and len(said) >= 3 and name.startswith(said)]
    return (match[1], modes[0]) if modes else None


def settle(line, lines, headers=Headers()):
    """(the line that stands here, the wanted lines still to come), where the network wrote `line`.

    >>> settle("T:The Hunt\\n", ("R:jig\\n", "K:D\\n"))
    ('T:The Hunt\\n', ('R:jig\\n', 'K:D\\n'))
    >>> settle("R:reel\\n", ("R:jig\\n", "K:D\\n"))
    ('R:jig\\n', ('K:D\\n',))
    """
    name = re.match("[A-Z](?=:)", line)  # note: X::, which an untrained network writes, has its place too
    if line.startswith("%") or name and headers.order.find(name[0]) < headers.place(lines[0][0]):
        return line, lines
    return lines[0], lines[1:]


class Header:
    """A header that is being written, up to the last line that is wanted."""

    def __init__(self, text, lines, headers=Headers()):
        self.text = text  # its beginning and its whole lines so far
        self.lines = lines  # wanted, and still to come
        self.headers = headers
        self.line = ""  # the characters drawn of the line that is not whole yet

    def add(self, drawn):
        """(the whole lines that these characters add to the header, the characters that are not used or None).

        If the last of the lines is a wanted one, the network must read `text` and go on from there. What it drew
        after its own line is not used.
        """
        written, rest = "", self.line + drawn
        while "\n" in rest:
            line, newline, rest = rest.partition("\n")
            begun, missing = self.text[self.text.rfind("\n") + 1 :], len(self.lines)
            line, self.lines = settle(begun + line + newline, self.lines, self.headers)
            self.text += line.removeprefix(begun)
            written += line.removeprefix(begun)
            if len(self.lines) < missing:
                self.line = ""
                return written, rest
        self.line = rest
        return written, None
