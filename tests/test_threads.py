"""Work on threads: how it is cut, and the same bits for any number of threads."""

import itertools
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from helpers import needs_compiler
from lstm.adam import SLICE
from lstm.engine.threads import Helper, Workers, by_columns, by_time, one_blas_thread
from lstm.kernels import shares
from lstm.model import BACKENDS, CharRNN, Config, initial_parameters
from lstm.settings import Settings
from lstm.training import Trainer

SHAPES = {
    "a batch that no tile divides": (Config(11, 6, 10, 2, 0.3), 21, 5),
    "one row": (Config(5, 3, 7, 1, 0.2), 1, 4),
    "fewer rows than threads": (Config(9, 4, 33, 1, 0.5), 3, 6),
    "more rows than threads have tiles": (Config(7, 5, 8, 3, 0.1), 83, 3),
    "units shared out, unequally": (Config(7, 5, 216, 2, 0.1), 5, 6),
    "rows and units shared out": (Config(7, 5, 130, 1, 0.1), 19, 4),
    "several pieces of time and columns": (Config(7, 5, 256, 1, 0.1), 40, 30),
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


@needs_compiler  # else the recurrent product is that of BLAS, and the rows of a share make a difference
@pytest.mark.parametrize("config, B, T", SHAPES.values(), ids=SHAPES)
def test_any_number_of_threads_gives_the_same_bits(config, B, T):
    one = train(config, B, T, 1, "numba")
    for threads in (2, 3, 4, 7):
        assert train(config, B, T, threads, "numba") == one, threads


@pytest.mark.parametrize("backend", ["numpy", pytest.param("numba", marks=needs_compiler)])
def test_bits_do_not_depend_on_threads_with_dropout_everywhere_and_averaging(backend):
    sizes = SHAPES["dropout everywhere"]
    one = train(*sizes, 1, backend, 20, **EVERYTHING)
    for threads in (2, 3, 4, 7):
        assert train(*sizes, threads, backend, 20, **EVERYTHING) == one, threads


def test_bits_do_not_depend_on_threads_with_the_textbook_backend():
    config, B, T = SHAPES["a batch that no tile divides"]
    assert train(config, B, T, 3, "numpy") == train(config, B, T, 1, "numpy")


def parts(B, H, threads):
    """(rows, units, members of the group) of each thread's share, with a cache of 1 MB."""
    return [(s.last_row - s.first_row, s.last - s.first, s.members) for s in shares(B, H, 4, threads, 2**20)]


def test_the_shapes_above_are_what_they_say():
    assert len(set(parts(21, 10, 2))) > 1
    assert len({rows for rows, *_ in parts(83, 8, 7)}) > 1
    assert len(set(parts(5, 216, 2))) == 2 and {members for *_, members in parts(5, 216, 2)} == {2}
    assert {members for *_, members in parts(19, 130, 4)} == {2} and len({rows for rows, *_ in parts(19, 130, 4)}) == 2
    assert len(by_time(print, 30, 40)) == 2 and len(by_columns(print, 4 * 256)) == 2
    assert initial_parameters(SHAPES["several slices of Adam"][0]).flat.size > 1.5 * SLICE


@pytest.mark.parametrize("cache_size", [2**18, 2**20, 2**22])
@pytest.mark.parametrize("itemsize", [4, 8])
def test_shares_are_all_of_a_layer_once_whatever_the_sizes(itemsize, cache_size):
    for B, H, threads in itertools.product((1, 7, 8, 16, 50, 83, 128), (1, 31, 64, 130, 448, 512), (1, 2, 3, 4, 7, 16)):
        done = np.zeros((B, H), int)
        found = shares(B, H, itemsize, threads, cache_size)
        assert len(found) <= threads
        for n, share in enumerate(found):
            done[share.first_row : share.last_row, share.first : share.last] += 1
            assert n == share.leader + share.member
        assert (done == 1).all()


def test_a_layer_whose_weights_no_cache_holds_is_shared_out_by_units_where_a_part_would_fit():
    """2 x 448, batch 16, two threads: half of a layer's weights is 1.6 MB."""
    rows = {size: {s.members for s in shares(16, 448, 4, 2, size)} for size in (2**20, 2**21, 2**22)}
    assert rows == {2**20: {1}, 2**21: {2}, 2**22: {1}}


def test_more_cores_than_the_batch_has_tiles_of_rows_have_work():
    assert len(parts(16, 256, 4)) == 4 and len(parts(16, 448, 8)) >= 7


@pytest.mark.parametrize("T, B", [(1, 1), (64, 16), (3, 1000), (100, 50), (7, 83)])
def test_pieces_of_time_are_all_steps_once(T, B):
    pieces = [task.args[0] for task in by_time(print, T, B)]
    assert [t for piece in pieces for t in range(T)[piece]] == list(range(T))
    assert len(pieces) == 1 or len(pieces) % 2 == 0 and all(range(T)[piece] for piece in pieces)


def test_what_a_task_raises_comes_out_and_the_workers_go_on():
    workers = Workers(3)

    def fail(n):
        if n == 2:
            raise ZeroDivisionError
        return n

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            workers.map(fail, range(6))
        assert workers.map(lambda n: 2 * n, range(6)) == [0, 2, 4, 6, 8, 10]


def test_nobody_waits_for_one_that_failed():
    workers = Workers(2)

    def work(n, arrived):
        if n == 1:
            raise ZeroDivisionError
        while arrived[1, 0] < 1:
            time.sleep(0)

    with pytest.raises(ZeroDivisionError):
        workers.together(work, 2)
    assert workers.map(abs, [-1, 2]) == [1, 2]


def test_ctrl_c_before_the_first_part_has_begun_leaves_nobody_waiting(monkeypatch):
    workers, ended = Workers(3), []

    def work(n, arrived):
        while arrived.min() < 1:
            time.sleep(0)
        ended.append(n)

    begin = Helper.begin

    def begin_once(helper, job):
        if helper is workers._helpers[1]:
            raise KeyboardInterrupt
        return begin(helper, job)

    monkeypatch.setattr(Helper, "begin", begin_once)
    with pytest.raises(KeyboardInterrupt):
        workers.together(work, 3)
    assert ended == [1]
    monkeypatch.undo()
    assert workers.map(abs, [-1, 2, -3]) == [1, 2, 3]


def test_helpers_end_with_their_workers():
    before = set(threading.enumerate())
    workers = Workers(4)
    workers.map(abs, range(8))
    helpers = set(threading.enumerate()) - before
    assert len(helpers) == 3
    del workers
    for helper in helpers:
        helper.join(timeout=5)
        assert not helper.is_alive()


def test_blas_gets_its_threads_back():
    before = threadpool_info()
    assert before or sys.platform == "darwin"  # where it may be Accelerate
    with one_blas_thread(), one_blas_thread():
        assert all(lib["num_threads"] == 1 for lib in threadpool_info() if lib["user_api"] == "blas")
    assert threadpool_info() == before


def test_a_blas_that_was_loaded_late_is_held_to_one_thread_too():
    """As Numba loads that of SciPy, where it is installed, when it first compiles."""
    pytest.importorskip("scipy")
    program = "from lstm.engine.threads import one_blas_thread; from threadpoolctl import threadpool_info as info\n"
    program += "with one_blas_thread(): import scipy.linalg\n"
    program += "before = info()\nwith one_blas_thread(): print(*(lib['num_threads'] for lib in info()))\n"
    program += "assert info() == before"
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and set(done.stdout.split()) == {"1"}, done.stderr
