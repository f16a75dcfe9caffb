"""ABC as text: a file of tunes into tunes, tunes into training and validation, a tune into header fields.

A tune starts at a line `X:number`, as the ABC standard has it, and ends before an empty line or the next one.
Reading the music itself is not done here.
"""

import re

START = re.compile(r"^X:", re.MULTILINE)
FIELD = re.compile(r"([A-Za-z]):(?![|:])[ \t]*(.*)")  # the one rule: a line of music may begin with e:| or the like
HEADER = re.compile(rf"\s*(?:(?!K:){FIELD.pattern}(?:\n|\Z))*(?:K:.*(?:\n|\Z))?")
NO_TIME = r'"[^"\n]*"|\{[^{}\n]*\}|![^!\s]*!|\[[A-Za-z]:[^\[\]\n]*\]'  # text, grace notes, ornaments, fields
SILENT = re.compile(rf"{NO_TIME}|^{FIELD.pattern}|%.*", re.MULTILINE)  # what has letters that are no notes
NOTE = re.compile(r"[A-Ga-g]")
PROMPT = "\n\nX:"  # what stands before each tune; the model goes on from here when it composes a new one
END = "\n\n"


def split_tunes(text):
    """The tunes of a text, in order; joined they are the text (what stands before the first goes with it)."""
    starts = [match.start() for match in START.finditer(text)]
    edges = [0, *starts[1:], len(text)]
    return [text[start:end] for start, end in zip(edges, edges[1:])]


def is_abc(text):
    """Whether a text is a collection of ABC tunes: two or more."""
    return len(split_tunes(text)) > 1


def split(text, fraction):
    """(training text, validation text): the last `fraction` of the tunes, whole ones, is validation.

    A text that is not ABC is cut at that share of its characters. fraction 0 holds nothing out.
    """
    pieces = ended(split_tunes(text)) if is_abc(text) else text
    held_out = round(len(pieces) * fraction) if fraction else 0
    training, validation = pieces[: len(pieces) - held_out], pieces[len(pieces) - held_out :]
    return "".join(training), "".join(validation)


def ended(tunes):
    """The tunes, each but the last with an empty line after it, by which a model learns where a tune ends."""
    return [tune.rstrip("\n") + END if not tune.endswith(END) else tune for tune in tunes[:-1]] + tunes[-1:]


def header_fields(tune):
    """The header fields of a tune up to K:, which ends it: `{"X": "1", "T": "The Reel", "K": "D"}`."""
    fields = {}
    for line in tune.lstrip("\n").split("\n"):
        match = FIELD.match(line)
        if not match:
            break
        fields.setdefault(match[1], match[2].strip())
        if match[1] == "K":
            break
    return fields


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
