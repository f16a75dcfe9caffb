"""Header lines that the user wants, such as a key, put in their place among those that the network writes.

The network learnt headers whose fields always stand in the same order, so a wanted line must stand in its place too.
The network writes a line. If its field comes before that of the next wanted line, it is kept; else the wanted line
replaces it. Then the network reads the header so far and goes on, as if it had written all of it.

Left out: what the network writes before a wanted line does not depend on that line. With a meter alone, the rhythm may
be one that has another meter.
"""

import re

from lstm.io import InputError

ORDER = "XTRMLK"  # of the fields in data/input.txt
HEARD = {  # the values of three of them there, most frequent first; a test compares these with the corpus
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
    """The line R: of a rhythm, which may be any words. Raises InputError for no word, or more than one line."""
    name = text.strip()
    if not name or not name.isprintable():
        raise InputError(f"--rhythm {text!r} must be a word or two, such as {' or '.join(HEARD['R'][:2])}")
    return f"R:{name}\n"


def meter(text):
    """The line M: of a meter such as 6/8. Raises InputError for what is no meter."""
    if not re.fullmatch(r"[1-9][0-9]?/(1|2|4|8|16|32)", text):
        raise InputError(f"--meter {text!r} must be beats and their unit, such as {' or '.join(HEARD['M'][:2])}")
    return f"M:{text}\n"


def key(text):
    """The line K: of a key, its mode written as in the corpus: Em, E min and E minor all give Em.

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
    """A remark for the user about a line that no tune of data/input.txt has; "" if some tune has it.

    That is the corpus that ships. A network that learnt another text may know other values: hence "learnt these".
    """
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
    name = re.match("[A-Z](?=:)", line)  # note: X::, which an untrained network writes, has its place too
    if name and ORDER.find(name[0]) < ORDER.find(lines[0][0]):
        return line, lines
    return lines[0], lines[1:]


class Header:
    """A header that is being written, up to the last line that is wanted."""

    def __init__(self, text, lines):
        self.text = text  # its beginning and its whole lines so far
        self.lines = lines  # wanted, and still to come
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
            line, self.lines = settle(begun + line + newline, self.lines)
            self.text += line.removeprefix(begun)
            written += line.removeprefix(begun)
            if len(self.lines) < missing:
                self.line = ""
                return written, rest
        self.line = rest
        return written, None
