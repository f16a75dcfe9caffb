"""Novelty: held to a search for every span of every length."""

import random
import time

import pytest

from lstm.evaluation.novelty import Spans, longest_copied, seen, sorted_places, spans_of
from lstm.notation.judge import count_bars
from lstm.notation.tunes import body, count_notes, header_fields, header_length

TUNE = "X:1\nT:A Tune\nM:2/4\nK:G\n|:ABc|dBA:|\nE:|\n\n"


def some_text(rng, length, letters="ab|"):
    return "".join(rng.choice(letters) for _ in range(length))


def naive_longest(text, training):
    spans = (text[i:j] for i in range(len(text)) for j in range(i + 1, len(text) + 1))
    return max((len(span) for span in spans if span in training), default=0)


@pytest.mark.parametrize("seed", range(20))
def test_it_agrees_with_a_plain_search(seed):
    rng = random.Random(seed)
    training, text = some_text(rng, rng.randrange(80)), some_text(rng, rng.randrange(40), "ab|c")
    spans = Spans(training)
    assert longest_copied(text, spans) == naive_longest(text, training)
    for n in (1, 2, 5, 12):
        n_grams = [text[i : i + n] for i in range(len(text) - n + 1)]
        assert seen(text, n, spans) == (sum(n_gram in training for n_gram in n_grams), len(n_grams))


@pytest.mark.parametrize("text", ["", "a", "aaaaaaaaaaaaaaa", "banana", "abab" * 20, "μῆνιν ἄειδε\0\U0010ffff\0"])
def test_places_are_sorted_by_what_follows(text):
    assert sorted_places(text).tolist() == sorted(range(len(text)), key=lambda place: text[place:])


def test_a_text_without_a_place_has_no_span():
    assert longest_copied("abc", Spans("")) == 0 and seen("abc", 2, Spans("")) == (0, 2)


def test_a_tune_that_was_learnt_is_copied_whole():
    other = "X:9\nT:Other\nK:D\nabcdefgabc\n\n"
    spans = spans_of(TUNE + other)
    assert longest_copied(body(TUNE), spans) == len(body(TUNE))
    assert seen(body(TUNE), 12, spans) == (4, 4)


def test_no_span_goes_from_one_tune_into_the_next():
    spans = spans_of("X:1\nK:G\nABc\n\nX:2\nK:G\nDEF\n")
    assert longest_copied("ABcDEF", spans) == longest_copied("ABc\n\nDEF", spans) == 3


def test_headers_are_not_compared():
    spans = spans_of("X:1\nT:The Very Long Title of a Tune\nR:reel\nM:4/4\nL:1/8\nK:G\nABc\n\nX:2\nK:A\nd\n")
    assert longest_copied(body("X:1\nT:The Very Long Title of a Tune\nR:reel\nM:4/4\nL:1/8\nK:G\nGGG\n"), spans) == 0


@pytest.mark.parametrize("tune, expected", [
    (TUNE, "|:ABc|dBA:|\nE:|"), ("X:1\nK:G", ""), ("X:1\nK:G\n", ""), ("", ""), ("X:1\nT:cut", ""),
    ("\n\nX:1\nK:G\nA|\nM:3/4\nB|\n", "A|\nM:3/4\nB|"), ("X:1\nno header\nK:G\nA", "no header\nK:G\nA"),
])
def test_music_is_what_follows_the_header(tune, expected):
    assert body(tune) == expected
    assert header_length(tune) <= len(tune)


def test_a_corpus_is_searched_in_seconds():
    rng = random.Random(1)
    training = some_text(rng, 490_000, "abcdefgABCDEFG|2 ")
    texts = [training[k * 700 : k * 700 + 100] + some_text(rng, 200, "abcdefgABCDEFG|2 ") for k in range(20)]
    start = time.perf_counter()
    spans = Spans(training)
    assert all(100 <= longest_copied(text, spans) < 120 for text in texts)
    assert all(seen(text, 24, spans) >= (77, 277) for text in texts)
    assert time.perf_counter() - start < 10  # about 1 second on a quiet machine


def test_a_line_of_music_that_begins_like_a_field_is_music_to_all():
    tune = "X:1\nT:a\nM:4/4\ne:|abc d2|\nfg|"
    assert header_fields(tune) == {"X": "1", "T": "a", "M": "4/4"}
    assert body(tune) == "e:|abc d2|\nfg|"
    assert count_notes(tune) == 7
    assert count_bars(tune) == count_bars(tune.replace("e:|", "e :|"))
