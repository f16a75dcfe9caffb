"""The compiled loop: held to the forward pass, and to itself: threads, streams and chunks change no bit."""

import itertools
from dataclasses import astuple

import numpy as np
import pytest
from numba import config, njit

from helpers import model_of
from lstm import cell, sampling_kernels
from lstm.model import State
from lstm.sampling import Draw, Sampler, distribution, pick
from lstm.sampling_kernels import choose

SIZES = [(7, 3, 1, 1), (2, 2, 5, 2), (86, 4, 13, 3), (5, 6, 8, 2), (33, 2, 100, 1), (86, 5, 72, 3)]  # V, E, H, L


def assert_same(a, b):
    """The same bits; nearly, where NumPy stands in for compiled code and orders sums as it likes."""
    if config.DISABLE_JIT:
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    else:
        np.testing.assert_array_equal(a, b)


def composed(model, B=1, T=30, parts=(1,), draw=Draw(), **options):
    """T characters of each of B streams, (T, B), and the state after; `parts` are shares of T composed in turn."""
    sampler, V = sampling_kernels.Sampler(model, draw, **options), model.config.vocabulary
    prime = np.arange(12) * 5 % V
    state = State(*(np.repeat(array, B, axis=1) for array in sampler.read(prime)))
    uniforms = np.stack([np.random.default_rng(k).random(T) for k in range(B)], axis=1)
    last, ids = np.repeat(prime[-1:], B), []
    for part in np.split(uniforms, np.cumsum(parts)[:-1]):
        chosen, state = sampler.draw(last, state, part)
        last = chosen[-1]
        ids.append(chosen)
    return np.concatenate(ids), state, prime, uniforms


# -- what is chosen


