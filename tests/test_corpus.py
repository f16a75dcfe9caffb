"""A corpus: how it is read, its vocabulary, and what of it is learnt and held out."""

import csv
import io
import json
import os
import random
from hashlib import sha256

import numpy as np
import pytest

from helpers import tunes
from lstm import corpus as corpus_module
from lstm.corpus import Corpus, read
from lstm.io import InputError
from lstm.notation.tunes import header_fields, split, split_tunes


def test_a_corpus_knows_the_characters_of_the_held_out_tunes_too():
    text = tunes(9) + "X:10\nT:Ü\nK:G\n♪|\n"
    corpus = Corpus.of(text, validation=0.1)
    assert corpus.vocabulary.characters == "".join(sorted(set(text)))
    assert corpus.vocabulary.decode(corpus.training) == tunes(9)
    assert corpus.vocabulary.decode(corpus.validation) == text[len(tunes(9)) :]
    assert corpus.abc and corpus.tunes == (9, 1)
    assert corpus.digest == sha256(text.encode()).hexdigest()


def test_a_corpus_of_other_text_says_so_and_may_hold_nothing_out():
    corpus = Corpus.of("Ω καὶ τὸ φῶς", validation=0)
    assert not corpus.abc and corpus.tunes == (0, 0)
    assert corpus.vocabulary.decode(corpus.training) == "Ω καὶ τὸ φῶς"
    assert corpus.validation.size == 0


@pytest.mark.parametrize("characters, dtype", [(255, np.uint8), (257, np.uint16), (70_000, np.uint32)])
def test_ids_take_no_more_bytes_than_they_need(characters, dtype):
    text = "".join(map(chr, range(0x10000, 0x10000 + characters)))
    corpus = Corpus.of(text)
    assert corpus.training.dtype == corpus.validation.dtype == dtype
    assert corpus.vocabulary.decode(corpus.training) + corpus.vocabulary.decode(corpus.validation) == text


@pytest.mark.parametrize("seed", range(30))
def test_ids_are_those_of_the_two_parts_with_an_empty_line_after_each_tune(seed):
    rng = random.Random(seed)
    pieces = ["X:1\nK:G\nabc|\n\n", "X:2\nK:G\ndef|\n", "X:3\n\n\n\n", "remark\n", "\n"]
    text, fraction = "".join(rng.choices(pieces, k=rng.randrange(2, 9))), rng.choice([0, 0.1, 0.3, 0.9])
    whole = split_tunes(text)
    expected = [tune if tune.endswith("\n\n") else tune.rstrip("\n") + "\n\n" for tune in whole[:-1]] + whole[-1:]
    cut = len(whole) - round(len(whole) * fraction)
    if len(whole) > 1:
        assert split(text, fraction) == ("".join(expected[:cut]), "".join(expected[cut:]))
    corpus = Corpus.of(text, fraction)
    assert tuple(map(corpus.vocabulary.decode, (corpus.training, corpus.validation))) == split(text, fraction)


# -- files as one text


@pytest.fixture
def write(tmp_path):
    """A function: a file with this content, in a folder of its own where the name has one."""

    def written(name, content):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def test_no_tune_runs_into_the_next_file(write):
    ends = "X:1\nK:G\nab|", "X:2\nK:G\nab|\n", "X:3\nK:G\nab|\n\n", "X:4\nK:G\nab|"
    text, remarks = read([write(f"{n}", end) for n, end in enumerate(ends)])
    assert text == "X:1\nK:G\nab|\n\nX:2\nK:G\nab|\n\nX:3\nK:G\nab|\n\nX:4\nK:G\nab|" and remarks == []


def test_a_folder_is_all_files_below_it_in_order_that_are_texts_and_not_hidden(write, tmp_path):
    for name in ("b.abc", "a/z.TXT", "a.txt", "a/b/c.abc", "B.abc", ".h.abc", ".git/x.txt", "a/picture.png", "README"):
        write(f"all/{name}", name)
    text, _ = read([write("first.xyz", "first"), tmp_path / "all"])
    assert text.split() == ["first", "B.abc", "a/b/c.abc", "a/z.TXT", "a.txt", "b.abc"]


