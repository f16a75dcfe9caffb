"""Batches: each row goes on where it ended; sizes that do not fit name those that do."""

import re

import numpy as np
import pytest

from lstm.batches import Batches
from lstm.io import InputError

SIZES = [(14, 2, 3), (100, 4, 6), (101, 1, 100), (7, 3, 2), (65, 8, 8), (1000, 7, 13)]


@pytest.mark.parametrize("remainder", [False, True])
@pytest.mark.parametrize("characters, B, T", SIZES)
def test_rows_go_on_from_batch_to_batch_and_targets_are_the_next_ids(characters, B, T, remainder):
    ids = np.random.default_rng(characters).integers(0, 50, characters)
    row = (characters - 1) // B
    length = row if remainder else row // T * T
    batches = list(Batches(ids, B, T, remainder))
    for b in range(B):
        read = [int(inputs[t, b]) for inputs, _ in batches for t in range(len(inputs))]
        aimed_at = [int(targets[t, b]) for _, targets in batches for t in range(len(targets))]
        assert read == ids[b * length : (b + 1) * length].tolist()
        assert aimed_at == ids[b * length + 1 : (b + 1) * length + 1].tolist()


@pytest.mark.parametrize("characters, B, T", SIZES)
def test_batches_for_training_are_all_of_one_shape(characters, B, T):
    batches = Batches(np.arange(characters), B, T)
    assert {inputs.shape for inputs, _ in batches} == {(T, B)}
    assert {targets.shape for _, targets in batches} == {(T, B)}
    assert len(batches) == len(list(batches)) == (characters - 1) // B // T
    assert batches.characters == len(batches) * T * B


@pytest.mark.parametrize("remainder", [False, True])
@pytest.mark.parametrize("characters, B, T", SIZES)
def test_every_id_is_read_at_most_once(characters, B, T, remainder):
    batches = Batches(np.arange(characters), B, T, remainder)
    read = np.concatenate([inputs.ravel() for inputs, _ in batches])
    assert len(set(read.tolist())) == read.size == batches.characters
    if remainder:  # rows are equal, so no more than B - 1 ids are left over, and the last is only a target
        assert read.size > characters - 1 - B


@pytest.mark.parametrize("characters, B, T", [(1, 1, 1), (2, 3, 1), (2, 1, 3), (14, 2, 7), (99, 16, 64), (999, 500, 2)])
def test_too_short_a_text_names_the_largest_sizes_and_they_do_fit(characters, B, T):
    ids = np.arange(characters)
    with pytest.raises(InputError, match=f"{characters} characters .* which need {B * T + 1};") as error:
        Batches(ids, B, T)
    rows = [int(n) for n in re.findall(r"--batch-size (\d+)", str(error.value))]
    steps = [int(n) for n in re.findall(r"--seq-length (\d+)", str(error.value))]
    fitting = [(n, T) for n in rows] + [(B, n) for n in steps]
    one_more = [(n + 1, T) for n in rows or [0]] + [(B, n + 1) for n in steps or [0]]
    for sizes in fitting:
        assert len(Batches(ids, *sizes)) == 1
    for sizes in one_more:
        with pytest.raises(InputError):
            Batches(ids, *sizes)


@pytest.mark.parametrize("B, T", [(3, 5), (4, 4)])
def test_a_text_of_exactly_one_batch_is_long_enough(B, T):
    assert len(Batches(np.arange(B * T + 1), B, T)) == 1
    with pytest.raises(InputError):
        Batches(np.arange(B * T), B, T)


@pytest.mark.parametrize("i", [-1, 2, 10**9])
def test_there_is_no_batch_outside_the_text(i):
    with pytest.raises(IndexError):
        Batches(np.arange(14), 2, 3)[i]


@pytest.mark.parametrize("kind, read_as", [(np.uint8, np.int32), (np.uint16, np.int32), (np.int64, np.int64)])
def test_small_ids_are_widened_a_batch_at_a_time_and_no_row_is_copied_before(kind, read_as):
    ids = np.arange(100).astype(kind)
    batches = Batches(ids, 4, 6)
    assert np.shares_memory(batches._inputs, ids) and np.shares_memory(batches._targets, ids)
    assert {array.dtype for batch in batches for array in batch} == {np.dtype(read_as)}
