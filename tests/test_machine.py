"""The memory of a step is that of the step before, and nothing shows it but the time."""

import numpy as np
import pytest

from lstm import cell, kernels
from lstm.engine.machine import Memory
from lstm.engine.threads import Workers
from lstm.model import CharRNN, Config, dropout_keys, initial_parameters


def test_the_same_arrays_come_out_again_after_reuse():
    room = Memory()
    first = [room.empty((2, 3), np.float32), room.empty((4,), np.float64)]
    assert not np.shares_memory(*first)
    room.reuse()
    again = [room.empty((2, 3), np.float32), room.empty((4,), np.float64)]
    assert all(a is b for a, b in zip(first, again))


@pytest.mark.parametrize("shape, dtype", [((3, 2), np.float32), ((2, 3), np.float64)])
def test_another_size_or_type_gets_another_array(shape, dtype):
    room = Memory()
    first, after = room.empty((2, 3), np.float32), room.empty((5,), np.float32)
    room.reuse()
    other = room.empty(shape, dtype)
    assert other is not first and other.shape == shape and other.dtype == dtype
    assert room.empty((5,), np.float32) is after  # those that fit are kept


@pytest.mark.parametrize("backend", [cell, kernels])
def test_training_steps_do_not_depend_on_what_was_in_the_memory(backend):
    """Each model that has trained on other batches before gives the gradient of one that has not."""
    config = Config(6, 3, 4, 2, 0.3)
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, 6, (2, T, B)) for T, B in [(4, 9), (7, 20), (4, 9), (3, 2)]]
    used = CharRNN(config, initial_parameters(config, 1), backend)
    for step, (ids, targets) in enumerate(batches):
        fresh = CharRNN(config, initial_parameters(config, 1), backend)
        keys = dropout_keys(1, step, 2)
        rest = targets, used.initial_state(ids.shape[1]), keys, Workers(2)
        results = [model.loss_and_gradient(ids, *rest) for model in (used, fresh)]
        assert results[0].nats == results[1].nats
        np.testing.assert_array_equal(results[0].gradient.flat, results[1].gradient.flat)
        np.testing.assert_array_equal(results[0].state, results[1].state)


def test_the_state_that_a_step_returns_is_not_in_that_memory():
    config = Config(6, 3, 4, 1)
    model, ids = CharRNN(config), np.zeros((5, 3), int)
    state = model.loss_and_gradient(ids, ids, model.initial_state(3)).state
    before = np.copy(state)
    model.loss_and_gradient(ids + 1, ids, state)
    np.testing.assert_array_equal(state, before)
