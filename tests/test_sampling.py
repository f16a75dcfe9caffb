"""Sampling, the textbook: the distribution that is drawn from, the draw, the priming. See test_streams.py for more."""

import itertools

import numpy as np
import pytest

from lstm.io import InputError
from lstm.model import CharRNN, Config, initial_parameters
from lstm.sampling import Draw, distribution, generate, pick
from lstm.streams import generate_many
from lstm.vocabulary import Vocabulary

LETTERS = Vocabulary("\nabcdef")


@pytest.fixture
def model():
    """A model with opinions: its logits are spread over several nats."""
    p = initial_parameters(Config(7, 5, 8, 2), seed=4, dtype=np.float64)
    p["dense/kernel"] *= 8
    return CharRNN(Config(7, 5, 8, 2), p)


def softmax(logits):
    e = np.exp(logits - np.max(logits))
    return e / e.sum()


def test_temperature_divides_the_logits():
    logits = np.array([0.0, 1.0, -2.0, 5.0])
    for temperature in (0.25, 1.0, 3.0):
        np.testing.assert_allclose(distribution(logits, Draw(temperature)), softmax(logits / temperature), rtol=1e-12)


def test_temperature_zero_is_argmax_and_of_equals_the_first():
    np.testing.assert_array_equal(distribution([1.0, 3.0, 3.0, 0.0], Draw(temperature=0)), [0, 1, 0, 0])


@pytest.mark.parametrize("logits", [[0.0, 1e4, -1e4], [-1e4, -1e4, -1e4], [1e300, 0.0, 0.0]])
def test_extreme_logits_give_probabilities(logits):
    for temperature in (0, 0.01, 1, 100):
        p = distribution(logits, Draw(temperature))
        assert np.isfinite(p).all() and p.sum() == pytest.approx(1)


def test_top_k_keeps_the_k_likeliest_in_proportion():
    logits = np.log([0.1, 0.4, 0.2, 0.3])
    np.testing.assert_allclose(distribution(logits, Draw(top_k=2)), [0, 4 / 7, 0, 3 / 7])
    np.testing.assert_allclose(distribution(logits, Draw(top_k=1)), [0, 1, 0, 0])
    np.testing.assert_allclose(distribution(logits, Draw(top_k=0)), [0.1, 0.4, 0.2, 0.3])
    np.testing.assert_allclose(distribution(logits, Draw(top_k=99)), [0.1, 0.4, 0.2, 0.3])


def test_top_p_keeps_the_fewest_that_reach_p():
    logits = np.log([0.125, 0.5, 0.125, 0.25])
    np.testing.assert_allclose(distribution(logits, Draw(top_p=0.5)), [0, 1, 0, 0])
    np.testing.assert_allclose(distribution(logits, Draw(top_p=0.6)), [0, 2 / 3, 0, 1 / 3])
    np.testing.assert_allclose(distribution(logits, Draw(top_p=1.0)), [0.125, 0.5, 0.125, 0.25])
    np.testing.assert_allclose(distribution(logits, Draw(top_p=0.0)), [0, 1, 0, 0])  # never empty


def test_the_draw_follows_the_distribution():
    """Chi-square over 20,000 draws: 29.7 is exceeded once in 2,000 seeds with 9 degrees of freedom."""
    p = np.array([0.3, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05, 0.03, 0.015, 0.005])
    rng, n = np.random.default_rng(7), 20_000
    counts = np.bincount([pick(p, uniform) for uniform in rng.random(n)], minlength=10)
    assert ((counts - n * p) ** 2 / (n * p)).sum() < 29.7
    tilted = np.roll(p, 1)
    assert ((counts - n * tilted) ** 2 / (n * tilted)).sum() > 1000  # the test can tell


def test_what_has_no_probability_is_never_drawn():
    p = np.array([0, 0.5, 0, 0.5, 0])
    assert pick(p, 0.0) == 1
    assert pick(p, np.nextafter(1, 0)) == 3


def test_step_by_step_is_the_forward_pass(model):
    """What was drawn at temperature 0 is what one forward pass over the whole text finds likeliest."""
    prime = "abcab"
    characters = generate(model, LETTERS, prime, np.random.default_rng(), Draw(temperature=0))
    text = prime + "".join(itertools.islice(characters, 40))
    logits, _, _ = model.forward(LETTERS.encode(text)[:, None], model.initial_state())
    likeliest = LETTERS.decode(logits[:, 0].argmax(axis=-1))
    assert text[len(prime) :] == likeliest[len(prime) - 1 : -1]
    assert len(set(text[len(prime) :])) > 1  # so that a constant would not pass


def test_the_whole_prime_is_read(model):
    """Primes that differ only in their first character lead to different distributions."""

    class Middle:
        def random(self, shape=()):
            return np.full(shape, 0.5)

    def first_logits(prime):
        return model.forward(LETTERS.encode(prime)[:, None], model.initial_state())[0][-1, 0]

    assert np.abs(first_logits("abcdef") - first_logits("ebcdef")).max() > 1e-6
    for prime in ("abcdef", "ebcdef"):
        p = distribution(first_logits(prime))
        assert next(generate(model, LETTERS, prime, Middle())) == LETTERS.characters[pick(p, 0.5)]


def test_same_random_seed_same_text(model):
    def text(seed):
        return "".join(itertools.islice(generate(model, LETTERS, "a", np.random.default_rng(seed)), 60))

    assert text(1) == text(1) != text(2)


def test_a_prime_that_cannot_be_read_is_refused_before_anything_is_drawn(model):
    with pytest.raises(InputError, match="'z'.*column 3"):
        generate(model, LETTERS, "abz", None)
    with pytest.raises(InputError, match="empty"):
        generate(model, LETTERS, "", None)
    with pytest.raises(InputError, match="'z'.*column 3"):
        generate_many(model, LETTERS, "abz", [])
