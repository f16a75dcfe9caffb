"""Solutions of notebook 00, right answers in other styles, and wrong ones that its checks must refuse."""

from itertools import product
from math import comb, factorial

import numpy as np

from check.nb00 import FLAWLESS, quiz, shipped
from lstm.evaluation.quality import tunes_of_network
from lstm.notation.judge import count_bars


def compose_one(temperature, random_seed):
    return next(tunes_of_network(shipped(), 1, temperature=temperature, random_seed=random_seed)).text


def compose_in_a_loop(temperature, random_seed):
    for tune, _ in tunes_of_network(shipped(), 1, random_seed=random_seed, temperature=temperature):
        return tune


def seed_matters(tune, temperature):
    return len({tune(temperature, seed) for seed in range(5)}) > 1


def seed_matters_in_a_loop(tune, temperature):
    first = tune(temperature, random_seed=100)
    for seed in range(101, 110):
        if tune(temperature, random_seed=seed) != first:
            return True
    return False


def chance(right, questions):
    return sum(comb(questions, k) for k in range(right, questions + 1)) / 2**questions


def chance_by_counting(right, questions):
    """All ways in which a coin can answer, one by one."""
    ways = [sum(way) for way in product((0, 1), repeat=questions)]
    return sum(way >= right for way in ways) / len(ways)


def chance_question_by_question(right, questions):
    p = np.eye(questions + 2)[0]  # of 0, 1, ... right so far
    for _ in range(questions):
        p = (p + np.roll(p, 1)) / 2
    return p[right:].sum()


def share_of_bars_right(tunes):
    bars, right = map(sum, zip(*map(count_bars, tunes)))
    return right / bars


def share_in_a_loop(tunes):
    bars = right = 0
    for tune in tunes:
        of_tune, fit = count_bars(tune)
        bars += of_tune
        right += fit
    return right / bars


def mean_of_shares(tunes):
    shares = [right / bars if bars else 0 for bars, right in map(count_bars, tunes)]
    return sum(shares) / len(shares)


TRUTH = ["model" if question.composed else "human" for question in quiz()]

SOLUTIONS = {
    "compose_one": compose_one,
    "seed_matters": seed_matters,
    "chance": chance,
    "human_or_model": TRUTH,
    "which_parse": FLAWLESS,
    "share_of_bars_right": share_of_bars_right,
}

ALSO_RIGHT = {
    "compose_one": [
        compose_in_a_loop,
        lambda temperature, seed: list(tunes_of_network(shipped(), 1, temperature, random_seed=seed))[0][0],
    ],
    "seed_matters": [
        seed_matters_in_a_loop,
        lambda tune, temperature: any(tune(temperature, 0) != tune(temperature, seed) for seed in range(1, 8)),
        lambda tune, temperature: np.unique([tune(temperature, seed) for seed in range(6)]).size > 1,
    ],
    "chance": [
        chance_by_counting,
        chance_question_by_question,
        lambda right, n: 1 - sum(comb(n, k) for k in range(right)) * 0.5**n,
        lambda right, n: sum(factorial(n) / factorial(k) / factorial(n - k) for k in range(right, n + 1)) / 2**n,
    ],
    "human_or_model": [
        [guess.upper() for guess in TRUTH],
        np.array([guess.title() for guess in TRUTH]),
        ["model"] * len(TRUTH),
        tuple("human" if guess == "model" else "model" for guess in TRUTH),
    ],
    "which_parse": [tuple(FLAWLESS), np.array(FLAWLESS), list(map(int, FLAWLESS))],
    "share_of_bars_right": [
        share_in_a_loop,
        lambda tunes: np.divide(*np.array([count_bars(tune) for tune in tunes]).sum(axis=0)[::-1]),
        lambda tunes: np.average([fit / max(bars, 1) for bars, fit in map(count_bars, tunes)],
                                 weights=[count_bars(tune)[0] for tune in tunes]),
    ],
}

WRONG = {
    "compose_one": [
        (lambda temperature, random_seed: compose_one(1.0, random_seed), "compose_one(0.5, 7) is not the tune"),
        (lambda temperature, random_seed: compose_one(temperature, 7), "compose_one(0.5, 8) is not the tune"),
        (lambda temperature, seed: next(tunes_of_network(shipped(), 1, temperature, seed)), "is a Composed"),
        (lambda temperature, seed: compose_one(temperature, seed).strip(), "it differs from character"),
        (lambda temperature, seed: tunes_of_network(shipped(), 1, temperature, seed), "is a generator"),
    ],
    "seed_matters": [
        (lambda tune, temperature: tune(temperature, 1) != tune(temperature, 2), "you tried 2 seed(s)"),
        (lambda tune, temperature: tune(temperature, 1) != tune(temperature, 1), "you tried 1 seed(s)"),
        (lambda tune, temperature: len({tune(0.8, seed) for seed in range(5)}) > 1, "not at temperature 0"),
        (lambda tune, temperature: True, "ignores its seed"),
        (lambda tune, temperature: temperature > 0, "ignores its seed"),
        (lambda tune, temperature: len({tune(temperature, seed) for seed in range(5)}), "ignores its seed"),
        (lambda tune, temperature: len({tune(temperature, seed) for seed in range(5)}) == 5, "you tried 5 seed(s)"),
    ],
    "chance": [
        (lambda right, n: comb(n, right) / 2**n, "chance(6, 8): off by"),
        (lambda right, n: sum(comb(n, k) for k in range(right + 1, n + 1)) / 2**n, "chance(8, 8): off by"),
        (lambda right, n: right / n, "chance(8, 8): off by"),
        (lambda right, n: 0.5**right, "chance(6, 8): off by"),
        (lambda right, n: sum(comb(n, k) for k in range(right + 1)) / 2**n, "chance(8, 8): off by"),
    ],
    "human_or_model": [
        (TRUTH[:-1], f"it takes {len(TRUTH)} guesses, each of them 'human' or 'model'; these are {len(TRUTH) - 1}"),
        ([guess == "model" for guess in TRUTH], "it takes 'human' or 'model' for each; No. 1 is"),
        ([*TRUTH[:2], "people", *TRUTH[3:]], "No. 3 is 'people'"),
        (" ".join(TRUTH), "it takes 8 guesses"),
    ],
    "which_parse": [
        ([True] * len(FLAWLESS), f"{sum(FLAWLESS)} of {len(FLAWLESS)} predictions"),
        ([*FLAWLESS[:-1], True], f"{len(FLAWLESS) - 1} of {len(FLAWLESS)} predictions"),  # only counted
        (FLAWLESS[:5], "it takes"),
        ([not flawless for flawless in FLAWLESS], f"0 of {len(FLAWLESS)} predictions"),
        (["True"] * len(FLAWLESS), "each True or False"),
        (sum(FLAWLESS), "it takes"),
    ],
    "share_of_bars_right": [
        (mean_of_shares, "the share over three tunes: off by"),
        (lambda tunes: sum(count_bars(tune)[1] for tune in tunes), "the share over three tunes: off by"),
        (lambda tunes: sum(right / bars for bars, right in map(count_bars, tunes)), "ZeroDivisionError"),
        (lambda tunes: np.mean([fit / bars for bars, fit in map(count_bars, tunes) if bars]), "over three tunes: off"),
        (lambda tunes: 100 * share_of_bars_right(tunes), "the share over three tunes: off by"),
        (lambda tunes: 1 / share_of_bars_right(tunes), "the share over three tunes: off by"),
    ],
}