@pytest.mark.parametrize("inputs, complaint", [
    (["empty"], r"empty is a directory without a file \*.abc, \*.txt, \*.json, \*.csv; name one with some"),
    (["all", "all/a.txt"], "--input names .*a.txt twice; .*name it once"),
    (["all/a.txt", "all/../all/a.txt"], "--input names .*a.txt twice"),
    (["all/a.txt", "missing"], "cannot read .*missing: No such file"),
    (["all/a.txt", "none.txt"], "none.txt is empty"),
    (["a" * 300], "cannot read .*: File name too long; check"),
])
def test_inputs_that_cannot_be_are_refused_in_one_line(write, tmp_path, inputs, complaint):
    (tmp_path / "empty").mkdir()
    write("all/a.txt", "text"), write("none.txt", "")
    with pytest.raises(InputError, match=complaint) as error:
        read([tmp_path / name for name in inputs])
    assert "\n" not in str(error.value)


def test_a_large_text_is_announced_before_it_is_read(write, monkeypatch):
    monkeypatch.setattr(corpus_module, "LARGE", 9)
    monkeypatch.setattr(corpus_module, "read_any_text", lambda path, encoding: told.append("read") or "text")
    paths, told = (write("a", "12345"), write("b", "1234")), []
    read(paths, tell=told.append)
    assert told == ["read", "read"]
    told.clear()
    read([*paths, write("c", "1")], tell=told.append)
    assert told == ["reading 0 MB of text: about 0 s", "read", "read", "read"]


def test_files_that_are_too_much_together_are_refused(write, monkeypatch):
    monkeypatch.setattr(corpus_module, "MOST", 9)
    paths = write("a", "12345"), write("b", "12345")
    with pytest.raises(InputError, match="with .*b there are more than 9 characters, the most; leave some files out"):
        read(paths)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_folder_that_may_not_be_read_is_refused(write, tmp_path):
    write("all/below/a.txt", "text")
    (tmp_path / "all" / "below").chmod(0)
    with pytest.raises(InputError, match="cannot read .*all: Permission denied"):
        read([tmp_path / "all"])


# -- what is no ABC as it comes


ROWS = [
    {"tune_id": "1", "setting_id": "7", "name": "Ann's  Fancy, The", "type": "reel", "meter": "4/4", "mode": "Gmajor",
     "abc": "|:GABc dBAB|!\r\n!trill!G4 A4:|\r\n\r\n\"Em\"e4 d4|!fermata!\r\n", "date": "2001", "username": "ann"},
    {"tune_id": "1", "setting_id": "8", "name": "Bob's", "type": "slip jig", "meter": "9/8", "mode": "Edorian",
     "abc": "E3 G3 B3|\r\nX:e3 d3 B3|", "date": "2002", "username": "bob"},
    {"tune_id": "2", "setting_id": "9", "name": "C", "type": "", "meter": "3/4", "mode": "Bbminor", "abc": "B6|",
     "date": "2003", "username": "c", "composer": "C"},
]
AS_ABC = (
    "X:1\nT:Ann's Fancy, The\nR:reel\nM:4/4\nL:1/8\nK:G\n"
    "|:GABc dBAB|\n!trill!G4 A4:|\n\"Em\"e4 d4|!fermata!\n\n"
    "X:2\nT:Bob's\nR:slip jig\nM:9/8\nL:1/8\nK:Edor\nE3 G3 B3|\n\n"
    "X:3\nT:C\nM:3/4\nL:1/8\nK:Bbm\nB6|\n\n"
)


def as_csv(rows):
    table = io.StringIO()
    writer = csv.DictWriter(table, [*rows[0], "composer"])
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue()


@pytest.mark.parametrize("form, content", [("JSON", json.dumps(ROWS, indent=1)), ("CSV", as_csv(ROWS))])
def test_a_dump_of_the_session_is_read_as_abc(write, form, content):
    assert read([write("tunes", content)]) == (AS_ABC, [f"read as TheSession's {form}: 3 tunes"])


@pytest.mark.parametrize("mode, key", [
    ("Gmajor", "G"), ("Edorian", "Edor"), ("Dmixolydian", "Dmix"), ("Aminor", "Am"), ("F#minor", "F#m"),
    ("Clydian", "Clyd"), ("Ephrygian", "Ephr"), ("Em", "Em"), ("Cmaj", "C"),
])
def test_a_key_is_spelt_as_abc_does_in_short(write, mode, key):
    text, _ = read([write("tunes", json.dumps([ROWS[0] | {"mode": mode}]))])
    assert header_fields(text)["K"] == key


