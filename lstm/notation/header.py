"""A tune to order: header lines that the user wants, in their place among those that the network writes.

The network learnt headers whose fields stand in one order, so a line that is wanted must come where such a line always
came. Composing a header is a dialogue: the network writes a line; if that would stand before the next one wanted it
is kept, else the wanted line takes its place; then the network reads the header so far, as if it were all its own.

Left out: what comes before a wanted line does not know of it. With a meter alone, the rhythm may be one of another.
"""

import re

from lstm.io import InputError

ORDER = "XTRMLK"  # of the fields in data/input.txt
HEARD = {  # their values there, the frequent ones first
    "R": ("reel", "jig", "air", "hornpipe", "slip jig", "march", "strathspey", "long dance"),
    "M": ("4/4", "6/8", "2/4", "3/4", "9/8", "3/8", "12/8"),
    "K": (
        *("G", "D", "A", "Bb", "Am", "C", "Gm", "F", "Em", "Dm", "Dmix", "Amix", "Ador", "Bm", "Edor", "E"),
        *("Gmix", "Eb", "Glyd", "Ddor", "Gdor", "Dlyd", "Cm", "Cdor", "Dphr", "Bphr", "Emix", "Fmix"),
    ),
}
MODES = {"major": "", "ionian": "", "minor": "m", "aeolian": "m"} | {
    name: name[:3] for name in ("dorian", "phrygian", "lydian", "mixolydian", "locrian")
}


def rhythm(text):
    """The line R: of a rhythm, any words. Raises InputError for none, or more than a line."""
    name = text.strip()
    if not name or not name.isprintable():
        raise InputError(f"--rhythm {text!r} must be a word or two, such as {' or '.join(HEARD['R'][:2])}")
    return f"R:{name}\n"


def meter(text):
    """The line M: of a meter such as 6/8. Raises InputError for what is none."""
    if not re.fullmatch(r"[1-9][0-9]?/(1|2|4|8|16|32)", text):
        raise InputError(f"--meter {text!r} must be beats and their unit, such as {' or '.join(HEARD['M'][:2])}")
    return f"M:{text}\n"


def key(text):
    """The line K: of a key, its mode written as the corpus does: Em, E min and E minor are all Em.

    Raises InputError for what is no key in ABC.
    """
    match = re.fullmatch(r"([A-G][#b]?) ?([A-Za-z]*)", text)
    said = match and match[2].lower()
    if match and match[2] in ("", "m"):
        return f"K:{text.replace(' ', '')}\n"
    modes = [mode for name, mode in MODES.items() if match and len(said) >= 3 and name.startswith(said)]
    if not modes:
        raise InputError(f"--key {text!r} must be a key as ABC writes it, such as G, Bb, Am, Edor or Dmix")
    return f"K:{match[1]}{modes[0]}\n"


def unheard(line):
    """What to tell the user of a line that no tune of data/input.txt has; "" if some have it."""
    name, value = line[0], line[2:-1]
    if value in HEARD[name]:
        return ""
    doubt = "so a network that learnt these does not know what it means"
    return f"no tune of data/input.txt has {name}:{value}, {doubt}; they have {', '.join(HEARD[name])}"


def settle(line, lines):
    """(the line that stands here, the wanted lines still to come), where the network wrote `line`.

    >>> settle("T:The Hunt\\n", ("R:jig\\n", "K:D\\n"))
    ('T:The Hunt\\n', ('R:jig\\n', 'K:D\\n'))
    >>> settle("R:reel\\n", ("R:jig\\n", "K:D\\n"))
    ('R:jig\\n', ('K:D\\n',))
    """
    name = re.match("[A-Z](?=:)", line)  # note: X::, which a network at its beginning writes, has its place too
    if name and ORDER.find(name[0]) < ORDER.find(lines[0][0]):
        return line, lines
    return lines[0], lines[1:]


class Header:
    """A header on its way, from what begins it to the last line that is wanted."""

    def __init__(self, begun, lines):
        self.text = begun  # what begins it, and its lines so far
        self.lines = lines  # wanted, and still to come
        self.line = ""  # drawn, but not to its end

    def add(self, drawn):
        """(whole lines that come to the header by these characters, None or the characters left over).

        Where the last of the lines is a wanted one, the network must read `text` and go on from there; what it had
        drawn after its own is left over.
        """
        written, rest = "", self.line + drawn
        while "\n" in rest:
            line, end, rest = rest.partition("\n")
            begun, missing = self.text[self.text.rfind("\n") + 1 :], len(self.lines)
            line, self.lines = settle(begun + line + end, self.lines)
            self.text += line.removeprefix(begun)
            written += line.removeprefix(begun)
            if len(self.lines) < missing:
                self.line = ""
                return written, rest
        self.line = rest
        return written, None
