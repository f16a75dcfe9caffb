"""The corpus: what tidying does to small pieces of music, and that the text that ships is the published one."""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parent.parent / "data"
sys.path.insert(0, str(DATA))  # because data/ holds scripts and is no package

import describe
import prepare
from cleaning import bar_lines, header_fields, music_tokens
from cleaning.raw_tunes import RawTune, Reject, split_header
from cleaning.tidy_music import break_line, tidy_music

PUBLISHED = "f63548aa9b311830a430a3e8dbdb0ea056bd335d3a4f4d66cca2fed5672fbbd3"
TEXT = (DATA / "input.txt").read_bytes()

# ------------------------------------------------------------------------------- the text that ships


def test_the_text_is_the_published_one():
    assert hashlib.sha256(TEXT).hexdigest() == PUBLISHED


def test_the_vocabulary_is_that_of_the_text():
    characters = sorted(set(TEXT.decode("ascii")))
    assert json.loads((DATA / "char_to_idx.json").read_text()) == {c: i for i, c in enumerate(characters)}


def test_tidying_a_tidy_tune_changes_nothing():
    for tune in TEXT.decode("ascii").rstrip("\n").split("\n\n"):
        _, music = split_header(tune)
        assert tidy_music(music) == "\n".join(music)


def test_the_statistics_are_those_of_the_readme(capsys):
    assert describe.main([]) == 0
    printed, readme = capsys.readouterr().out, (DATA / "README.md").read_text().replace("\n", " ")
    assert "111 tunes in 56 pairs; 5 validation tunes" in printed
    assert "**111 tunes are in such a pair (56 pairs); 5 of the 225 validation tunes" in readme
    for line in printed.splitlines():
        name, *values = line.split(maxsplit=1)
        if name in ("rhythm", "meter", "unit", "key"):
            assert f"| {name} | {values[0]} |" in readme


@pytest.mark.slow
def test_the_text_is_rebuilt_byte_for_byte(tmp_path):
    for package in ("music21", "symusic"):
        if not importlib.util.find_spec(package):
            pytest.skip(f"{package} is not installed")
    assert prepare.main(["--out", str(tmp_path / "input.txt")]) == 0
    assert hashlib.sha256((tmp_path / "input.txt").read_bytes()).hexdigest() == PUBLISHED


# ------------------------------------------------------------------------------- header fields


@pytest.mark.parametrize("typed, title", [
    ("Acacia -- Reel, THE (2nd setting)", "The Acacia Reel"),
    ("O'NEILL'S MARCH OF THE CLANS", "O'Neill's March of the Clans"),
    ("Caf\\'e` de l'\u00e9t\u00e9", "Cafe' de l'ete"), ("Lad, A", "A Lad"), (" The  Rose. me@here.org", "The Rose"),
])
def test_titles_get_one_spelling(typed, title):
    assert header_fields.clean_title(typed) == title


@pytest.mark.parametrize("clean, typed", [
    (header_fields.clean_title, "(?)"), (header_fields.clean_title, "OLD ZIP COON -- REEL"),
    (header_fields.clean_key, "H"), (header_fields.clean_key, "Gq"), (header_fields.clean_key, ""),
    (header_fields.clean_meter, "free"), (header_fields.clean_meter, ""),
])
def test_headers_that_do_not_fit_are_rejected(clean, typed):
    with pytest.raises(Reject):
        clean(typed)


def test_keys_meters_and_units_get_one_spelling():
    keys = {"D Mixolydian": "Dmix", "A minor": "Am", "Em": "Em", "Bb major": "Bb", "F#dor": "F#dor", "G": "G"}
    assert {typed: header_fields.clean_key(typed) for typed in keys} == keys
    assert [header_fields.clean_meter(typed) for typed in ("6 / 8", "C", "C|")] == ["6/8", "4/4", "4/4"]
    assert [header_fields.clean_unit("", meter) for meter in ("2/4", "3/4")] == ["1/16", "1/8"]


def test_rhythms_come_from_the_field_the_title_or_the_place_in_the_book():
    assert header_fields.ryan_rhythm("Clog Hornpipe", "") == "hornpipe"
    assert header_fields.ryan_rhythm("", "The Acacia Reel") == "reel"
    assert header_fields.oneill_rhythm(header_fields.oneill_number({"B": "O'Neill's 1116", "X": "3"})) == "slip jig"
    with pytest.raises(Reject, match="rhythm"):
        header_fields.ryan_rhythm("walkaround", "")


# ------------------------------------------------------------------------------- music


def tidy(*lines):
    return tidy_music(lines)


@pytest.mark.parametrize("typed, music", [
    ("(AB)c .d | vA1 u\"4\"B2/2 c4/8 d2/1 |]", "ABc d|A B c/ d2|]"),  # slurs, dots, bowings, fingers; lengths
    ("A - A | A-B | A-^A | A2-|A2 |", "A A|AB|A^A|A2-|A2|]"),  # a tie joins equal pitches and touches the first
    ("{A2B}c [c2e2] [Ac]/2 x2 Z |", "{A2B}c [ce]2 [Ac]/ z2 Z|]"),
    ("A > B | (3ABc d ~e |", "A>B|(3ABc d ~e|]"),
    ("A|B", "A|B|]"), ("A||", "A|]"), ("A|:", "A:|"),
    ("A \\\n B|", "A B|]"),
])
def test_music_gets_one_spelling(typed, music):
    assert tidy(*typed.split("\n")) == music


