"""Solutions of notebook 00, and wrong answers that its checks must refuse."""

from math import comb

from check.nb00 import FLAWLESS, quiz, shipped
from lstm.evaluation.quality import tunes_of_network
from lstm.notation.judge import count_bars


def compose_one(temperature, random_seed):
    return next(tunes_of_network(shipped(), 1, temperature=temperature, random_seed=random_seed)).text


def seed_matters(tune, temperature):
    return len({tune(temperature, seed) for seed in range(5)}) > 1


def chance(right, questions):
    return sum(comb(questions, k) for k in range(right, questions + 1)) / 2**questions


def share_of_bars_right(tunes):
    bars, right = map(sum, zip(*map(count_bars, tunes)))
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

WRONG = {
    "compose_one": [
        (lambda temperature, random_seed: compose_one(1.0, random_seed), "compose_one(0.5, 7) is not the tune"),
        (lambda temperature, random_seed: compose_one(temperature, 7), "compose_one(0.5, 8) is not the tune"),
        (lambda temperature, seed: next(tunes_of_network(shipped(), 1, temperature, seed)), "is a Composed"),
    ],
    "seed_matters": [
        (lambda tune, temperature: tune(temperature, 1) != tune(temperature, 2), "you tried 2 seed(s)"),
        (lambda tune, temperature: tune(temperature, 1) != tune(temperature, 1), "you tried 1 seed(s)"),
        (lambda tune, temperature: len({tune(0.8, seed) for seed in range(5)}) > 1, "not at temperature 0"),
        (lambda tune, temperature: True, "ignores its seed"),
    ],
    "chance": [
        (lambda right, n: comb(n, right) / 2**n, "chance(6, 8): off by"),
        (lambda right, n: sum(comb(n, k) for k in range(right + 1, n + 1)) / 2**n, "chance(8, 8): off by"),
        (lambda right, n: right / n, "chance(8, 8): off by"),
    ],
    "human_or_model": [
        (["model"] * len(TRUTH), f"{len(TRUTH) // 2} of {len(TRUTH)} right"),
        (TRUTH[:-1], f"it takes {len(TRUTH)} guesses"),
        ([guess == "model" for guess in TRUTH], "'human' or 'model'"),
    ],
    "which_parse": [
        ([True] * len(FLAWLESS), f"{sum(FLAWLESS)} of {len(FLAWLESS)} predictions"),
        ([*FLAWLESS[:-1], True], f"{len(FLAWLESS) - 1} of {len(FLAWLESS)} predictions"),  # only counted
        (FLAWLESS[:5], "it takes"),
    ],
    "share_of_bars_right": [
        (mean_of_shares, "the share over three tunes: off by"),
        (lambda tunes: sum(count_bars(tune)[1] for tune in tunes), "the share over three tunes: off by"),
        (lambda tunes: sum(right / bars for bars, right in map(count_bars, tunes)), "ZeroDivisionError"),
    ],
}
