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


def until_tune_ends(characters, length, stop=None, tunes=True):
    """The textbook of `cut`: (text, why it ended)."""
    text = ""
    for character in itertools.islice(characters, length):
        text += character
        if tunes and text.endswith("\n\n"):
            return text[:-1], "tune"
        if stop and text.endswith(stop):
            return text, "stop"
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


STOPS = ["\n", "aa", "\n\n", "a\nb"]
STOPS += [pytest.param(stop, marks=pytest.mark.slow) for stop in ("a", "ccc", "ef", "abcd", "abcdef" * 99)]


@pytest.mark.parametrize("tunes", [False, True])
@pytest.mark.parametrize("stop", STOPS, ids=repr)
def test_a_text_ends_right_after_the_one_to_stop_at(whole, model, stop, tunes):
    count, length = AT_ONCE + 2, 200
    texts = whole(generate_many(model, LETTERS, "ab", generators(3, count), length, tunes=tunes, stop=stop, threads=2))
    for stream, rng in enumerate(generators(3, count)):
        alone = generate(model, LETTERS, "ab", rng, threads=1)
        assert texts[stream] == until_tune_ends(alone, length, stop, tunes)
    assert "stop" in {end for _, end in texts.values()} or len(stop) > 2 or (tunes and stop == "\n\n")


@pytest.mark.parametrize("size", [1, 2, 3, 10, 66, 130])
@pytest.mark.parametrize("last", [63, 64, 65, 128, 129, 150])
def test_the_one_to_stop_at_may_begin_in_a_chunk_before(whole, model, last, size):
    size = min(size, last)
    (text, _), = whole(generate_many(model, LETTERS, "ab", generators(3, 1), 150, tunes=False)).values()
    stop = text[last - size : last]
    ended = until_tune_ends(text, 150, stop, tunes=False)
    assert whole(generate_many(model, LETTERS, "ab", generators(3, 1), 150, tunes=False, stop=stop)) == {0: ended}
    assert ended == (text[: text.index(stop) + size], "stop")


def test_what_the_prime_has_of_the_one_to_stop_at_does_not_count(whole, model):
    (text, _), = whole(generate_many(model, LETTERS, "fab", generators(3, 1), 150, tunes=False)).values()
    stop = "fab" + text[:2]
    assert stop not in text
    made = whole(generate_many(model, LETTERS, "fab", generators(3, 1), 150, tunes=False, stop=stop))
    assert made == {0: (text, "length")}


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


@pytest.mark.parametrize("tail, left, text, stop, expected", [
    ("", 9, "aab", "aa", ("aa", "stop")),
    ("a", 9, "ab", "aa", ("a", "stop")),
    ("xa", 9, "ab", "aa", ("a", "stop")),
    ("a", 9, "ba", "aa", ("ba", "")),
    ("ab", 9, "abac", "abac", ("abac", "stop")),
    ("ab", 9, "acab", "abac", ("ac", "stop")),
    ("", 3, "abc", "abc", ("abc", "stop")),  # just in time
    ("", 2, "abc", "abc", ("ab", "length")),
    ("|", 9, "\n\nX", "|\n", ("\n", "stop")),  # before the empty line is known to be one
    ("", 9, "\n\nX", "\n\n", ("\n", "tune")),
])
def test_the_one_to_stop_at_is_found_wherever_the_chunk_begins(tail, left, text, stop, expected):
    stream = SimpleNamespace(before=tail[-1:] or "x", tail=tail, left=left)
    assert cut(stream, text, tunes=True, stop=stop) == expected


def test_pieces_come_in_order_and_as_soon_as_they_can():
    made = [(0, "a", ""), (1, "x", "tune"), (2, "p", ""), (0, "b", "tune"), (2, "q", "length"), (3, "", "tune")]
    taken = []

    def chunks():
        for chunk in made:
            taken.append(chunk)
            yield Chunk(*chunk)

    ordered = [(chunk, len(taken)) for chunk in in_order(chunks())]
    assert ordered == [(made[0], 1), (made[3], 4), (made[1], 4), (made[2], 4), (made[4], 5), (made[5], 6)]
