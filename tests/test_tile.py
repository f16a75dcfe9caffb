"""The register tile against np.matmul: any sizes, strides and precision; and the twins that run uncompiled."""

import numpy as np
import pytest
from numba import njit

from helpers import needs_compiler
from lstm.engine.jit import OPTIONS
from lstm.engine.tile import COLUMNS, ROWS, add_product, pack, tile_shape

compiled = njit(**OPTIONS)


@compiled
def compiled_pack(w, first, last):
    return pack(w, first, last)


@compiled
def compiled_add_product(a, panels, z):
    add_product(a, panels, z)


SIZES = [(1, 1, 1), (ROWS, 3, COLUMNS), (ROWS - 1, 2, COLUMNS + 1), (2 * ROWS + 3, 17, 3 * COLUMNS - 1), (5, 40, 2)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transposed", [False, True])
def test_packing_cuts_into_panels_and_fills_up_with_zeros(dtype, transposed):
    for _, K, N in SIZES:
        w = np.arange(1, K * N + 1, dtype=dtype).reshape(K, N)
        w = np.ascontiguousarray(w.T).T if transposed else w
        for panels in (pack(w, 0, w.shape[1]), compiled_pack(w, 0, w.shape[1])):
            assert panels.shape == (-(-N // COLUMNS), K, COLUMNS) and panels.dtype == dtype
            columns = np.concatenate(list(panels), axis=1)
            np.testing.assert_array_equal(columns[:, :N], w)
            assert not columns[:, N:].any()


@pytest.mark.parametrize("add", [add_product, compiled_add_product], ids=["twin", "compiled"])
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-14)])
@pytest.mark.parametrize("transposed", [False, True])
def test_the_product_is_added(add, dtype, tolerance, transposed):
    rng = np.random.default_rng(0)
    for M, K, N in SIZES:
        a, w, z = (rng.normal(size=shape).astype(dtype) for shape in ((M, K), (K, N), (M, N)))
        expected = z + a @ w
        add(np.ascontiguousarray(a.T).T if transposed else a, pack(w, 0, w.shape[1]), z)
        np.testing.assert_allclose(z, expected, atol=tolerance * K)


@pytest.mark.parametrize("add", [add_product, compiled_add_product], ids=["twin", "compiled"])
def test_rows_of_a_larger_array_are_all_that_is_written(add):
    z = np.zeros((3 * ROWS, COLUMNS + 5))
    a, w = np.ones((ROWS + 1, 4)), np.ones((4, COLUMNS + 5))
    add(a, pack(w, 0, w.shape[1]), z[ROWS : 2 * ROWS + 1])
    assert (z[ROWS : 2 * ROWS + 1] == 4).all()
    assert not z[:ROWS].any() and not z[2 * ROWS + 1 :].any()


@needs_compiler  # else the product is that of BLAS, which may compute one row in another way
def test_a_row_has_the_same_sum_wherever_it_stands():
    """A tile at the edge is filled up, not computed another way: so a row's bits do not depend on its neighbours."""
    rng = np.random.default_rng(1)
    a, w = rng.normal(size=(ROWS + 3, 50)).astype(np.float32), rng.normal(size=(50, 70)).astype(np.float32)
    together = np.zeros((ROWS + 3, 70), np.float32)
    compiled_add_product(a, pack(w, 0, w.shape[1]), together)
    for row in range(len(a)):
        alone = np.zeros((1, 70), np.float32)
        compiled_add_product(a[row : row + 1], pack(w, 0, w.shape[1]), alone)
        np.testing.assert_array_equal(alone[0], together[row])


def test_the_tile_fits_the_registers_of_each_kind_of_processor():
    assert tile_shape({"avx512f": True, "avx2": True}) == (8, 32)
    assert tile_shape({"avx2": True}) == (4, 16)
    assert tile_shape({}) == (4, 8)
