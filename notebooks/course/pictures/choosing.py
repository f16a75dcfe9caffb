"""Pictures of how the next character is chosen, and of what comes of it. Each returns a Figure."""

import numpy as np
from matplotlib.figure import Figure

from course.pictures.cells import blank
from course.pictures.tunes import visible
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

STYLES = (BLUE, "o-"), (ORANGE, "s--"), (GREEN, "d-.")


def inverse(characters, p, uniform, least=0.02):
    """A line from 0 to 1 cut into pieces as long as the probabilities, and where a random number falls.

    The pieces lie in the order of the ids, as `sampling.pick` has them; those under `least` are grey, without a letter.
    """
    figure, axes = new_axes("One random number chooses one character", "", "")
    figure.set_size_inches(9, 1.7)
    starts, large = np.cumsum(p) - p, np.flatnonzero(p >= least)
    axes.barh(0, 1, color="0.85", ec="white")
    for n, k in enumerate(large):
        axes.barh(0, p[k], left=starts[k], color=(BLUE, "#9ecae1")[n % 2], ec="white")
        axes.text(starts[k] + p[k] / 2, 0, visible(characters[k]), ha="center", va="center", family="monospace",
                  size=13, color=("white", "black")[n % 2])
    axes.annotate(f"{uniform:.2f}", (uniform, 0.4), (uniform, 0.85), ha="center", color=ORANGE,
                  arrowprops={"arrowstyle": "-|>", "color": ORANGE})
    axes.set(xlim=(0, 1), ylim=(-0.45, 1.05), yticks=[])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False)
    return figure


def by_temperature(characters, distributions, shown=8):
    """Bars of the likeliest characters, a panel for each temperature. distributions: {temperature: p (V,)}."""
    order = np.argsort(-distributions[max(distributions)])[:shown]
    figure = Figure(figsize=(2.6 * len(distributions), 2.6), layout="constrained")
    for axes, (temperature, p) in zip(figure.subplots(1, len(distributions), sharey=True), distributions.items()):
        axes.bar(range(shown), p[order], color=BLUE)
        axes.set_xticks(range(shown), [visible(characters[k]) for k in order], family="monospace")
        likely = p[p > 0]
        choices = np.exp(-(likely * np.log(likely)).sum())
        axes.set_title(f"temperature {temperature:g}\nas open as {choices:.1f} alike ones", size=10)
        axes.set_ylim(0, 1)
    return figure


def along(text, entropies, bars):
    """The entropy of what may come, before each character of a text. bars: the places of the bar lines."""
    figure, axes = new_axes("How open is it what comes next?", "", "entropy, nats")
    figure.set_size_inches(11, 3)
    colors = [ORANGE if n - 1 in bars else BLUE for n in range(len(text))]
    axes.bar(range(len(text)), entropies, width=0.9, color=colors)
    axes.set_xticks(range(len(text)), [visible(one) for one in text], family="monospace", size=8)
    axes.bar(0, 0, color=ORANGE, label="the first character of a bar")
    axes.margins(x=0.005)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    return figure


def cut(characters, places, shown=10):
    """What top-k and top-p keep at two places. places: {title: (p (V,), {way: p after it})}."""
    figure = Figure(figsize=(9, 2.3 * len(places)), layout="constrained")
    for axes, (title, (p, ways)) in zip(figure.subplots(len(places), 1, squeeze=False)[:, 0], places.items()):
        order = np.argsort(-p)[:shown]
        axes.bar(np.arange(shown) - 0.3, p[order], 0.28, color=GREY, label="as it is")
        for n, ((way, after), color, hatch) in enumerate(zip(ways.items(), (BLUE, ORANGE), ("", "//"))):
            axes.bar(np.arange(shown) + 0.3 * n, after[order], 0.28, color=color, hatch=hatch, ec="white", label=way)
        axes.set_xticks(range(shown), [visible(characters[k]) for k in order], family="monospace", size=12)
        axes.set_title(title, size=10)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False)
    return figure


def reliability(curves):
    """What was said against what happened. curves: {label: (mean p of each bin, share that happened)}."""
    figure, axes = new_axes("When it says 30 %, does it happen 30 % of the time?", "probability that was given",
                            "share that happened")
    axes.plot([0, 1], [0, 1], color=GREY, ls=":", label="kept promises")
    for (label, (said, happened)), (color, style) in zip(curves.items(), STYLES):
        axes.plot(said, happened, style, color=color, label=label)
    axes.set_aspect("equal")
    axes.legend(frameon=False)
    return figure


def grown(prime, branches):
    """A tree of bars that may follow, from left to right. branches: of choosing.tree, two deep."""
    rows = sum(max(1, len(branch.followed_by)) for branch in branches)
    figure, axes = blank(11, 0.42 * rows + 0.4, 26, rows)
    root, row = (6.2, rows / 2), rows
    axes.text(6, rows / 2, f"... {prime[-12:].strip()}", ha="right", va="center", family="monospace", size=11)
    axes.set_aspect("auto")
    for branch in branches:
        ends = [row - 0.5 - n for n in range(max(1, len(branch.followed_by)))]
        middle = sum(ends) / len(ends)
        axes.plot([root[0], 8], [root[1], middle], color=GREY, lw=1)
        axes.text(8.2, middle, f"{branch.bar}|", va="center", family="monospace", size=11, color=BLUE)
        for end, leaf in zip(ends, branch.followed_by):
            axes.plot([14, 16], [middle, end], color=GREY, lw=1)
            axes.text(16.2, end, f"{leaf.bar}|", va="center", family="monospace", size=11)
        row -= len(ends)
    return figure
