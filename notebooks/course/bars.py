"""What share of the bars of some tunes is as long as the meter asks, and how sure one may be of it."""

from lstm.evaluation.quality import Estimate, ratio
from lstm.notation.judge import count_bars


def bars_right(tunes):
    """The share with its 95 % interval, an Estimate (value, low, high).

    The interval is a bootstrap: tunes are drawn anew, with repetition. Where all bars of all tunes fit it would have no
    width, since perfect tunes drawn anew are perfect. There it is the rule of three (Hanley & Lippman-Hand 1983): if
    none of n bars is wrong, as many as 3 / n may be. That takes each bar for itself, which is near the truth where few
    are wrong: of forty tunes at temperature 1 none had more than one, and Wilson's interval over single bars was no
    narrower than the bootstrap.
    """
    bars, fit = zip(*map(count_bars, tunes))
    estimate, n = ratio(fit, bars), sum(bars)
    return Estimate(1.0, max(0.0, 1 - 3 / n), 1.0) if n and sum(fit) == n else estimate
