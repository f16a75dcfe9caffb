"""The LSTM's arithmetic: cell.py against a naive loop, kernels.py against cell.py, chunks against the whole."""

import inspect
import math

import numpy as np
import pytest

from lstm import cell, kernels
from lstm.model import BACKENDS

SHAPES = [(1, 1, 1), (1, 3, 2), (5, 1, 7), (4, 2, 1), (6, 5, 3), (3, 4, 8), (7, 9, 13), (2, 17, 33)]
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)


def problem(T, B, H, dtype=np.float64, seed=0):
    """Random z, h0, c0, U for forward, and dh, dh_next, dc_next for backward."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(T, B, 4 * H))
    h0, c0, dh_next, dc_next = rng.normal(size=(4, B, H))
    recurrent_kernel = rng.normal(size=(H, 4 * H)) / math.sqrt(H)
    dh = rng.normal(size=(T, B, H))
    arrays = z, h0, c0, recurrent_kernel, dh, dh_next, dc_next
    return tuple(a.astype(dtype) for a in arrays)


def forward(backend, z, *rest):
    """backend.forward on a copy of z, which is given away."""
    return backend.forward(z.copy(), *rest)


def backward(backend, dh, dh_next, dc_next, gates, *rest):
    """backend.backward on a copy of the gates, which are given away."""
    return backend.backward(dh, dh_next, dc_next, gates.copy(), *rest)


def naive_forward(z, h0, c0, recurrent_kernel):
    """One number at a time, with four separate recurrent matrices: nothing fused, sliced or shared."""
    (T, B, _), H = z.shape, h0.shape[1]
    Ui, Uf, Ug, Uo = (recurrent_kernel[:, k * H : (k + 1) * H] for k in range(4))
    h, c = [h0.tolist()], [c0.tolist()]
    for t in range(T):
        h_t, c_t = [], []
        for b in range(B):
            h_row, c_row = [], []
            for j in range(H):

                def pre(U, gate):
                    return z[t, b, gate * H + j] + sum(h[-1][b][k] * U[k, j] for k in range(H))

                i = 1 / (1 + math.exp(-pre(Ui, 0)))
                f = 1 / (1 + math.exp(-pre(Uf, 1)))
                g = math.tanh(pre(Ug, 2))
                o = 1 / (1 + math.exp(-pre(Uo, 3)))
                c_row.append(f * c[-1][b][j] + i * g)
                h_row.append(o * math.tanh(c_row[-1]))
            h_t.append(h_row)
            c_t.append(c_row)
        h.append(h_t)
        c.append(c_t)
    return np.array(h), np.array(c)


@both
@pytest.mark.parametrize("shape", SHAPES[:6])
def test_forward_is_the_naive_loop(backend, shape):
    z, h0, c0, U, *_ = problem(*shape)
    _, h, c = forward(backend, z, h0, c0, U)
    naive_h, naive_c = naive_forward(z, h0, c0, U)
    np.testing.assert_allclose(h, naive_h, atol=1e-14)
    np.testing.assert_allclose(c, naive_c, atol=1e-14)


def test_every_kernel_has_a_readable_twin_of_the_same_signature():
    names = [name for name, f in vars(cell).items() if inspect.isfunction(f) and f.__module__ == cell.__name__]
    assert {"forward", "backward", "sum_by_place", "dropout"} <= set(names)
    for name in names:
        twin = getattr(kernels, name)
        python = getattr(twin, "py_func", twin)  # with NUMBA_DISABLE_JIT=1 it is Python itself
        wanted = inspect.signature(getattr(cell, name)).parameters
        # the textbook takes another sigmoid too, for models of others
        assert [*inspect.signature(python).parameters.values()] == [wanted[n] for n in wanted if n != "sigmoid"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 2e-5)])
def test_kernels_agree_with_the_cell(shape, dtype, tolerance):
    z, h0, c0, U, dh, dh_next, dc_next = problem(*shape, dtype)
    expected, found = (forward(backend, z, h0, c0, U) for backend in (cell, kernels))
    gates, _, c = expected
    expected += backward(cell, dh, dh_next, dc_next, gates, c, U)
    found += backward(kernels, dh, dh_next, dc_next, gates, c, U)
    for a, b in zip(expected, found, strict=True):
        assert a.dtype == b.dtype == dtype
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


@both
def test_inputs_that_are_not_given_away_stay_as_they_were(backend):
    arrays = problem(3, 2, 5)
    before = [a.copy() for a in arrays]
    z, h0, c0, U, dh, dh_next, dc_next = arrays
    gates, _, c = forward(backend, z, h0, c0, U)
    backward(backend, dh, dh_next, dc_next, gates, c, U)
    for a, b in zip(arrays, before):
        np.testing.assert_array_equal(a, b)


@both
@pytest.mark.parametrize("cuts", [(4,), (1, 2), (3, 7, 8)])
def test_chunks_with_carried_state_are_the_whole_sequence(backend, cuts):
    z, h0, c0, U, dh, dh_next, dc_next = problem(10, 3, 4)
    gates, h, c = forward(backend, z, h0, c0, U)
    dz, dh0, dc0 = backward(backend, dh, dh_next, dc_next, gates, c, U)

    edges = [0, *cuts, 10]
    chunks, state = [], (h0, c0)
    for start, end in zip(edges, edges[1:]):
        chunks.append(forward(backend, z[start:end], *state, U))
        state = chunks[-1][1][-1], chunks[-1][2][-1]
    np.testing.assert_allclose(np.concatenate([chunk[1][1:] for chunk in chunks]), h[1:], atol=1e-15)

    gradient, parts = (dh_next, dc_next), []
    for (start, end), (gates, _, c) in reversed(list(zip(zip(edges, edges[1:]), chunks))):
        part, *gradient = backward(backend, dh[start:end], *gradient, gates, c, U)
        parts.insert(0, part)
    np.testing.assert_allclose(np.concatenate(parts), dz, atol=1e-15)
    np.testing.assert_allclose(gradient, [dh0, dc0], atol=1e-15)


@both
@pytest.mark.parametrize("dtype, ulps", [(np.float64, 4), (np.float32, 8)])
def test_sigmoid_is_accurate_and_saturates(backend, dtype, ulps):
    z = np.linspace(-30, 30, 4001, dtype=dtype).reshape(1, 1, -1)
    H = z.size
    gates, _, _ = backend.forward(
        np.tile(z, (1, 1, 4)), np.zeros((1, H), dtype), np.zeros((1, H), dtype), np.zeros((H, 4 * H), dtype)
    )
    exact = 1 / (1 + np.exp(-z.astype(np.float64)))
    bound = ulps * np.finfo(dtype).eps
    np.testing.assert_allclose(gates[..., :H], exact, atol=bound)
    np.testing.assert_allclose(gates[..., 2 * H : 3 * H], np.tanh(z.astype(np.float64)), atol=bound)
    assert np.all(np.abs(gates) <= 1)


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_nan_comes_out_where_one_went_in(backend, dtype):
    z, h0, c0, U, *_ = problem(3, 2, 5, dtype)
    U[2, 7] = np.nan
    _, h, _ = backend.forward(z, h0, c0, U)
    assert np.isnan(h[1:]).any()


@both
def test_rows_are_summed_by_where_they_came_from(backend):
    dz = np.random.default_rng(0).normal(size=(9, 5))
    where = np.array([2, 0, 2, 3, 3, 3, 0, 2, 5])
    total = backend.sum_by_place(dz, where, 6)
    for p in range(6):
        np.testing.assert_allclose(total[p], dz[where == p].sum(axis=0), atol=1e-15)


# -- dropout


@both
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_zeroes_its_share_and_keeps_the_mean(backend, rate):
    x = np.ones((20, 10, 250))
    y = backend.dropout(x, rate, np.uint32(1234))
    assert np.isin(y, [0, 1 / (1 - rate)]).all()
    deviation = math.sqrt(rate * (1 - rate) / x.size)
    assert abs((y == 0).mean() - rate) < 4 * deviation
    # no row, step or unit is favoured: each share is within what chance explains
    for axes in [(0, 1), (0, 2), (1, 2)]:
        shares = (y == 0).mean(axis=axes)
        assert np.abs(shares - rate).max() < 5 * math.sqrt(rate * (1 - rate) * shares.size / x.size)


def test_dropout_is_the_same_in_both_backends():
    x = np.random.default_rng(0).normal(size=(7, 5, 13)).astype(np.float32)
    for key in (0, 1, 2**32 - 1):
        expected = cell.dropout(x, 0.3, np.uint32(key))
        np.testing.assert_array_equal(kernels.dropout(x, 0.3, np.uint32(key)), expected)


@both
def test_dropout_does_not_depend_on_how_the_steps_are_cut(backend):
    x = np.random.default_rng(0).normal(size=(10, 6, 4))
    whole, found = backend.dropout(x, 0.4, np.uint32(99)), np.full_like(x, np.nan)
    for piece in (slice(3, 10), slice(0, 3)):
        backend.dropout(x, 0.4, np.uint32(99), piece, out=found)
    np.testing.assert_array_equal(found, whole)
    for piece in (slice(0, 3), slice(3, 10)):
        backend.dropout(x, 0.4, np.uint32(99), piece, out=x)  # in its place
    np.testing.assert_array_equal(x, whole)


@both
def test_different_keys_give_unrelated_masks(backend):
    x = np.ones((10, 10, 100))
    masks = [backend.dropout(x, 0.5, np.uint32(key)) > 0 for key in (1, 2, 3, 1 << 20, 1 << 31)]
    for a in range(len(masks)):
        for b in range(a):
            assert abs((masks[a] == masks[b]).mean() - 0.5) < 0.03
