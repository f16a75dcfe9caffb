"""Text on its way to the model: vocabulary, tunes, corpus, reading files, batches."""

import random
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from lstm.batches import Batches
from lstm.corpus import Corpus
from lstm.io import InputError
from lstm.io.files import is_there, names_in, read_text
from lstm.notation.tunes import header_fields, is_abc, split, split_tunes
from lstm.vocabulary import Vocabulary

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


def tunes(count):
    """ABC text of so many small tunes, each of its own length."""
    return "".join(f"X:{n}\nT:Tune {n}\nK:G\n{'abcd'[: n % 4 + 1]}|\n\n" for n in range(1, count + 1))


# -- vocabulary


def test_decoding_gives_back_what_was_encoded():
    text = "X:1\nT:Ärger ♪\n 音楽\t|:ab:|"
    vocabulary = Vocabulary.of(text)
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert set(ids.tolist()) == set(range(len(vocabulary)))
    assert vocabulary.decode(ids) == text


def test_ids_do_not_depend_on_the_order_of_the_text():
    text = list("the quick brown fox\njumps over\tthe lazy dog ♪")
    shuffled = random.Random(4).sample(text, len(text))
    assert Vocabulary.of(shuffled) == Vocabulary.of(text)
    assert Vocabulary.of(text).characters == "".join(sorted(set(text)))


def test_an_empty_text_has_no_ids():
    assert Vocabulary("abc").encode("").shape == (0,)


@pytest.mark.parametrize("before", ["", "a", "abc", "a\n", "a\nb", "\n\nab\nc", "ab\n\n"])
@pytest.mark.parametrize("after", ["", "a", "\nb?", "??"])
def test_the_first_unknown_character_is_named_with_line_and_column(before, after):
    lines = (before + "?").split("\n")
    with pytest.raises(InputError, match=re.escape(f"'?' (line {len(lines)}, column {len(lines[-1])})")):
        Vocabulary("\nabc").encode(before + "?" + after)


@pytest.mark.parametrize("character", ["\n", "\r", "\u2028", "\x85", "\0", "\udcff"])
def test_the_complaint_about_an_unknown_character_is_one_line(character):
    with pytest.raises(InputError) as error:
        Vocabulary("\t\x0b\x1c\u2029ab").encode("ab" + character)
    assert len(str(error.value).splitlines()) == 1
    assert "column 3" in str(error.value)
    str(error.value).encode()


def test_a_vocabulary_with_a_repeated_character_is_refused():
    with pytest.raises(InputError, match="once"):
        Vocabulary("aba")


# -- tunes


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


# -- corpus


def test_a_corpus_knows_the_characters_of_the_held_out_tunes_too():
    text = tunes(9) + "X:10\nT:Ü\nK:G\n♪|\n"
    corpus = Corpus.of(text, validation=0.1)
    assert corpus.vocabulary.characters == "".join(sorted(set(text)))
    assert corpus.vocabulary.decode(corpus.training) == tunes(9)
    assert corpus.vocabulary.decode(corpus.validation) == text[len(tunes(9)) :]
    assert corpus.abc
    assert corpus.digest == sha256(text.encode()).hexdigest()


def test_a_corpus_of_other_text_says_so_and_may_hold_nothing_out():
    corpus = Corpus.of("Ω καὶ τὸ φῶς", validation=0)
    assert not corpus.abc
    assert corpus.vocabulary.decode(corpus.training) == "Ω καὶ τὸ φῶς"
    assert corpus.validation.size == 0


# -- reading files


@pytest.mark.parametrize(
    "data, text",
    [
        ("X:1\n♪\n".encode(), "X:1\n♪\n"),
        ("\ufeffX:1\n".encode(), "X:1\n"),
        (b"a\r\nb\rc\nd\r\n\r\n", "a\nb\nc\nd\n\n"),
        (b"no line end", "no line end"),
    ],
    ids=["UTF-8", "byte order mark", "other line ends", "no line end"],
)
def test_text_is_read_with_plain_line_ends_and_no_byte_order_mark(tmp_path, data, text):
    path = tmp_path / "text"
    path.write_bytes(data)
    assert read_text(path) == text


@pytest.mark.parametrize(
    "data, complaint",
    [
        (b"", "is empty"),
        ("\ufeff".encode(), "is empty"),
        (b"abc\n\xffdef", "byte 0xff at offset 4"),
        ("♪".encode()[:2], "byte 0xe2 at offset 0"),
        ("abc".encode("utf-16"), "byte 0xff at offset 0"),
        ("\ufeffaé".encode() + "é".encode("latin-1"), "byte 0xe9 at offset 6"),
    ],
    ids=["empty", "only a byte order mark", "a stray byte", "cut", "UTF-16", "Latin-1 later on"],
)
def test_a_file_without_text_is_refused_in_one_line(tmp_path, data, complaint):
    path = tmp_path / "text"
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))} .*{complaint}.*; ") as error:
        read_text(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["missing", ".", "file/below", "a" * 300, "missing/below"])