@pytest.mark.parametrize("many", [False, True], ids=["for one", "for many"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_each_choice_is_that_of_the_forward_pass(sizes, threads, many):
    """The textbook's forward pass in float64 reads what was composed: each random number fell where it should."""
    ids, _, prime, uniforms = composed(model_of(sizes), threads=threads, many=many, draw=Draw(0.7))
    text = np.concatenate((prime, ids[:, 0]))
    oracle = model_of(sizes, cell, np.float64)
    logits, _, _ = oracle.forward(text[:-1, None], oracle.initial_state())
    for row, chosen, uniform in zip(logits[len(prime) - 1 :, 0], ids[:, 0], uniforms[:, 0], strict=True):
        edges = np.concatenate(([0], np.cumsum(distribution(row, Draw(0.7)))))
        assert edges[chosen] - 1e-5 <= uniform <= edges[chosen + 1] + 1e-5


def test_these_models_say_more_than_one_thing():
    for sizes in SIZES:
        assert len(np.unique(composed(model_of(sizes))[0])) > min(5, sizes[0] // 2)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_the_readable_loop_agrees(sizes):
    """In float32, where a random number that falls within rounding of an edge may differ: not with these seeds."""
    model = model_of(sizes)
    ids, state, prime, uniforms = composed(model, B=3, draw=Draw(0.7), many=True)
    plain = Sampler(model, Draw(0.7))
    begun = State(*(np.repeat(array, 3, axis=1) for array in plain.read(prime)))
    expected, after = plain.draw(np.repeat(prime[-1:], 3), begun, uniforms)
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_allclose(state.h, after.h, atol=1e-5)
    np.testing.assert_allclose(state.c, after.c, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 1024, 1025, 1026, 2500])
def test_reading_is_the_forward_pass(length):
    model = model_of((7, 3, 5, 2))
    ids = np.random.default_rng(1).integers(0, 7, length)
    _, expected, _ = model.forward(np.concatenate(([0], ids[:-1]))[:, None], model.initial_state())
    before = sampling_kernels.Sampler(model, Draw(), threads=1).read(np.concatenate(([0], ids)))
    np.testing.assert_allclose(before.h, expected.h, atol=1e-5)
    np.testing.assert_allclose(before.c, expected.c, atol=1e-5)


# -- what does not matter


@pytest.mark.parametrize("many", [False, True], ids=["for one", "for many"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_any_number_of_threads_gives_the_same_bits(sizes, many):
    expected, state, *_ = composed(model_of(sizes), many=many, threads=1)
    for threads in (2, 3, 7):
        ids, after, *_ = composed(model_of(sizes), many=many, threads=threads)
        assert_same(ids, expected)
        assert_same(after.h, state.h)
        assert_same(after.c, state.c)


@pytest.mark.parametrize("B", [1, 2, 4, 7, 8, 9, 17])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_a_stream_is_the_same_alone_and_beside_others(sizes, B):
    one, alone, *_ = composed(model_of(sizes), threads=1)
    ids, state, *_ = composed(model_of(sizes), B, many=True, threads=2)
    assert_same(ids[:, :1], one)  # composed() gives the first stream of any the same random numbers
    assert_same(state.h[:, :1], alone.h)
    assert_same(state.c[:, :1], alone.c)


def test_chunks_leave_no_trace():
    expected, state, *_ = composed(model_of((7, 3, 13, 2)), B=2, many=True)
    for parts in ((1, 29), (5, 5, 20), (1,) * 30, (29, 1)):
        ids, after, *_ = composed(model_of((7, 3, 13, 2)), B=2, parts=parts, many=True)
        np.testing.assert_array_equal(ids, expected)
        assert_same(after.h, state.h)


# -- the draw


@njit
def chosen_for(logits, uniforms, draw):
    ids = np.empty(len(uniforms), np.int64)
    for n in range(len(uniforms)):
        ids[n] = choose(logits, uniforms[n], draw)
    return ids


@pytest.mark.parametrize("V", [1, 2, 7, 86])
@pytest.mark.parametrize("temperature", [0.0, 0.01, 0.8, 1.0, 100.0])
def test_the_compiled_draw_chooses_as_the_readable_one(V, temperature):
    rng = np.random.default_rng(V)
    continuous, with_ties = rng.normal(0, 4, V), rng.integers(-3, 3, V)
    for logits in (continuous.astype(np.float32), with_ties.astype(np.float32)):
        for top_k, top_p in itertools.product([0, 1, 3, 85, 86, 99], [0.0, 0.3, 0.9, 1.0]):
            draw = Draw(temperature, top_k, top_p)
            p = distribution(logits, draw)
            uniforms = np.concatenate((rng.random(20), [1e-12, 1 - 1e-12]))  # 0 could meet what rounding has left
            ids = chosen_for(logits, uniforms, astuple(draw))
            assert ids.tolist() == [pick(p, uniform) for uniform in uniforms]


def test_the_compiled_draw_follows_the_distribution():
    """Chi-square over 20,000 draws: 29.7 is exceeded once in 2,000 seeds with 9 degrees of freedom."""
    p, n = np.array([0.3, 0.2, 0.15, 0.1, 0.08, 0.07, 0.05, 0.03, 0.015, 0.005]), 20_000
    ids = chosen_for(np.log(p).astype(np.float32), np.random.default_rng(7).random(n), astuple(Draw()))
    counts = np.bincount(ids, minlength=10)
    assert ((counts - n * p) ** 2 / (n * p)).sum() < 29.7
    tilted = np.roll(p, 1)
    assert ((counts - n * tilted) ** 2 / (n * tilted)).sum() > 1000  # the test can tell


@pytest.mark.parametrize("logits", [[0.0, 1e4, -1e4], [-1e38, 3e38, 3e38], [np.nan] * 3])
def test_extreme_logits_choose_something(logits):
    for draw in itertools.starmap(Draw, itertools.product([0.0, 0.01, 1.0, 100.0], [0, 2], [0.0, 0.9, 1.0])):
        ids = chosen_for(np.array(logits, np.float32), np.array([0.0, 0.5, 1 - 1e-16]), astuple(draw))
        assert ((ids >= 0) & (ids < 3)).all()


# -- threads


def test_a_narrow_network_gets_one_thread_and_a_wide_one_more(monkeypatch):
    monkeypatch.setattr(sampling_kernels, "default_threads", lambda: 4)

    def threads(H, **options):
        return len(sampling_kernels.Sampler(model_of((5, 2, H, 1)), Draw(), **options)._shares)

    assert {H: threads(H) for H in (1, 128, 255, 256, 384)} == {1: 1, 128: 1, 255: 1, 256: 2, 384: 3}
    assert threads(4, threads=7) == 4  # a thread has one unit at least


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_nobody_waits_for_a_thread_that_failed(monkeypatch, failing, error):
    real, sampler = sampling_kernels.run, sampling_kernels.Sampler(model_of((5, 2, 6, 2)), Draw(), threads=3)

    def run(share, thread, *arguments):
        if thread == failing:
            raise error
        real(share, thread, *arguments)

    expected = sampler.read(np.arange(5))
    monkeypatch.setattr(sampling_kernels, "run", run)
    with pytest.raises(error):
        sampler.read(np.arange(5))
    monkeypatch.undo()
    np.testing.assert_array_equal(sampler.read(np.arange(5)).h, expected.h)
