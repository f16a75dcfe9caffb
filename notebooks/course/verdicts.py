"""Every verdict of the course that rests on a trained network: what is asked, and how to measure it with a seed.

`python notebooks/margins.py` measures them with many seeds and on several kinds of code. A bound is the one that the
check, the notebook or the test has: none is typed again here. A claim that one thing is more than another asks for a
difference above 0.

Left out: what is right up to rounding whatever was learnt (the checks `fit_batch` and `gap` compare two ways of the
same training), and what is drawn from random numbers without any network (`does_it_help`, `choose_clip`).
"""

from dataclasses import dataclass
from functools import partial as bind
from typing import Callable

import numpy as np

from check import nb05, nb06
from course import broken, luck, measures
from course.of_notebooks import asserted
from solutions import nb06 as answers_06


@dataclass(frozen=True)
class Verdict:
    """A number that must lie between two bounds, whatever the seed."""

    notebook: str  # two digits
    about: str  # the exercise whose check asks it, or the claim of the text
    asked: str  # what the number is
    value: Callable[[int], float]
    low: float = -np.inf
    high: float = np.inf
    once: bool = False  # of the seeds that the notebook has, and of no others

    def margin(self, value):
        """How far inside the bounds a value is; below 0 it is outside, and NaN counts as far outside."""
        return -np.inf if np.isnan(value) else float(min(value - self.low, self.high - value))

    def bounds(self):
        """In words."""
        low = f"above {self.low:.4g}" if np.isfinite(self.low) else ""
        high = f"below {self.high:.4g}" if np.isfinite(self.high) else ""
        return " and ".join(filter(None, (low, high)))


def more(notebook, about, asked, value, than=0.0, **others):
    """A Verdict on a number that must be above another."""
    return Verdict(notebook, about, asked, value, low=than, **others)


def less(notebook, about, asked, value, than=0.0, **others):
    """A Verdict on a number that must be below another."""
    return Verdict(notebook, about, asked, value, high=than, **others)


def of_04():
    yield less("04", "it has learnt by looking back", "nats of the last 20 batches", measures.first_training,
               measures.without_memory())


def of_05():
    named, enough = "share named right", nb05.ENOUGH
    yield more("05", "long_memory", f"{named}, worst right bias", measures.worst_named, enough)
    yield less("05", "long_memory", f"{named}, best wrong bias", measures.best_refused, enough)
    yield more("05", "forget bias 5 learns lag 64", named, bind(measures.cliff, 5, 64), enough)
    yield less("05", "forget bias 1 does not learn lag 32", named, bind(measures.cliff, 1, 32), enough)
    yield less("05", "forget bias 0 does not learn lag 16", named, bind(measures.cliff, 0, 16), enough)
    yield more("05", "a plain RNN learns lag 16", named, bind(measures.cliff, None, 16), enough)
    yield more("05", "predict_start", "nats, the smaller of two steps", measures.least_step)
    yield more("05", "trained with foreign states it costs more", "nats more, held out", measures.foreign_state)
    yield more("05", "a clip saves runs at a rate of 45", "nats less", bind(measures.clip_gains, 45))


def of_06():
    for name, bound in nb06.WITHIN_REACH.items():
        yield less("06", "fair_race", f"{name}: nats, worst right rate", bind(measures.worst_of_right, name), bound)
        if any(words.startswith(f"{name} at") for _, words in answers_06.WRONG["fair_race"]):
            yield more("06", "fair_race", f"{name}: nats, best wrong rate", bind(measures.best_of_wrong, name), bound)
        yield less("06", "a range test is good enough", f"{name}: nats", bind(measures.of_range_test, name), bound)
    yield more("06", "RMSProp is ahead of Adam at 0.03", "nats less", measures.lead_of_rmsprop)
    yield more("06", "it is the first moment", "nats less without it", measures.lead_without_first_moment)
    yield more("06", "Adam moves matrices more alike", "spread of SGD / of Adam", measures.spread, 1.0)


def of_07():
    bound = asserted("07", "as it should be")
    yield less("07", "one batch is learnt by heart", "nats after 150 steps", measures.by_heart, bound)
    yield more("07", "the run beats the best n-gram", "nats ahead, a third done", measures.lead)
    yield more("07", "on sixty tunes validation turns", "nats above the lowest", measures.turn)
    errors = "standard errors / what it takes"
    first, all_twelve = bind(measures.sureness, slice(6), 2), bind(measures.sureness, slice(12), luck.surely(12))
    yield more("07", "dropout: six seeds look like proof", errors, first, 1.0, once=True)
    yield less("07", "dropout: all twelve say nothing", errors, all_twelve, 1.0, once=True)
    yield less("07", "dropout: the next six say the opposite", "mean / that of the first", measures.opposite, once=True)


def of_08():
    yield more("08", "on new tunes honest above 1", "best temperature", bind(measures.best_temperature, True), 1.0)
    yield more("08", "on learnt tunes more honest", "best temperature, new less learnt", measures.modesty)
    yield more("08", "too sure of new tunes", "p less the share that came", measures.too_sure)
    yield more("08", "people bring more bars back", "share more than at 0.8", measures.seldom_returns)
    yield more("08", "above 1 bars begin to fail", "share right, 0.8 less 1.5", measures.bars_fail)


def of_09():
    for letter, (low, high) in broken.GAPS.items():
        yield Verdict("09", "which_show", f"{letter}: late loss less a sound one's", bind(measures.late_gap, letter),
                      low, high)
    yield more("09", "which_show", "D: above the peak, or too good", measures.d_shows)
    yield less("09", "which_show", "the others' highest loss / ln V", bind(measures.wildest, "".join(broken.GAPS)),
               broken.CALM)
    yield less("09", "all nine learn a batch by heart", "nats of the worst", measures.worst_by_heart, broken.BY_HEART)
    yield less("09", "the first loss shows one", "loss less ln V", measures.first_of_softmax, broken.FIRST_TOO_LOW)
    yield less("09", "the first loss shows no other", "distance from ln V", measures.first_of_others, broken.FIRST_NEAR)
    yield less("09", "a sound gradient passes", "off", bind(measures.off, ""), broken.CLEAN)
    yield more("09", "broken gradients are found", "off, the least of six", measures.least_off, broken.DIRTY)


def of_10():
    yield more("10", "forty units hold the bar lines", "nats there, more than 40 by chance",
               measures.bar_group_more_than_chance)
    yield more("10", "and little else", "nats there, more than at notes", measures.bar_group_more_than_elsewhere)
    yield more("10", "one unit is the repeat's switch", "p(:) held at one end, more than alone", measures.repeat_switch)


def of_12():
    yield more("12", "64 units are better than 32", "nats of 32, less those of 64", measures.size_helps)


def verdicts(notebooks=()):
    """The Verdicts of some notebooks, two digits each, in their order; without any of all."""
    of = {"04": of_04, "05": of_05, "06": of_06, "07": of_07, "08": of_08, "09": of_09, "10": of_10, "12": of_12}
    for number, its_own in of.items():
        if not notebooks or number in notebooks:
            yield from its_own()