BAD_ROWS = [
    {**ROWS[0], "abc": " "}, {**ROWS[0], "abc": None}, {**ROWS[0], "mode": "Hminor"}, {"abc": "A"}, 7,
    {**ROWS[1], "abc": "!"},
]


def test_rows_that_are_no_tunes_are_counted_and_said(write):
    text, remarks = read([write("tunes", json.dumps([ROWS[0], *BAD_ROWS])), write("more", json.dumps(ROWS[1:]))])
    assert len(split_tunes(text)) == 3
    assert remarks == ["read as TheSession's JSON: 3 tunes; 6 left out, without music or a key"]
    short = as_csv(ROWS[1:2]) + "5,5,cut\n"
    assert read([write("short", short)])[1] == ["read as TheSession's CSV: 1 tune; 1 left out, without music or a key"]


@pytest.mark.parametrize("content, complaint", [
    (json.dumps(ROWS)[:-40], r"tunes is damaged JSON: .* line 1 column \d+ .*; copy it again"),
    ('[{"tune_id": ' + "[" * 100_000, "tunes is damaged JSON: .*; copy it again"),
    (json.dumps([{"tune_id": 1, "alias": "A"}]), "tunes has no column abc and no meter and no mode; tunes.json"),
    (json.dumps([{"abc": "A", "meter": "4/4"}]), "tunes has no column mode; "),
    (json.dumps([BAD_ROWS[0]]), "tunes has no row with abc, meter, mode that make a tune; "),
    (as_csv(ROWS)[:120], r"tunes is damaged CSV: .*, in line \d+ or before; copy it again"),
    ("tune_id,alias\n1,A\n", "tunes has no column abc"),
    (as_csv(ROWS).split("\n")[0] + "\n", "tunes has no "),
])
def test_a_damaged_dump_is_refused_in_one_line(write, content, complaint):
    with pytest.raises(InputError, match=complaint) as error:
        read([write("tunes", content)])
    assert "\n" not in str(error.value)


TOKENS = "M:9/8\nK:Cmaj\n|: G 2 E =c' |1 (3 A B c :| _B, /2 z |\n\nM:6/8 K:Cdor G A B | c 2< d |\n"
TITLED = "T: Ann's Fancy\nM: 9/8\nK: Gmaj\ndBB BAG|dBB ABc|\nd2B|\n\n"
TITLED += "T: Bob's\nZ: by me\nL: 1/4\nM: 4/4\nK: A dorian\nABc|\n"


@pytest.mark.parametrize("content, expected", [
    (TOKENS, "X:1\nM:9/8\nL:1/8\nK:C\n|:G2E=c'|1(3ABc:|_B,/2z|\n\nX:2\nM:6/8\nL:1/8\nK:Cdor\nGAB|c2<d|\n\n"),
    (TITLED, "X:1\nT:Ann's Fancy\nM:9/8\nL:1/8\nK:G\ndBB BAG|dBB ABc|\nd2B|\n\n"
             "X:2\nT:Bob's\nM:4/4\nL:1/4\nK:Ador\nABc|\n\n"),
])
def test_the_data_of_folk_rnn_is_read_as_abc(write, content, expected):
    assert read([write("data", content)]) == (expected, ["read as folk-rnn's data: 2 tunes"])
    text, remarks = read([write("more", content + "\n\nM:4/4\nno key\n")])
    assert (text, remarks) == (expected, ["read as folk-rnn's data: 2 tunes; 1 left out, without music or a key"])


@pytest.mark.parametrize("text", [
    "X:1\nT:[{\"abc\"}]\nK:G\nabc|\n", "[{\"a\": 1}]", "[{ of old }] he said", "K: who?\n\nT: I.\n",
    "abc, def and mode\n",
    "M: Good day.\nK: Ghosts!\n", "T:x\nX:1\nM:4/4\nK:G\n", "M:4/4\nX:1\nK:C\nA B\n",
])
def test_what_is_none_of_these_stays_as_it_is(write, text):
    assert read([write("text", text)]) == (text, [])