def test_a_place_that_is_no_file_is_refused_in_one_line(tmp_path, name):
    (tmp_path / "file").write_text("text")
    with pytest.raises(InputError, match=f"^cannot read {re.escape(str(tmp_path / name))}: .*; ") as error:
        read_text(tmp_path / name)
    assert "\n" not in str(error.value)


def test_what_is_there_is_told_and_what_cannot_be_looked_for_is_refused(tmp_path):
    (tmp_path / "file").write_text("text")
    assert is_there(tmp_path / "file") and is_there(tmp_path)
    assert names_in(tmp_path) == ["file"]
    for name in ("missing", "missing/below", "file/below"):
        assert not is_there(tmp_path / name)
        assert names_in(tmp_path / name) == []
    for look in (is_there, names_in):
        with pytest.raises(InputError, match="^cannot read .*: File name too long; check the file and its name$"):
            look(tmp_path / ("a" * 300))


# -- batches

SIZES = [(14, 2, 3), (100, 4, 6), (101, 1, 100), (7, 3, 2), (65, 8, 8), (1000, 7, 13)]


@pytest.mark.parametrize("remainder", [False, True])
@pytest.mark.parametrize("characters, B, T", SIZES)
def test_rows_go_on_from_batch_to_batch_and_targets_are_the_next_ids(characters, B, T, remainder):
    ids = np.random.default_rng(characters).integers(0, 50, characters)
    row = (characters - 1) // B
    length = row if remainder else row // T * T
    batches = list(Batches(ids, B, T, remainder))
    for b in range(B):
        read = [int(inputs[t, b]) for inputs, _ in batches for t in range(len(inputs))]
        aimed_at = [int(targets[t, b]) for _, targets in batches for t in range(len(targets))]
        assert read == ids[b * length : (b + 1) * length].tolist()
        assert aimed_at == ids[b * length + 1 : (b + 1) * length + 1].tolist()


@pytest.mark.parametrize("characters, B, T", SIZES)
def test_batches_for_training_are_all_of_one_shape(characters, B, T):
    batches = Batches(np.arange(characters), B, T)
    assert {inputs.shape for inputs, _ in batches} == {(T, B)}
    assert {targets.shape for _, targets in batches} == {(T, B)}
    assert len(batches) == len(list(batches)) == (characters - 1) // B // T
    assert batches.characters == len(batches) * T * B


@pytest.mark.parametrize("remainder", [False, True])
@pytest.mark.parametrize("characters, B, T", SIZES)
def test_every_id_is_read_at_most_once(characters, B, T, remainder):
    batches = Batches(np.arange(characters), B, T, remainder)
    read = np.concatenate([inputs.ravel() for inputs, _ in batches])
    assert len(set(read.tolist())) == read.size == batches.characters
    if remainder:  # rows are equal, so no more than B - 1 ids are left over, and the last is only a target
        assert read.size > characters - 1 - B


@pytest.mark.parametrize("characters, B, T", [(1, 1, 1), (2, 3, 1), (2, 1, 3), (14, 2, 7), (99, 16, 64), (999, 500, 2)])
def test_too_short_a_text_names_the_largest_sizes_and_they_do_fit(characters, B, T):
    ids = np.arange(characters)
    with pytest.raises(InputError, match=f"{characters} characters .* which need {B * T + 1};") as error:
        Batches(ids, B, T)
    rows = [int(n) for n in re.findall(r"--batch-size (\d+)", str(error.value))]
    steps = [int(n) for n in re.findall(r"--seq-length (\d+)", str(error.value))]
    fitting = [(n, T) for n in rows] + [(B, n) for n in steps]
    one_more = [(n + 1, T) for n in rows or [0]] + [(B, n + 1) for n in steps or [0]]
    for sizes in fitting:
        assert len(Batches(ids, *sizes)) == 1
    for sizes in one_more:
        with pytest.raises(InputError):
            Batches(ids, *sizes)


@pytest.mark.parametrize("B, T", [(3, 5), (4, 4)])
def test_a_text_of_exactly_one_batch_is_long_enough(B, T):
    assert len(Batches(np.arange(B * T + 1), B, T)) == 1
    with pytest.raises(InputError):
        Batches(np.arange(B * T), B, T)


@pytest.mark.parametrize("i", [-1, 2, 10**9])
def test_there_is_no_batch_outside_the_text(i):
    with pytest.raises(IndexError):
        Batches(np.arange(14), 2, 3)[i]
