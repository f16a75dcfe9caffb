"""Counting and compressing: held to Witten & Bell's rule by hand, and to themselves."""

import bz2
import math
from itertools import islice, product

import numpy as np
import pytest

from helpers import tunes
from lstm.evaluation import heldout
from lstm.evaluation.heldout import COMPRESSORS, NGram, bounded, compressed, table
from lstm.sampling import Draw, distribution

TEXT = "abracadabra, abracadabra; a bar, a cab"
CHARACTERS = "".join(sorted(set(TEXT + "xyz")))


def witten_bell(text, character, context, V):
    """The rule by recursion, counting in the text anew each time."""
    shorter = witten_bell(text, character, context[1:], V) if context else 1 / V
    places = [at for at in range(len(context), len(text)) if text[at - len(context) : at] == context]
    N, D = len(places), len({text[at] for at in places})
    return (sum(text[at] == character for at in places) + D * shorter) / (N + D) if N else shorter


def test_a_probability_follows_the_rule():
    model = NGram(TEXT, 3, CHARACTERS)
    for context in ("", "a", "br", "abr", "xab", "zzz", "cadabr"):
        expected = [witten_bell(TEXT, character, context[-3:], len(CHARACTERS)) for character in CHARACTERS]
        np.testing.assert_allclose(model.probabilities(context[-3:]), expected, rtol=1e-12)


def test_the_probabilities_of_what_may_follow_add_up_to_one():
    model = NGram(TEXT, 4, CHARACTERS)
    for context in map("".join, product("abrz", repeat=4)):
        assert model.probabilities(context).sum() == pytest.approx(1, rel=1e-12)


def test_the_losses_of_all_orders_are_those_of_each():
    held_out = "a bard; a crab xyz abracadabra"
    for order, nats in enumerate(NGram(TEXT, 5, CHARACTERS).losses(held_out)):
        model = NGram(TEXT, order, CHARACTERS)
        np.testing.assert_array_equal(nats, model.losses(held_out)[-1])
        p = [model.probabilities(held_out[max(0, at - order) : at]) for at in range(len(held_out))]
        expected = [-math.log(p[at][CHARACTERS.index(character)]) for at, character in enumerate(held_out)]
        # at the start there are fewer characters before than the order: those that are there do
        np.testing.assert_allclose(nats, expected, rtol=1e-12)


def test_any_alphabet_will_do():
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 400))) * 2
    nats = NGram(text[:600], 2, text[:400]).losses(text[600:])
    assert nats[2].mean() < nats[0].mean() == pytest.approx(math.log(400), rel=0.2)


def test_what_is_composed_follows_the_probabilities():
    model, rng = NGram(TEXT, 1, CHARACTERS), np.random.default_rng(1)
    text = "a" + "".join(islice(model.generate("a", rng, 0.7), 20_000))
    after = table(text, 1)["a"]
    found = [after.get(character, 0) / sum(after.values()) for character in CHARACTERS]
    np.testing.assert_allclose(found, distribution(np.log(model.probabilities("a")), Draw(0.7)), atol=0.02)


@pytest.mark.parametrize("order", [0, 1, 4])
def test_the_same_random_numbers_compose_the_same_text(order):
    model = NGram(TEXT, order, CHARACTERS)
    texts = ["".join(islice(model.generate("ab", np.random.default_rng(7)), 50)) for _ in range(2)]
    assert texts[0] == texts[1] and len(set(texts[0])) > 3


def test_without_randomness_the_likeliest_follows():
    assert "".join(islice(NGram(TEXT, 3, CHARACTERS).generate("abr", np.random.default_rng(), 0), 8)) == "acadabra"


def test_a_compressor_that_has_read_the_text_needs_less_for_it_again():
    rng = np.random.default_rng(3)
    text = "".join(rng.choice(list("abcdefgh"), 4000))
    again, new = compressed(text, text), compressed(text, "".join(rng.choice(list("abcdefgh"), 4000)))
    for name in COMPRESSORS:
        assert again[name] < 0.5 * new[name], name
        assert new[name] == pytest.approx(math.log(8), rel=0.3), name


def test_the_cost_is_of_what_comes_on_top():
    before, text = "abracadabra " * 40, "a bar, a cab" * 9
    bits = 8 * (len(bz2.compress((before + text).encode())) - len(bz2.compress(before.encode())))
    assert compressed(before, text)["bzip2"] == pytest.approx(bits * math.log(2) / len(text))


def test_gzip_forgets_what_is_more_than_32_kb_back():
    rng = np.random.default_rng(5)
    said, other = ("".join(rng.choice(list("abcdefgh"), 40_000)) for _ in range(2))
    costs = compressed(said + other, said[:4000])
    assert costs["gzip"] > 0.9 * math.log(8) > 5 * costs["xz"]


def test_of_long_texts_whole_tunes_beside_each_other_are_left(monkeypatch):
    training, held_out = tunes(60), tunes(40)
    assert bounded(training, held_out) == (training, held_out)
    assert len(training) < heldout.MOST_KNOWN and len(held_out) < heldout.MOST_MEASURED
    monkeypatch.setattr(heldout, "MOST_KNOWN", 200)
    monkeypatch.setattr(heldout, "MOST_MEASURED", 100)
    known, measured = bounded(training, held_out)
    assert training.endswith(known) and held_out.startswith(measured)
    assert 150 < len(known) <= 200 and 50 < len(measured) <= 100
    assert known.startswith("X:") and measured.endswith("|\n\n")
    assert bounded("a" * 500, "b" * 500) == ("a" * 200, "b" * 100)
