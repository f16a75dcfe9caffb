"""ABC as text: a file of tunes into tunes, tunes into training and validation, a tune into header fields.

A tune starts at a line `X:number`, as the ABC standard has it, and ends before an empty line or the next one.
Reading the music itself is not done here.
"""

import html
import re
import unicodedata
from itertools import islice

START = re.compile(r"^X:", re.MULTILINE)
FIELD = re.compile(r"([A-Za-z]):(?![|:])[ \t]*(.*)")  # the one rule: a line of music may begin with e:| or the like
COMMENT = re.compile(r"(?<!\\)%.*")  # to the end of its line; a line that begins so may be a directive: %%abc-version
HEADER = re.compile(rf"\s*(?:(?:%.*|(?!K:){FIELD.pattern})(?:\n|\Z))*(?:K:.*(?:\n|\Z))?")
ORNAMENT = r"![^!\s]*!|\+[^+\s]*\+"  # as the standard writes it, and as it did before 2011
INLINE = r"\[[A-Za-z]:[^\[\]\n]*\]"  # a field within a line
# What takes no time: text, grace notes, ornaments, fields.
NO_TIME = rf'"[^"\n]*"|\{{[^{{}}\n]*\}}|{ORNAMENT}|{INLINE}'
SILENT = re.compile(rf"{NO_TIME}|^{FIELD.pattern}|{COMMENT.pattern}", re.MULTILINE)  # has letters that are no notes
NOTE = re.compile(r"[A-Ga-g]")
UNENDED = re.compile(r"(?<=[^\n]\n)(?=X:)")  # where a tune begins without an empty line before it
PROMPT = "\n\nX:"  # what stands before each tune; the model goes on from here when it composes a new one
END = "\n\n"


def split_tunes(text):
    """The tunes of a text, in order; joined they are the text (what stands before the first goes with it)."""
    starts = [match.start() for match in START.finditer(text)]
    edges = [0, *starts[1:], len(text)]
    return [text[start:end] for start, end in zip(edges, edges[1:])]


def is_abc(text):
    """Whether a text is a collection of ABC tunes: two or more."""
    return len(list(islice(START.finditer(text), 2))) == 2


def split(text, fraction):
    """(training text, validation text): the last `fraction` of the tunes, whole ones, is validation.

    A text that is not ABC is cut at that share of its characters. fraction 0 holds nothing out.
    """
    text = ended(text)
    cut = held_out_from(text, fraction)
    return text[:cut], text[cut:]


def held_out_from(text, fraction):
    """The place in a text, after `ended`, where its validation part begins."""
    places = [match.start() for match in START.finditer(text)]
    if len(places) < 2:
        return len(text) - round(len(text) * fraction)
    places[0] = 0  # what stands before the first tune goes with it
    return [*places, len(text)][len(places) - round(len(places) * fraction)]


def ended(text):
    """The text with an empty line before each tune but the first, by which a model learns where a tune ends."""
    first = START.search(text)
    if not first or not UNENDED.search(text, first.end()):
        return text  # itself, because a copy may be large
    return text[: first.end()] + UNENDED.sub("\n", text[first.end() :])


def header_fields(tune):
    """The header fields of a tune up to K:, which ends it: `{"X": "1", "T": "The Reel", "K": "D"}`.

    Comments and directives are passed over: those on lines of their own, and what follows a % behind a field.
    """
    fields = {}
    for line in HEADER.match(tune)[0].split("\n"):
        if match := FIELD.match(COMMENT.sub("", line)):
            fields.setdefault(match[1], match[2].strip())
    return fields


# How ABC writes letters that a keyboard lacks: \'e is é, \aa is å (ABC 2.1, section 8.2).
ACCENTS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", "c": "\u0327", "v": "\u030c"}
ACCENTS |= {"u": "\u0306", "o": "\u030a", "H": "\u030b", ";": "\u0328"}
LETTERS = {"aa": "å", "AA": "Å", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "ss": "ß", "/o": "ø", "/O": "Ø"}
ESCAPE = re.compile(rf"""\\(?:u([0-9A-Fa-f]{{4}})|({"|".join(LETTERS)})|([`'^~"cvuoH;])([A-Za-z])|([%&\\]))""")


def spelt_out(text):
    """A text of a header as it is meant to be read.

    >>> spelt_out(r"Caf\\'e R&eacute;el \\u00e9")
    'Café Réel é'
    """

    def letter(match):
        code, special, accent, base, plain = match.groups()
        if accent:
            return unicodedata.normalize("NFC", base + ACCENTS[accent])
        return chr(int(code, 16)) if code else LETTERS.get(special, plain)

    return ESCAPE.sub(letter, html.unescape(text))


def first_tune(text):
    """What stands before the first empty line, because that ends a tune."""
    return re.split(r"\n[ \t\r]*\n", text.strip(), maxsplit=1)[0]


def header_length(tune):
    """How many characters of a tune its header takes: its fields up to K:, which ends it."""
    return HEADER.match(tune).end()


def body(tune):
    """The music of a tune: what follows its header, without the empty lines at its end."""
    return tune[header_length(tune) :].strip("\n")


def count_notes(tune):
    """How many notes are written in a tune: those of a chord one by one, no rests, no grace notes, repeats once.

    >>> count_notes('X:1\\nK:G\\n|:"Am"A2 z2|{cde}[GBd]2 C4:|\\n')
    5
    """
    return len(NOTE.findall(SILENT.sub("", body(tune))))
