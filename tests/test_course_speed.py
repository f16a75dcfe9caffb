"""What notebook 11 measures with: each rung has the same numbers, and counts agree with oracles. Nothing is timed."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

from course import ladder, roofline  # noqa: E402

from lstm.engine import tile  # noqa: E402


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("name", ladder.RUNGS)
def test_each_rung_has_the_numbers_of_the_first(name, dtype, tolerance):
    given = ladder.arrays(T=5, B=3, E=4, H=6, dtype=dtype)
    before = [one.copy() for one in given]
    right = ladder.python_loops(*(one.astype(float) for one in given))
    found = ladder.RUNGS[name](*given)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, right, rtol=0, atol=tolerance)
    for one, same in zip(given, before):  # a rung leaves its inputs as they are
        np.testing.assert_array_equal(one, same)


def test_operations_are_counted_one_by_one():
    B, E, H = 3, 4, 5
    count = sum(2 for _ in range(B) for _ in range(4 * H) for _ in range(E + H))
    assert ladder.flop(B, E, H) == count


def test_intensity_counts_the_bytes_of_real_arrays():
    B, H = 3, 5
    h, U, z = np.empty((B, H), "f4"), np.empty((H, 4 * H), "f4"), np.empty((B, 4 * H), "f4")
    assert roofline.intensity(B, H, 4 * H) == pytest.approx(ladder.flop(B, 0, H) / (h.nbytes + U.nbytes + 2 * z.nbytes))


def test_a_bound_is_a_slope_and_then_a_roof():
    assert roofline.bound(2, 100, 10) == 20
    assert roofline.bound(50, 100, 10) == 100


PROCESSORS = [({"avx512f": True}, 32, 16), ({"avx2": True}, 16, 8), ({}, 16, 4)]


@pytest.mark.parametrize("features, registers, width", PROCESSORS)
def test_the_tile_of_the_package_fits_the_registers(features, registers, width):
    rows, columns = tile.tile_shape(features)
    assert roofline.fits_registers(rows, columns, registers, width)
    assert not roofline.fits_registers(2 * rows, columns, registers, width)


def test_a_ratio_is_of_rounds_and_not_of_medians():
    assert ladder.ratio(np.array([2.0, 30.0, 4.0]), np.array([1.0, 10.0, 1.0])) == (3.0, 2.5, 3.5)


def test_each_function_runs_once_a_round_and_once_before():
    calls = []
    found = ladder.rounds({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b"] * 4
    assert {name: len(one) for name, one in found.items()} == {"a": 3, "b": 3}
