"""A text cut into tunes, and the tunes that are held out."""

import re
from pathlib import Path

import pytest

from helpers import tunes
from lstm.notation.tunes import body, count_notes, header_fields, is_abc, spelt_out, split, split_tunes

TUNES_THAT_SHIP = Path(__file__).resolve().parent.parent / "data" / "input.txt"

ODD_TEXTS = {
    "nothing before the first": "X:1\nK:G\nabc|\n\nX:2\nK:D\ndef|\n",
    "words before the first": "% my tunes\n\nX:1\nK:G\nabc\n\nX:2\nK:G\nabc",
    "no empty line between": "X:1\nK:G\nabc\nX:2\nK:G\nabc\nX:3\nK:G\n",
    "X: within a line": "X:1\nT:X:2 is no start\nK:G\nX:3\nK:G\n",
    "nothing but starts": "X:X:\nX:\nX:",
    "one tune": "X:1\nK:G\nabc|\n",
    "no tune": "plain words,\nand more",
}


@pytest.mark.parametrize("text", ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_the_tunes_of_a_text_joined_are_the_text(text):
    pieces = split_tunes(text)
    starts = sum(line.startswith("X:") for line in text.split("\n"))
    assert "".join(pieces) == text
    assert len(pieces) == max(1, starts)
    assert all(piece.startswith("X:") for piece in pieces[1:])
    assert is_abc(text) == (starts > 1)


@pytest.mark.parametrize("count, fraction, held_out", [(10, 0.1, 1), (20, 0.2, 4), (7, 0.3, 2), (3, 0.1, 0), (4, 0, 0)])
def test_the_last_tunes_are_held_out_whole(count, fraction, held_out):
    text = tunes(count)
    training, validation = split(text, fraction)
    assert training == tunes(count - held_out)
    assert training + validation == text


def test_of_the_text_that_ships_the_last_225_of_2251_tunes_are_held_out():
    text = TUNES_THAT_SHIP.read_text(encoding="utf-8")
    pieces = re.split(r"(?m)^(?=X:)", text)[1:]
    assert len(pieces) == 2251
    assert split(text, 0.1) == ("".join(pieces[:2026]), "".join(pieces[2026:]))


@pytest.mark.parametrize("fraction, held_out", [(0.1, 10), (0.25, 25), (0.9, 90), (0, 0)])
def test_text_that_is_not_abc_is_cut_by_characters(fraction, held_out):
    text = "0123456789" * 10
    assert split(text, fraction) == (text[: 100 - held_out], text[100 - held_out :])


def test_the_header_of_a_tune_ends_with_its_key():
    tune = "\nX:12\nT: The Reel \nT:Its other name\nM:4/4\nK:D major\nA:abc|\nV:1\n"
    assert header_fields(tune) == {"X": "12", "T": "The Reel", "M": "4/4", "K": "D major"}


@pytest.mark.parametrize(
    "tune, fields", [("X:1\n|:abc", {"X": "1"}), ("", {}), ("words", {}), ("X:\nK:", {"X": "", "K": ""})]
)
def test_a_header_without_a_key_ends_where_the_fields_do(tune, fields):
    assert header_fields(tune) == fields


# -- headers as people write them

WRITTEN = """X:1
%%titlefont Times 20
T:R\\'eel % the first part
% collected in 1850
M:6/8
K:G % major
A3 a3|"a"g3 !trill!g3|+fermata+e3 a3|
"""


def test_comments_and_directives_in_a_header_are_passed_over():
    assert header_fields(WRITTEN) == {"X": "1", "T": "R\\'eel", "M": "6/8", "K": "G"}
    assert body(WRITTEN) == 'A3 a3|"a"g3 !trill!g3|+fermata+e3 a3|'
    assert count_notes(WRITTEN) == 6
    bare = "".join(line + "\n" for line in WRITTEN.splitlines() if not line.startswith("%"))
    assert (body(bare), header_fields(bare)) == (body(WRITTEN), header_fields(WRITTEN))


def test_a_percent_sign_that_is_meant_is_no_comment():
    assert header_fields("X:1\nT:100 \\% wool\nK:G\n")["T"] == "100 \\% wool"


@pytest.mark.parametrize("written, meant", [
    ("R\\'eel", "Réel"), ("R&eacute;el", "Réel"), ("R\\u00e9el", "Réel"), ('\\"Uber', "Über"), ("\\`a la", "à la"),
    ("se\\~nor", "señor"), ("\\cc\\,", "ç\\,"), ("\\aa\\AA\\/o\\ss", "åÅøß"), ("100 \\% wool", "100 % wool"),
    ("Tom &amp; Jerry", "Tom & Jerry"), ("back\\slash", "back\\slash"), ("Sm\\;a \\vs", "Smą š"),
])
def test_a_title_is_spelt_out(written, meant):
    assert spelt_out(written) == meant
