"""Many streams: each is what it is alone, and comes in order."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from helpers import model_of
from lstm import cell, kernels
from lstm.sampling import generate
from lstm.streams import AT_ONCE, Chunk, cut, generate_many, generators, in_order
from lstm.vocabulary import Vocabulary

LETTERS = Vocabulary("\nabcdef")


def until_tune_ends(characters, length):
    """The textbook of `cut`: (text, why it ended)."""
    text = ""
    for character in itertools.islice(characters, length):
        text += character
        if text.endswith("\n\n"):
            return text[:-1], "tune"
    return text, "length"


@pytest.fixture(params=["compiled", "readable"])
def model(request):
    return model_of((7, 4, 9, 2), *{"compiled": (kernels,), "readable": (cell, np.float64)}[request.param])


def test_each_tune_is_what_it_is_alone(whole, model):
    count, length = AT_ONCE + 5, 150
    texts = whole(generate_many(model, LETTERS, "ab", generators(3, count), length, threads=2))
    assert sorted(texts) == list(range(count))
    for stream, rng in enumerate(generators(3, count)):
        alone = generate(model, LETTERS, "ab", rng, threads=1)
        assert texts[stream] == until_tune_ends(alone, length)
    assert {end for _, end in texts.values()} == {"tune", "length"}


def test_fewer_tunes_are_the_first_of_more(whole, model):
    one, three, twenty = (whole(generate_many(model, LETTERS, "ab", generators(3, n), 200)) for n in (1, 3, 20))
    assert one[0] == three[0] == twenty[0]
    assert {k: twenty[k] for k in three} == three


def test_text_without_tunes_goes_on_to_its_length(whole, model):
    texts = whole(generate_many(model, LETTERS, "ab", generators(3, 3), 150, tunes=False))
    assert all((len(text), end) == (150, "length") for text, end in texts.values())
    assert any("\n\n" in text for text, _ in texts.values())


def test_another_random_seed_gives_other_tunes(whole, model):
    texts = [whole(generate_many(model, LETTERS, "ab", generators(seed, 3), 100, tunes=False)) for seed in (3, 3, 4)]
    assert texts[0] == texts[1] != texts[2]
    assert len(set(texts[0].values())) == 3


@pytest.mark.parametrize("before, left, text, expected", [
    ("x", 99, "ab\n\nX:2", ("ab\n", "tune")),
    ("\n", 99, "\nX:2", ("", "tune")),  # the end of the line before was in another chunk
    ("x", 99, "\n\nX:2", ("\n", "tune")),
    ("x", 99, "ab\n", ("ab\n", "")),
    ("\n", 99, "ab", ("ab", "")),
    ("x", 3, "ab\n\nX:2", ("ab\n", "length")),
    ("x", 4, "ab\n\nX:2", ("ab\n", "tune")),
    ("x", 2, "abc", ("ab", "length")),
    ("x", 3, "abc", ("abc", "length")),
])
def test_a_tune_ends_at_the_empty_line_wherever_the_chunk_does(before, left, text, expected):
    assert cut(SimpleNamespace(before=before, left=left), text, tunes=True) == expected


def test_pieces_come_in_order_and_as_soon_as_they_can():
    made = [(0, "a", ""), (1, "x", "tune"), (2, "p", ""), (0, "b", "tune"), (2, "q", "length"), (3, "", "tune")]
    taken = []

    def chunks():
        for chunk in made:
            taken.append(chunk)
            yield Chunk(*chunk)

    ordered = [(chunk, len(taken)) for chunk in in_order(chunks())]
    assert ordered == [(made[0], 1), (made[3], 4), (made[1], 4), (made[2], 4), (made[4], 5), (made[5], 6)]
