"""The picture of notebook 09: the loss curves of nine suspects, each against the band of a sound network."""

import numpy as np
from matplotlib.figure import Figure

from lstm.rendering.plots import BLUE, GREY, ORANGE


def smooth(losses, width=10):
    """The mean of each step and up to width - 1 before it: so a curve begins where the loss began."""
    sums = np.cumsum(np.concatenate(([0.0], losses)))
    ends = np.arange(1, len(sums))
    starts = np.maximum(ends - width, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def against_the_band(curves, sound, ln_V, top=6.0):
    """Small multiples. curves: {letter: losses (steps,)}; sound: (seeds, steps), losses of a sound network.

    What is above `top` is cut off, and its highest value written there.
    """
    band = np.array([smooth(losses) for losses in sound])
    figure = Figure(figsize=(9.5, 7), layout="constrained")
    every = figure.subplots(3, 3, sharex=True, sharey=True).ravel()
    for axes, (letter, losses) in zip(every, curves.items()):
        steps = np.arange(1, len(losses) + 1)
        axes.fill_between(steps, band.min(axis=0), band.max(axis=0), color=GREY, alpha=0.45, lw=0,
                          label=f"sound, {len(sound)} seeds")
        axes.plot(steps, smooth(losses), color=BLUE, lw=1.4, label="the suspect")
        axes.axhline(ln_V, color=ORANGE, ls=":", lw=1, label="ln V")
        axes.set_title(letter, loc="left", weight="bold")
        axes.set_ylim(0, top)
        if max(losses) > top:
            words = f"up to {max(losses):.0f}"
            axes.annotate(words, (0.97, 0.97), xycoords="axes fraction", ha="right", va="top", size=9)
    figure.legend(*every[-1].get_legend_handles_labels(), frameon=False, loc="outside upper center", ncols=3)
    figure.supxlabel("steps", size=10)
    figure.supylabel("nats per character of the batch", size=10)
    return figure
