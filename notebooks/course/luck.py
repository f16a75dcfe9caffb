"""Is it more than luck? What a mean difference must be beside its standard error, and how often a rule is fooled."""

import numpy as np

# Student's t (1908): of the means of n numbers that are normal around 0, 5 % are further from 0 than this many of
# their standard errors. Two-sided, by n; n - 1 degrees of freedom. The fewer the numbers, the less their standard
# deviation can be trusted.
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26, 12: 2.20, 15: 2.14, 20: 2.09,
        30: 2.05, 60: 2.00}


def surely(n):
    """How many standard errors from 0 the mean of n numbers must be to be called sure: T_95 of n, or the next below."""
    return T_95[max(size for size in T_95 if size <= n)]


def standard_error(differences):
    """(..., n) -> the standard error of their means, (...)."""
    return np.std(differences, axis=-1, ddof=1) / np.sqrt(np.shape(differences)[-1])


def fooled(limit, n, experiments=100_000, seed=0):
    """The share of experiments without any effect, of n pairs each, that end beyond `limit` standard errors."""
    differences = np.random.default_rng(seed).standard_normal((experiments, n))
    return float((np.abs(differences.mean(axis=-1)) > limit * standard_error(differences)).mean())
