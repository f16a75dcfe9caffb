"""Rows as tasks on threads: which rows a task has, and the same bits for any number of threads."""

import numpy as np
import pytest

from lstm.adam import SLICE
from lstm.engine.threads import MOST, UNIT, Workers, one_blas_thread, shards
from lstm.model import BACKENDS, CharRNN, Config, initial_parameters
from lstm.settings import Settings
from lstm.training import Trainer

SHAPES = {
    "a batch that no shard size divides": (Config(11, 6, 10, 2, 0.3), 21, 5),
    "one row": (Config(5, 3, 7, 1, 0.2), 1, 4),
    "fewer rows than threads": (Config(9, 4, 33, 1, 0.5), 3, 6),
    "more rows than the most shards hold": (Config(7, 5, 8, 3, 0.1), 83, 3),
    "several slices of Adam": (Config(17, 20, 96, 2, 0.2), 16, 4),
    "dropout everywhere": (Config(17, 20, 96, 2, 0.2, 0.1, 0.3), 16, 4),
}


EVERYTHING = dict(schedule="cosine", warmup=3, averaging=0.99, weight_decay=0.1, shuffle=True)


def train(config, B, T, threads, backend, steps=50, **more):
    """All bits that 50 steps leave behind: parameters, moments, state, losses."""
    ids = np.random.default_rng(1).integers(0, config.vocabulary, B * T * 5 + 1).astype(np.int32)
    settings = Settings(batch_size=B, seq_length=T, learning_rate=0.01, clip=0.5, **more)
    model = CharRNN(config, initial_parameters(config, 1), BACKENDS[backend])
    trainer = Trainer(model, settings, ids, workers=Workers(threads), edges=[0, 50, 120, 199])
    losses = []
    for _ in range(steps):
        if trainer.position == len(trainer.batches):
            trainer.finish_epoch()
        losses.append(trainer.step())
    adam = trainer.adam
    arrays = model.parameters.flat, trainer.ema_model.parameters.flat, adam.m, adam.v, *trainer.state, np.array(losses)
    return b"".join(a.tobytes() for a in arrays)


@pytest.mark.parametrize("config, B, T", SHAPES.values(), ids=SHAPES)
def test_any_number_of_threads_gives_the_same_bits(config, B, T):
    one = train(config, B, T, 1, "numba")
    for threads in (2, 3, 4, 7):
        assert train(config, B, T, threads, "numba") == one, threads


@pytest.mark.parametrize("backend", BACKENDS)
def test_bits_do_not_depend_on_threads_with_dropout_everywhere_and_averaging(backend):
    sizes = SHAPES["dropout everywhere"]
    one = train(*sizes, 1, backend, 20, **EVERYTHING)
    for threads in (2, 3, 4, 7):
        assert train(*sizes, threads, backend, 20, **EVERYTHING) == one, threads


def test_bits_do_not_depend_on_threads_with_the_textbook_backend():
    config, B, T = SHAPES["a batch that no shard size divides"]
    assert train(config, B, T, 3, "numpy") == train(config, B, T, 1, "numpy")


def test_the_shapes_above_are_what_they_say():
    assert len({part.stop - part.start for part in shards(21)}) > 1
    assert len(shards(83)) == MOST and 83 > 8 * MOST
    assert initial_parameters(SHAPES["several slices of Adam"][0]).flat.size > 1.5 * SLICE


def test_shards_are_all_rows_once_whatever_the_batch():
    for B in [*range(1, 70), 128, 1000]:
        parts = shards(B)
        assert [row for part in parts for row in range(B)[part]] == list(range(B))
        assert all(part.stop - part.start <= 8 for part in parts) or len(parts) == MOST
        assert all(part.start % UNIT == 0 for part in parts)


def test_blas_gets_its_threads_back():
    from threadpoolctl import threadpool_info

    before = threadpool_info()
    with one_blas_thread():
        assert all(lib["num_threads"] == 1 for lib in threadpool_info() if lib["user_api"] == "blas")
    assert threadpool_info() == before
