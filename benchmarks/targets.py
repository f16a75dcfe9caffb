"""What the speed of this project is held to, on 2 cores: each a number computed from results, with a floor and an aim.

Each function takes Results and returns one value for each round, or None where a suite was not measured.
"""

from typing import NamedTuple

import numpy as np

from benchmarks.cases import GROWTH, REFERENCE
from benchmarks.results import Results
from benchmarks.roofline import FLOP
from benchmarks.rounds import median


class Target(NamedTuple):
    """A number to reach, at least `floor`, better `aim`; or at most, for what should be small."""

    name: str
    values: object  # function(results) -> list of floats, or None
    floor: float
    aim: float
    unit: str = "x"
    small: bool = False

    def verdict(self, value):
        """In a word."""
        sign = -1 if self.small else 1
        if sign * value >= sign * self.aim:
            return "aim reached" if self.aim != self.floor else "reached"
        return "reached" if sign * value >= sign * self.floor else "MISSED"


def faster(suite, case, theirs, threads):
    """How many times as fast we are as a peer."""
    return lambda results: results.ratios(suite, case, theirs, "ours", threads)


def best_of_both(results):
    """One stream: our better number of threads against theirs."""
    best = []
    for name in ("PyTorch", "ours"):
        rows = [results.find("sampling", "one stream", name, n) for n in results.threads("sampling")]
        if not rows or None in rows:
            return None
        best.append([min(values) for values in zip(*(row.values for row in rows))])
    return [theirs / ours for theirs, ours in zip(*best)]


def eight_streams(results):
    """The same with eight."""
    threads = results.threads("sampling")
    return results.ratios("sampling", "eight streams", "PyTorch", "ours", threads[0]) if threads else None


def peak(results):
    """The best rate of large square products, FLOP/s, in each round."""
    rows = [row for row in results.rows if row.participant in FLOP]
    return [max(rates) for rates in zip(*([FLOP[row.participant] / s for s in row.values] for row in rows))]


def share_of_peak(results):
    """Our arithmetic over what the peak would allow in the same time, in percent."""
    ours = next((r for r in results.rows if r.suite == "roofline" and r.participant == "ours"), None)
    rates = peak(results)
    return [100 * REFERENCE.flop() / s / rate for s, rate in zip(ours.values, rates)] if ours and rates else None


def share_of_best(results, label):
    """Our rate of one product over the better one of NumPy and PyTorch, in each round."""
    rows = [results.find("products", label, name, 1) for name in ("NumPy", "PyTorch")]
    ours = results.find("products", label, "ours", 1)
    return [min(others) / mine for mine, *others in zip(ours.values, *(row.values for row in rows if row))]


def weakest_product(results):
    """The product in which we do worst."""
    shares = [share_of_best(results, label) for label in results.cases("products")]
    return min(shares, key=median) if shares else None


def our_seconds(case, temperature):
    """Seconds of a fresh process."""

    def values(results):
        wanted = "startup", case, f"ours, {temperature}"
        rows = [row for row in results.rows if (row.suite, row.case, row.participant) == wanted]
        return rows[0].values if rows else None

    return values


def memory_share(results):
    """Our memory above the imports as a share of PyTorch's, in percent."""
    threads = results.threads("memory")
    ratios = results.ratios("memory", "reference", "PyTorch", "ours", threads[-1]) if threads else None
    return [100 / ratio for ratio in ratios] if ratios else None


def line(sizes, seconds):
    """The straight line a + b * size with the least squared relative errors: its values at the sizes."""
    sizes, seconds = np.asarray(sizes, float), np.asarray(seconds, float)
    columns = np.stack([np.ones_like(sizes), sizes], axis=1)
    (a, b), *_ = np.linalg.lstsq(columns / seconds[:, None], np.ones_like(seconds), rcond=None)
    return a + b * sizes


def deviation(what):
    """How far the median step time is at most from a straight line in the size, in percent of the line."""

    def values(results):
        sizes = list(GROWTH[what])
        rows = [r for r in results.rows if r.suite == "growth" and r.participant == "ours"]
        medians = {r.case: r.median for r in rows}
        if any(f"{what} {size}" not in medians for size in sizes):
            return None
        seconds = np.array([medians[f"{what} {size}"] for size in sizes])
        return [float(100 * np.abs(seconds / line(sizes, seconds) - 1).max())]

    return values


TARGETS = [
    Target("reference, 2 threads, against PyTorch", faster("training", "reference", "PyTorch", 2), 1.6, 1.8),
    Target("reference, 2 threads, against Keras", faster("training", "reference", "Keras", 2), 4, 5),
    Target("reference, 1 thread, against PyTorch", faster("training", "reference", "PyTorch", 1), 1.3, 1.5),
    Target("share of the SGEMM peak, reference", share_of_peak, 65, 75, " %"),
    Target("2 x 128, 2 threads, against PyTorch", faster("training", "2 x 128", "PyTorch", 2), 1.3, 1.6),
    Target("1 x 128, 2 threads, against PyTorch", faster("training", "1 x 128", "PyTorch", 2), 1.3, 1.6),
    Target("3 x 512, 2 threads, against PyTorch", faster("training", "3 x 512", "PyTorch", 2), 1.35, 1.6),
    Target("3 x 512, 1 thread, against PyTorch", faster("training", "3 x 512", "PyTorch", 1), 1.25, 1.4),
    Target("default, 2 threads, against PyTorch", faster("training", "default", "PyTorch", 2), 1.3, 1.6),
    Target("the weakest product, of NumPy's or PyTorch's best", weakest_product, 0.85, 0.95),
    Target("one stream, 1 thread, against PyTorch", faster("sampling", "one stream", "PyTorch", 1), 5, 8),
    Target("one stream, best of 1 and 2 threads, against PyTorch", best_of_both, 10, 15),
    Target("eight streams, 1 thread, against PyTorch", eight_streams, 5, 8),
    Target("memory above the imports, share of PyTorch's", memory_share, 50, 100 / 3, " %", True),
    Target("first batch, cold cache", our_seconds("first batch", "cold"), 6, 4, " s", True),
    Target("sample.py --length 200, warm", our_seconds("sample.py --length 200", "warm"), 1.5, 1, " s", True),
    Target("step time by batch 8 - 128, off a straight line", deviation("batch"), 15, 15, " %", True),
    Target("step time by sequence 32 - 512, off a straight line", deviation("sequence"), 15, 15, " %", True),
]


def is_disturbed(target, results):
    """Whether somebody else used the machine while a row was measured that changes the target's values."""
    values = target.values(results)
    rows = results.rows
    others = [Results([], [r for r in rows if r is not row]) for row in rows if row.disturbed]
    return any(target.values(without) != values for without in others)


def checked(results):
    """(target, values, verdict) of every target that was measured. What was disturbed reaches nothing."""
    for target in TARGETS:
        values = target.values(results)
        if values:
            disturbed = is_disturbed(target, results)
            yield target, values, "disturbed: measure again" if disturbed else target.verdict(median(values))