@pytest.mark.parametrize("typed, music", [
    ("A|B:|", "|:A|B:|"),  # the tune's start
    ("A||B:|c|", "A|:B:|c|]"),  # a double bar
    ("|:A:|B:|", "|:A::B:|"),  # the repeat before
    ("|:A|B|]", "|:A|B:|"),  # |: without :|
    ("|:A|:B:|", "|:A::B:|"), ("|:A||\n|:B:|", "|:A:|\n|:B:|"),
    ("|:A::\nB:|", "|:A:|\n|:B:|"),
    ("|:A:||:B:|", "|:A::B:|"), ("|:A:|:B:|", "|:A::B:|"), ("|:A:||\n||:B:|", "|:A:|\n|:B:|"),
    ("|:A|1 B:|2 c||", "|:A|1 B:|2 c|]"), ("|:A|[1 B:|[2 c||", "|:A|1 B:|2 c|]"), ("A [1 B|", "A[1 B|]"),
    ("A|\n|B|", "A|\nB|]"), ("A[|]B|", "AB|]"), ("A||||B|", "A||B|]"),
])
def test_repeats_come_in_pairs(typed, music):
    assert tidy(*typed.split("\n")) == music


@pytest.mark.parametrize("spelling, texts", [
    ("|", ["|", "[|"]), ("||", ["||", "|||"]), ("|]", ["|]", "||]"]), ("|:", ["|:", "||:"]),
    (":|", [":|", ":||", "::|", ":|]", "|:|"]), ("::", ["::", ":|:", ":||:", ":::"]),
])
def test_bar_lines_have_six_spellings(spelling, texts):
    assert {bar_lines.plain_spelling(text) for text in texts} == {spelling}


@pytest.mark.parametrize("typed, reason", [
    ("A0", "zero length"), ("A[K:D]B", "inline field"), ("A$", r"stray '\$'"),
    ("[A2c]", "uneven chord"), ("[A]", "odd chord"), ("[A2c2]2", "odd chord"), ("z|", "no notes"),
])
def test_music_that_means_nothing_is_rejected(typed, reason):
    with pytest.raises(Reject, match=reason):
        tidy(typed)


def test_canonical_length_is_the_shortest():
    assert [music_tokens.canonical_length(note) for note in ("^a,2/4", "a3/2", "a//", "a1", "a12/3")] == \
        ["^a,/", "a3/2", "a/4", "a", "a4"]


def test_long_lines_break_after_four_bars():
    bar = "ABcdefgabABcdefgab"
    assert break_line("|".join([bar] * 6) + "|]") == ["|".join([bar] * 4) + "|", "|".join([bar] * 2) + "|]"]
    assert break_line("short|") == ["short|"]


# ------------------------------------------------------------------------------- whole tunes

RAW = """X: 7
T:ACACIA -- REEL
M:C|
L:1/8
R:Reel
Z:typed by somebody, me@here.org
K:G major % a comment
"_mf"u((3DEF)|vG2vGA BcdB|cBcd .e2 (3def|gfge dBGB|
w:words
cBAG FADF|G2GA BcdB|cBcd edef|G6:|

% what follows an empty line is no music
"""


def test_a_raw_tune_becomes_clean():
    tune = prepare.clean_tune(RawTune("ryansMammoth", RAW))
    assert tune.abc == ("T:Acacia Reel\nR:reel\nM:4/4\nL:1/8\nK:G\n"
                        "|:(3DEF|G2GA BcdB|cBcd e2 (3def|gfge dBGB|\ncBAG FADF|G2GA BcdB|cBcd edef|G6:|\n")
    assert tune.steps[:4] == (1, 1, 1, 0)


@pytest.mark.parametrize("old, new, reason", [
    ("w:words", "K:D", "K: inside the tune"), ("w:words", "A & B", "several voices"), ("gfge", "gf=ge=", "stray"),
])
def test_a_raw_tune_that_does_not_fit_is_rejected(old, new, reason):
    with pytest.raises(Reject, match=reason):
        prepare.clean_tune(RawTune("ryansMammoth", RAW.replace(old, new)))


def test_the_same_melody_in_another_key_is_a_duplicate():
    first = prepare.clean_tune(RawTune("ryansMammoth", RAW))
    head, music = RAW.split("K:G major")
    other = head.replace("ACACIA", "OTHER") + "K:A" + music.translate(str.maketrans("DEFGABcdefg", "EFGABcdefga"))
    new = prepare.NewTunes()
    assert new.accept(first) is first
    with pytest.raises(Reject, match="duplicate melody"):
        new.accept(prepare.clean_tune(RawTune("ryansMammoth", other)))


def test_the_same_number_of_the_book_is_a_duplicate():
    new = prepare.NewTunes()
    new.accept(prepare.Tune(("oneills1850", 7), "A", "", (1, 2)))
    with pytest.raises(Reject, match="duplicate number"):
        new.accept(prepare.Tune(("oneills1850", 7), "B", "", (2, 1)))


# ------------------------------------------------------------------------------- the command


def test_a_wrong_corpus_folder_is_one_line_and_exit_status_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(prepare, "find_abc2midi", lambda: "abc2midi")
    assert prepare.main(["--corpus", str(tmp_path)]) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1 and str(tmp_path) in complaint and "--corpus" in complaint


def test_check_compares_and_writes_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(prepare, "find_abc2midi", lambda: "abc2midi")
    monkeypatch.setattr(prepare, "build", lambda corpus, abc2midi: ("X:1\n", prepare.Counter()))
    out = tmp_path / "text"
    options = ["--corpus", "anywhere", "--out", str(out)]
    assert prepare.main([*options, "--check"]) == 2 and str(out) in capsys.readouterr().err  # nothing to compare with
    assert prepare.main(options) == 0 and prepare.main([*options, "--check"]) == 0
    assert "is the same" in capsys.readouterr().out
    out.write_text("other")
    assert prepare.main([*options, "--check"]) == 1 and out.read_text() == "other"
    assert "DIFFERENT" in capsys.readouterr().out
