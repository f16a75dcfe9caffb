"""A tune's music from the typist's lines to the one spelling that the network reads."""

import re

from cleaning.bar_lines import tidy_bar_lines
from cleaning.music_tokens import Token, drop_false_ties, tokens_of_line
from cleaning.raw_tunes import Reject

LONGEST_LINE = 110
BARS_A_LINE = 4  # where a longer line is broken


def tidy_music(lines):
    """Lines of music -> tidy music, several lines in one string. Raises Reject for what it cannot read."""
    tokens = []
    for line in _joined_lines("\n".join(lines)).split("\n"):
        if of_line := tokens_of_line(line.strip()):
            tokens += [*of_line, Token("line", "\n")]
    if not any(token.kind == "note" for token in tokens):
        raise Reject("no notes")
    music = spell(tidy_bar_lines(drop_false_ties(tokens)))
    return "\n".join(piece for line in music.split("\n") for piece in break_line(line))


def _joined_lines(text):
    """Without what splits a line of music in two, and without the invisible bar line [|]."""
    text = text.replace("[|]", "")
    if re.search(r"=20\b|=$", text, flags=re.MULTILINE):  # a tune that came by mail, quoted-printable
        text = re.sub(r"=20\b", "", text.replace("=\n", " "))
    return re.sub(r"\\[ \t]*\n", " ", text)


def spell(tokens):
    """Tokens -> text. A gap stays only between notes; an ending is a digit behind its bar line, else [1."""
    text = ""
    for token, following in zip(tokens, [*tokens[1:], Token("line", "\n")]):
        if token.kind == "gap":
            if following.kind not in ("bar", "line", "gap", "ending", "broken") and text[-1:] not in "|:<>\n":
                text += " "
        elif token.kind == "ending":
            text += ("" if text.endswith(("|", "::", "|:")) else "[") + token.text + " "
        else:
            text += token.text
    text = re.sub(r" +", " ", text)
    text = re.sub(r"(?m)^ +| +$", "", text).strip("\n")
    return _each_line_for_itself(text)


def _each_line_for_itself(text):
    """A line ends with the bar line that closes it, and the next one starts with the |: that opens it, if any."""
    text = re.sub(r"::\n", ":|\n|:", text)
    text = re.sub(r"\|:\n(?!\|:)", "||\n|:", text)
    text = re.sub(r"(?m)^\|(?![:|\]1-9])", "", text)
    return re.sub(r"(?m)^::", "|:", text)


def break_line(line):
    """[line], or its pieces of four bars each if it is too long for a page."""
    if len(line) <= LONGEST_LINE:
        return [line]
    pieces, piece, bars = [], "", 0
    parts = re.split(r"(?<=[^|:\[])(\|\]|:\||\|:|\|\||::|\|)(?=[^|:\]1-9]|$)", line)
    for music, bar_line in zip(parts[::2], [*parts[1::2], ""]):
        closing, opening = {"|:": ("||", "|:"), "::": (":|", "|:")}.get(bar_line, (bar_line, ""))
        piece, bars = piece + music + closing, bars + 1
        if closing and (opening or bars >= BARS_A_LINE):
            pieces.append(piece)
            piece, bars = opening, 0
    return pieces + [piece] * bool(piece.strip("|: "))
