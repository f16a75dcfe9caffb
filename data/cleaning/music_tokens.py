"""Music as tokens: what is worth learning is kept in one spelling, the typists' ornaments of the page are dropped.

Dropped: slurs, bowings, fingerings, decorations, chord names, staccato dots.
Kept: notes, rests, chords, grace notes, tuplets, broken rhythm, ties, rolls (~), bar lines, endings, gaps.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from cleaning.raw_tunes import Reject

PITCH = re.compile(r"[\^_=]*[A-Ga-g][,']*")
NOTE = re.compile(PITCH.pattern + r"\d*/*\d*")
SYMBOL = re.compile(
    r'(?P<dropped>"[^"\n]*"|![A-Za-z0-9.<>()^~/]{1,12}!|\+[a-z]{2,12}\+)'
    r"|(?P<grace>\{[^}\n]*\})"
    r"|(?P<inline>\[[A-Za-z]:[^\]\n]*\])"
    r"|(?P<bar>\[\||:*\|+[\]:|]*|::+)(?:\s*\[?(?P<ending>[1-9])(?=[^/0-9])[.]?)?"
    r"|\[(?P<later_ending>[1-9])[.]?"
    r"|(?P<tuplet>\((?:[2-9])(?::\d?){0,2})"
    r"|(?P<chord>\[[^\]\[|\n]*\]\d*/*\d*)"
    rf"|(?P<note>{NOTE.pattern})"
    r"|(?P<rest>[zx]\d*/*\d*|Z\d*)"
    r"|(?P<broken>[<>]{1,3})"
    r"|(?P<tie>-)|(?P<roll>~)"
    r"|(?P<shorthand>[().uvUVKHTSOMPkLJjR`*y\\])"  # slurs, and letters that stand for decorations
    r"|(?P<gap>[ \t]+)|(?P<stray>.)")


class Token(NamedTuple):
    kind: str  # bar ending grace tuplet chord note rest broken tie roll gap, and "line" for a line's end
    text: str


def bar(text):
    return Token("bar", text)


def tokens_of_line(line):
    """The tokens of one line of music. Raises Reject where a sign has no place in a tune."""
    tokens = []
    for symbol in SYMBOL.finditer(line):
        kind, text = symbol.lastgroup, symbol[0]
        if symbol["bar"]:
            tokens.append(bar(symbol["bar"]))
        if ending := symbol["ending"] or symbol["later_ending"]:
            tokens.append(Token("ending", ending))
        elif kind == "gap":
            if tokens and tokens[-1].kind not in ("gap", "bar", "ending"):
                tokens.append(Token("gap", " "))
        elif kind in TIDY:
            if text := TIDY[kind](text):
                tokens.append(Token(kind, text))
        elif kind in ("tuplet", "broken", "tie", "roll"):
            tokens.append(Token(kind, text))
    while tokens and tokens[-1].kind == "gap":
        tokens.pop()
    return tokens


def _grace(text):
    notes = "".join(map(canonical_length, NOTE.findall(text)))
    return "{" + notes + "}" if notes else ""


def _inline_field(text):
    raise Reject("inline field")


def _stray(text):
    raise Reject(f"stray {text!r}")


def _chord(text):
    """One length for the whole chord, written behind it: [G2B2] -> [GB]2."""
    inside, outer = re.fullmatch(r"\[(.*)\](\d*/*\d*)", text).groups()
    notes = NOTE.findall(inside)
    if len(notes) < 2 or re.search(r"[^\^_=A-Ga-g,'0-9/. ()-]", inside):
        raise Reject("odd chord")
    pitches = [PITCH.match(note)[0] for note in notes]
    lengths = {note[len(pitch):] for note, pitch in zip(notes, pitches)}
    if len(lengths) > 1:
        raise Reject("uneven chord")
    inner = lengths.pop()
    if inner and outer:
        raise Reject("odd chord")
    return f"[{''.join(pitches)}]" + canonical_length(inner or outer)


def _rest(text):
    return canonical_length(text.replace("x", "z"))  # because an invisible rest sounds like any other


def canonical_length(note):
    """The shortest spelling: a/2 -> a/, a2/4 -> a/, a1 -> a, a6/4 -> a3/2."""
    pitch, over, slashes, under = re.fullmatch(r"(\D*?)(\d*)(/*)(\d*)", note).groups()
    numerator, denominator = int(over or 1), int(under or 2 ** len(slashes))
    if not numerator or not denominator:
        raise Reject("zero length")
    length = Fraction(numerator, denominator)
    if length == Fraction(1, 2):
        return pitch + "/"
    return pitch + (str(length)[1:] if length.numerator == 1 else str(length))


TIDY = {"grace": _grace, "inline": _inline_field, "stray": _stray, "chord": _chord,
        "note": canonical_length, "rest": _rest}


def drop_false_ties(tokens):
    """Without the ties between different pitches: many typists wrote '-' for a slur."""
    kept = []
    for i, token in enumerate(tokens):
        if token.kind != "tie" or _is_tie(kept, tokens[i + 1:]):
            kept.append(token)
    return kept


def _is_tie(before, after):
    """Whether a '-' between these tokens joins two notes of one pitch, the second without an accidental of its own."""
    if not before or before[-1].kind != "note":
        return False
    following = next((t for t in after if t.kind not in ("gap", "broken", "bar", "line", "roll")), None)
    if following is None or following.kind != "note":
        return False
    return PITCH.match(before[-1].text)[0].lstrip("^_=") == PITCH.match(following.text)[0]
