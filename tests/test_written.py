"""A tune spelt for the converter to MusicXML: each sign that the two programs read in two ways, in abc2midi's way."""

import pytest

from lstm.notation.written import bare, key, spelt, unit_of

HEADER = "X:1\nT:Test\nM:4/4\nL:1/8\n"


def music(text, header="K:C\n"):
    return spelt(HEADER + header + text + "\n").removeprefix(HEADER + header).removesuffix("\n")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("^gG g,|G", "^g^G ^g,|G"),  # every octave, to the end of the bar
        ("^gg =G g|", "^gg =G =g|"),
        ("_b B|1 B:|2 b|]", "_b _B|1 B:|2 b|]"),
        ("^c C::C", "^c ^C::C"),
        ("^c C [K:D] C [M:3/4] ^f F", "^c ^C [K:D] C [M:3/4] ^f ^F"),
        ('^a "A7"A !a!A', '^a "A7"^A !a!A'),
        ("(3{d}cBc {e}(3cBc (3:2:3{ag}fed", "{d}(3cBc {e}(3cBc {ag}(3:2:3fed"),
        ("d>{f}e d2<{f}e2 [ce]>{f}d", "d3/2{f}e1/2 d{f}e3 [ce]3/2{f}d1/2"),
        ("c>d e2>>f2 c>d/ c2>.d c>>>d", "c>d e2>>f2 cd/ c2.d c-c7/8d1/8"),
        ("c5 z5 [ce]9 ^c5 c7 c3 c15 c5/2 c/ c//", "c4-c z4z [ce]8-[ce] ^c4-^c c7 c3 c8-c7 c2-c1/2 c/ c//"),
        ("c0 z0 c/0 c>d0 c00/0 [ce]0", "c0 z0 c/0 c>d0 c00/0 [ce]0"),
        ("z2-|c2-|c2", "z2|c2-|c2"),
        ("+fermata+E ~G !trill!A", "!fermata!E !turn!G !trill!A"),
        ("AB cd!", "AB cd"),
        ("AB !trill!cd", "AB !trill!cd"),
        ("AB % C D", "AB"),
        ("AB\n%%abc-include /etc/passwd\nI:abc-include /etc/passwd\nP:A\nN:cd\nw:la la\ncd", "AB\nw:la la\ncd"),
    ],
)
def test_what_is_read_in_two_ways_is_spelt_out(text, expected):
    assert music(text) == expected


@pytest.mark.parametrize(
    "text", ["|:dBGB dBGB|(3cde f2 g2|1 A2 [ce]2:|2 c4|]", "V:1\nc2|\nV:2\nC2|", "c/d/ e3/2f/ g//a//"]
)
def test_all_else_stays(text):
    assert music(text) == text


@pytest.mark.parametrize(
    "value, expected",
    [("D exp _b ^f", "C _b ^f"), ("Am exp ^g", "C ^g"), ("Hp", "D"), ("HP", "D"), ("Dmix",) * 2, ("G clef=bass",) * 2],
)
def test_a_key_that_abc2xml_does_not_know_becomes_one_that_it_does(value, expected):
    assert key(value) == expected
    assert spelt(f"X:1\nL:1/8\nK:{value}\nc|\n") == f"X:1\nL:1/8\nK:{expected}\nc|\n"


@pytest.mark.parametrize(
    "meter, unit", [("2/4", "1/16"), ("3/4", "1/8"), ("6/8", "1/8"), ("C", "1/8"), ("none", "1/8"), ("", "1/8")]
)
def test_the_unit_that_a_header_leaves_out_is_that_of_its_meter(meter, unit):
    assert unit_of(meter) == unit
    assert f"L:{unit}\nK:G\n" in spelt(f"X:1\nM:{meter}\nK:G\nabc|\n")


@pytest.mark.parametrize("piece", [
    "^", "c^", "c>", "c> ", "> ", "(3", "(3{", "{c}", "(3{c}", '"', '"a', "!", "!a", "+", "[", "[K:", "[c", ":", "|:",
    "[1", "c-", "z-", "~", "c,", "c/", "9", "c9", ".", 'c>"a"', "c>{a}", "c>!a!", "c>(", "=", "_", "K:", "%", "\\",
])
def test_a_long_hostile_line_is_read_to_its_end(piece):
    for text in (piece * 10_000, f"c>{piece * 10_000}", f"{piece * 10_000} "):
        tune = f"{HEADER}K:C\n{text}"
        assert spelt(tune) and bare(tune)  # in quadratic time that would take minutes


def test_bare_notes_stand_once_each_with_nothing_added():
    text = 'X:1\nT:Test\nM:4/4\nL:1/8\nR:hornpipe\nK:G\n|:"Am"{d}c2 .!trill!d2|1 Te4:|[2 (3fga-|a4|]\nw:la\n'
    assert bare(text) == "X:1\nM:4/4\nL:1/8\nK:G\n%%MIDI chordattack 0\n|c2 d2| e4| (3fga-|a4|\n"
