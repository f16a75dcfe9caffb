"""ABC as text: a file of tunes into tunes, tunes into training and validation, a tune into header fields.

A tune starts at a line `X:number`, as the ABC standard has it, and ends before an empty line or the next one.
Reading the music itself is not done here.
"""

import html
import re
import unicodedata

FIELD = re.compile(r"([A-Za-z]):(?![|:])[ \t]*(.*)")  # the one rule: a line of music may begin with e:| or the like
COMMENT = re.compile(r"(?<!\\)%.*")  # to the end of its line; a line that begins so may be a directive: %%abc-version
HEADER = re.compile(rf"\s*(?:(?:%.*|(?!K:){FIELD.pattern})(?:\n|\Z))*(?:K:.*(?:\n|\Z))?")
ORNAMENT = r"![^!\s]*!|\+[^+\s]*\+"  # as the standard writes it, and as it did before 2011
INLINE = r"\[[A-Za-z]:[^\[\]\n]*\]"  # a field within a line
# What takes no time: text, grace notes, ornaments, fields.
NO_TIME = rf'"[^"\n]*"|\{{[^{{}}\n]*\}}|{ORNAMENT}|{INLINE}'
SILENT = re.compile(rf"{NO_TIME}|^{FIELD.pattern}|{COMMENT.pattern}", re.MULTILINE)  # has letters that are no notes
NOTE = re.compile(r"[A-Ga-g]")
PROMPT = "\n\nX:"  # what stands before each tune; the model goes on from here when it composes a new one
END = "\n\n"


def starts(text):
    """The places where tunes start: lines that begin with X:."""
    places, at = [0] if text.startswith("X:") else [], text.find("\nX:")
    while at >= 0:  # a regular expression takes four times as long
        places.append(at + 1)
        at = text.find("\nX:", at + 1)
    return places


def split_tunes(text):
    """The tunes of a text, in order; joined they are the text (what stands before the first goes with it)."""
    edges = [0, *starts(text)[1:], len(text)]
    return [text[start:end] for start, end in zip(edges, edges[1:])]


def is_abc(text):
    """Whether a text is a collection of ABC tunes: two or more."""
    return len(starts(text)) > 1


def split(text, fraction):
    """(training text, validation text): the last `fraction` of the tunes, whole ones, is validation.

    A text that is not ABC is cut at that share of its characters. fraction 0 holds nothing out.
    """
    missing = unended(text, starts(text))
    text = "\n".join(text[start:end] for start, end in zip([0, *missing], [*missing, len(text)]))
    cut = held_out_from(starts(text), len(text), fraction)
    return text[:cut], text[cut:]


def held_out_from(places, length, fraction):
    """Where the validation part of a text begins, of such length and with tunes that start in these places."""
    if len(places) < 2:
        return length - round(length * fraction)
    held_out = round(len(places) * fraction)
    return [0, *places[1:], length][len(places) - held_out]  # what stands before the first tune goes with it


def unended(text, places):
    """Those of the places, where tunes start, that lack an empty line before them: by that a model learns their end."""
    return [at for at in places[1:] if text[at - 2] != "\n"]


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
