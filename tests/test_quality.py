"""Intervals: held to their definitions, to published values, and to how often they hold the truth."""

import math

import numpy as np
import pytest

from lstm.evaluation.quality import Z, ratio, share


def hits(true, n):
    return [True] * true + [False] * (n - true)


@pytest.mark.parametrize("true, n", [(8, 10), (1, 7), (250, 500), (499, 500)])
def test_the_ends_are_where_the_share_is_z_deviations_away(true, n):
    value, low, high = share(hits(true, n))
    assert value == true / n and low < value < high
    for p in (low, high):
        assert abs(value - p) == pytest.approx(Z * math.sqrt(p * (1 - p) / n), rel=1e-9)


def test_published_values():
    assert share(hits(8, 10)) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert share(hits(0, 10)) == pytest.approx((0, 0, 0.2775), abs=1e-4)
    assert share(hits(10, 10)) == pytest.approx((1, 0.7225, 1), abs=1e-4)


def test_a_mean_has_the_interval_of_the_normal_distribution_where_tunes_are_many():
    values = np.random.default_rng(1).gamma(2, 10, 1000)
    value, low, high = ratio(values)
    half = Z * values.std() / math.sqrt(len(values))
    assert value == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((value - half, value + half), rel=0.01)


def test_a_ratio_is_of_sums_and_not_a_mean_of_ratios():
    assert ratio([1, 9], [1, 99]).value == 0.1


def test_a_tune_is_the_unit():
    """Twenty bars in one tune tell less than one bar in each of twenty tunes."""
    _, low, high = ratio([20, 0] * 5, [20, 20] * 5)
    _, narrow_low, narrow_high = ratio([1, 0] * 100, [1, 1] * 100)
    assert high - low > 3 * (narrow_high - narrow_low)


def test_most_intervals_hold_the_truth():
    rng = np.random.default_rng(2)
    held = []
    for _ in range(100):
        wholes = rng.integers(5, 40, 60)
        _, low, high = ratio(rng.binomial(wholes, rng.beta(6, 3, 60)), wholes)
        held.append(low < 6 / 9 < high)
    assert 0.87 <= np.mean(held)


def test_the_figure_lies_in_its_interval_to_the_last_bit():
    for k in range(1, 40):
        value, low, high = ratio([k] * 7, [49] * 7)
        assert low <= value <= high


def test_the_same_figures_have_the_same_interval():
    assert ratio([1, 2, 4], [3, 3, 5]) == ratio([1, 2, 4], [3, 3, 5])


def test_where_nothing_was_measured_nothing_is_said():
    for estimate in (share([]), ratio([]), ratio([0, 0], [0, 0])):
        assert all(map(math.isnan, estimate))
    assert ratio([0, 3], [0, 4]) == (0.75, 0.75, 0.75)  # some resamples hold nothing
