"""Softmax cross-entropy: its value, its gradient, and no overflow."""

import math

import numpy as np
import pytest

from lstm.loss import cross_entropy, cross_entropy_backward


def test_cross_entropy_is_minus_log_p_and_does_not_overflow():
    logits = np.array([[[1.0, 2.0, 3.0]], [[1000.0, 0.0, -1000.0]]])
    nats, log_p = cross_entropy(logits, np.array([[1], [1]]))
    e = math.e
    assert nats[0, 0] == pytest.approx(-math.log(e**2 / (e + e**2 + e**3)), rel=1e-14)
    assert nats[1, 0] == 1000
    dlogits = cross_entropy_backward(log_p, np.array([[1], [1]]), 2)
    np.testing.assert_allclose(dlogits[1, 0], [0.5, -0.5, 0], atol=1e-15)
    np.testing.assert_allclose(dlogits.sum(-1), 0, atol=1e-15)
