"""Characters <-> ids: nothing is lost, and what is unknown is named with its place."""

import random
import re

import numpy as np
import pytest

from lstm.io import InputError
from lstm.vocabulary import Vocabulary


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


def test_control_characters_are_characters():
    text = "\0\x1b\x7f\x9b\u202e\u2028\ufeff"
    vocabulary = Vocabulary.of(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text


@pytest.mark.parametrize("half", ["\ud800", "\udbff", "\udc00", "\udfff"])
def test_half_a_character_is_none(half):
    for make in (Vocabulary, Vocabulary.of):
        with pytest.raises(InputError, match=rf"^'\\u{ord(half):x}' is half a character, .*; take it out$"):
            make("a" + half)
    assert len(Vocabulary("\ud7ff\ue000\U00010000")) == 3


def test_a_vocabulary_with_a_repeated_character_is_refused():
    with pytest.raises(InputError, match="once"):
        Vocabulary("aba")
