"""The network as a whole: its start, its state, its gradient, and that it learns."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lstm.cell import sigmoid
from lstm.engine.threads import Workers, by_time
from lstm.loss import cross_entropy, cross_entropy_backward
from lstm.model import BACKENDS, CharRNN, Config, State, dropout_keys, initial_parameters, lengthen_memory
from lstm.settings import Settings
from lstm.training import Trainer

both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
SMALL = Config(vocabulary=7, embedding=5, units=6, layers=2, dropout=0.3)
DROPPED = replace(SMALL, input_dropout=0.2, recurrent_dropout=0.4)  # everywhere it can be


def small_model(backend, dtype=np.float64, config=SMALL, seed=3):
    return CharRNN(config, initial_parameters(config, seed, dtype), backend)


def random_batch(T, B, V=SMALL.vocabulary, seed=0):
    return np.random.default_rng(seed).integers(0, V, (2, T, B))


# -- the start


def test_initial_parameters_are_as_documented():
    H, E = 48, 32
    p = initial_parameters(Config(20, E, H, 2), seed=1, dtype=np.float64)
    for layer in (1, 2):
        U, bias = p[f"lstm_{layer}/recurrent_kernel"], p[f"lstm_{layer}/bias"]
        np.testing.assert_allclose(U @ U.T, np.eye(H), atol=1e-12)
        np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], H))  # i f g o
    limit = math.sqrt(6 / (E + 4 * H))
    kernel = p["lstm_1/kernel"]
    assert 0.98 * limit < np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / math.sqrt(3), rel=0.05)
    assert p["embedding/embedding"].std() == pytest.approx(1, rel=0.1)
    assert not p["dense/bias"].any()


def test_some_cells_begin_with_memories_of_all_lengths_up_to_the_longest():
    config, steps, share, H = Config(20, 8, 400, 2), 300, 100, 400
    usual, p = (initial_parameters(config, 1, np.float64) for _ in range(2))
    lengthen_memory(p, config, 0.25, steps, seed=4)
    drawn = []
    for layer in (1, 2):
        i, f, _, _ = p[f"lstm_{layer}/bias"].reshape(4, H)[:, :share]
        kept = sigmoid(f)  # of what a cell holds, in a step
        drawn.append(kept / (1 - kept))  # for so many steps it lasts
        assert 1 <= drawn[-1].min() < 15 and 285 < drawn[-1].max() <= steps - 1
        assert drawn[-1].mean() == pytest.approx(steps / 2, rel=0.1)
        np.testing.assert_allclose(sigmoid(i), 1 - kept)  # it takes in as much as it lets go
        p[f"lstm_{layer}/bias"].reshape(4, H)[:2, :share] = [[0], [1]]
    assert not np.array_equal(*drawn)
    np.testing.assert_array_equal(p.flat, usual.flat)  # and nothing else


def test_parameters_and_their_views_share_memory():
    p = initial_parameters(SMALL)
    assert p.flat.size == sum(math.prod(shape) for shape in SMALL.shapes.values())
    p.flat[:] = np.arange(p.flat.size)
    np.testing.assert_array_equal(np.concatenate([view.ravel() for _, view in p.items()]), p.flat)
    p["dense/bias"][0] = -1
    assert p.flat[-SMALL.vocabulary] == -1


@both
def test_the_loss_at_the_start_is_that_of_a_uniform_guess(backend):
    config = Config(82)
    model = CharRNN(config, initial_parameters(config, seed=1), backend)
    ids, targets = random_batch(32, 16, config.vocabulary)
    loss = model.loss_and_gradient(ids, targets, model.initial_state(16)).nats / ids.size
    assert loss == pytest.approx(math.log(config.vocabulary), rel=0.02)


# -- forward


def naive_logits(model, ids):
    """The whole network for one row, a character at a time, from the parameters alone."""
    p, H = model.parameters, model.config.units
    layers = range(1, model.config.layers + 1)
    h, c = ([np.zeros(H) for _ in layers] for _ in range(2))
    rows = []
    for character in ids:
        x = p["embedding/embedding"][character]
        for n in layers:
            z = x @ p[f"lstm_{n}/kernel"] + h[n - 1] @ p[f"lstm_{n}/recurrent_kernel"] + p[f"lstm_{n}/bias"]
            i, f, o = (1 / (1 + np.exp(-z[k * H : (k + 1) * H])) for k in (0, 1, 3))
            c[n - 1] = f * c[n - 1] + i * np.tanh(z[2 * H : 3 * H])
            x = h[n - 1] = o * np.tanh(c[n - 1])
        rows.append(x @ p["dense/kernel"] + p["dense/bias"])
    return np.array(rows)


@both
def test_the_network_is_what_its_description_says(backend):
    model = small_model(backend)
    ids, _ = random_batch(9, 3)
    logits, _, _ = model.forward(ids, model.initial_state(3))
    for b in range(3):
        np.testing.assert_allclose(logits[:, b], naive_logits(model, ids[:, b]), atol=1e-13)


@both
def test_one_long_sequence_is_three_chunks_with_carried_state(backend):
    model = small_model(backend)
    ids, _ = random_batch(12, 3)
    whole, last, _ = model.forward(ids, model.initial_state(3))
    state, chunks = model.initial_state(3), []
    for start, end in ((0, 1), (1, 8), (8, 12)):
        logits, state, _ = model.forward(ids[start:end], state)
        chunks.append(logits)
    np.testing.assert_allclose(np.concatenate(chunks), whole, atol=1e-14)
    np.testing.assert_allclose(state, last, atol=1e-14)


@both
def test_gradients_of_chunks_with_the_gradient_carried_back_are_those_of_the_whole(backend):
    model = small_model(backend)
    ids, targets = random_batch(10, 3)
    keys = None  # a mask depends on the place in the batch, and a chunk is a batch of its own

    def backward(start, end, state, dstate):
        logits, after, cache = model.forward(ids[start:end], state, keys)
        _, log_p = cross_entropy(logits, targets[start:end])
        gradient = model.parameters.like()
        dlogits = cross_entropy_backward(log_p, targets[start:end], ids.size)
        dbefore = model.backward(dlogits, dstate, cache, gradient)
        return gradient.flat, dbefore, after

    nothing = model.initial_state(3)
    whole, dstate, _ = backward(0, 10, nothing, nothing)
    _, _, middle = backward(0, 6, nothing, nothing)
    second, carried, _ = backward(6, 10, middle, nothing)
    first, dstate_of_chunks, _ = backward(0, 6, nothing, carried)
    np.testing.assert_allclose(first + second, whole, atol=1e-15)
    np.testing.assert_allclose(dstate_of_chunks, dstate, atol=1e-15)


@both
def test_a_batch_in_pieces_on_threads_has_the_loss_and_gradient_of_the_batch_in_one(backend):
    model = small_model(backend, config=DROPPED)
    ids, targets = random_batch(60, 21)
    state = State(*np.random.default_rng(1).normal(size=(2, 2, 21, 6)))
    keys = dropout_keys(1, 2, 2)
    result = model.loss_and_gradient(ids, targets, state, keys, Workers(3))
    assert len(by_time(print, *ids.shape)) == 2

    logits, after, cache = model.forward(ids, state, keys)
    nats, log_p = cross_entropy(logits, targets)
    gradient = model.parameters.like()
    model.backward(cross_entropy_backward(log_p, targets, ids.size), model.initial_state(21), cache, gradient)
    assert result.nats == pytest.approx(nats.sum(), rel=1e-14)
    assert result.correct == (logits.argmax(-1) == targets).sum()
    np.testing.assert_allclose(result.state, after, atol=1e-14)
    np.testing.assert_allclose(result.gradient.flat, gradient.flat, atol=1e-15)


def test_the_trace_shows_gates_that_make_the_cells():
    model = small_model(BACKENDS["numba"])
    ids, _ = random_batch(8, 2)
    for layer in model.trace(ids):
        before = np.concatenate([np.zeros((1, 2, 6)), layer["c"][:-1]])
        np.testing.assert_allclose(layer["f"] * before + layer["i"] * layer["g"], layer["c"], atol=1e-14)
        np.testing.assert_allclose(layer["o"] * np.tanh(layer["c"]), layer["h"], atol=1e-14)


# -- learning

GOLDEN = [
    1.94587256729097, 1.91327973521518, 1.87707840141463, 1.82960079258487, 1.76426936782707,
    1.73396081596443, 1.69847156819152, 1.68106006042925, 1.61416867991454, 1.62373319012018,
]


def golden_losses(backend, dtype):
    """Ten steps on a fixed text: everything that training does takes part."""
    ids = np.array([ord(c) % SMALL.vocabulary for c in "so they said that they had heard it all before " * 9])
    settings = Settings(batch_size=9, seq_length=4, learning_rate=0.02, clip=0.5)
    trainer = Trainer(small_model(backend, dtype), settings, ids)
    return [trainer.step() for _ in range(10)]


@both
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-9), (np.float32, 1e-4)])
def test_ten_golden_losses(backend, dtype, tolerance):
    np.testing.assert_allclose(golden_losses(backend, dtype), GOLDEN, rtol=tolerance)


@both
def test_it_overfits_one_batch(backend):
    config = Config(11, 16, 32, 2, dropout=0.0)
    ids = np.random.default_rng(0).integers(0, 11, 4 * 12 + 1)
    settings = Settings(epochs=1, batch_size=4, seq_length=12, learning_rate=0.01)
    model = CharRNN(config, initial_parameters(config, 0), backend)
    trainer = Trainer(model, settings, ids)
    for _ in range(150):
        trainer.position = 0  # the same batch again, from the zero state
        trainer.state = model.initial_state(4)
        loss = trainer.step()
    assert loss < 0.01  # 0.0053 at most with the seeds 0 .. 7, on AVX-512, AVX2 and generic code alike
