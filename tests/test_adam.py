"""Adam against its formula; the norm of a gradient and its clipping."""

import numpy as np
import pytest

from lstm.adam import SLICE, Adam, clip_scale, gradient_norm
from lstm.engine.threads import Workers


@pytest.mark.parametrize("size", [1, 10, SLICE, 2 * SLICE + 3])
def test_adam_is_its_formula(size):
    rng = np.random.default_rng(0)
    p = rng.normal(size=size)
    expected, m, v, adam = p.copy(), np.zeros(size), np.zeros(size), Adam(size, np.float64)
    for t in range(1, 6):
        g = rng.normal(size=size)
        adam.step(p, 4 * g, 1e-2, 0.25, Workers(2))  # the scale is exact in binary
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        expected -= 1e-2 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        np.testing.assert_allclose(p, expected, rtol=1e-12, atol=1e-14)


def test_the_norm_is_that_of_the_whole_vector():
    gradient = np.random.default_rng(0).normal(size=SLICE + 7)
    assert gradient_norm(gradient, Workers(2)) == pytest.approx(np.linalg.norm(gradient), rel=1e-13)


def test_clipping_bounds_the_norm_and_leaves_small_gradients_alone():
    assert clip_scale(10.0, 5.0) * 10.0 == 5.0
    assert clip_scale(4.0, 5.0) == 1
    assert clip_scale(1e9, 0) == 1  # off
