"""Pictures of training runs: before the first step, on the way, and of what came of them. Each returns a Figure."""

import numpy as np
from matplotlib.ticker import NullFormatter

from course.luck import standard_error, surely
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

STYLES = (BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (GREY, ":")
AVERAGED = 25  # steps whose losses are drawn as one line through their noise


def piles(shares):
    """A text cut into parts, a bar for each where it stands. shares: {part: (tunes, characters)}, in their order."""
    figure, axes = new_axes("The tunes, in the order of the file", "tunes", "")
    figure.set_size_inches(8, 1.9)
    start, names = 0, []
    for (part, (tunes, characters)), color, hatch in zip(shares.items(), (BLUE, GREEN, ORANGE), ("", "//", "xx")):
        axes.barh(len(names), tunes, left=start, color=color, hatch=hatch, ec="white")
        names.append(f"{part}: {tunes:,} tunes, {characters:,} characters")
        start += tunes
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    return figure


def by_order(nats, even):
    """What a character costs by n-gram models. nats: of the orders 0, 1, ...; even: an even guess, ln V."""
    figure, axes = new_axes("What is to be beaten", "characters looked back at", "nats per held-out character")
    axes.plot(range(len(nats)), nats, color=BLUE, marker="o", label="n-gram models")
    best = int(np.argmin(nats))
    axes.plot(best, nats[best], "o", ms=14, mfc="none", color=ORANGE, label=f"the best: {nats[best]:.3f}")
    for order, value in enumerate(nats):
        axes.annotate(f"{value:.2f}", (order, value), (0, 9), textcoords="offset points", ha="center", size=8)
    axes.axhline(even, color=GREY, ls=":", label=f"an even guess: ln V = {even:.2f}")
    axes.set_ylim(0, 1.1 * even)
    axes.legend(frameon=False, loc="lower left")
    return figure


def first_losses(scales, losses, even, taken=1.0):
    """The loss before the first step, by how large the output layer's first weights are.

    scales: factors on those weights; even: the loss of an even guess, ln V; taken: the factor that is in use.
    """
    x_label = "output weights, times their usual size"
    figure, axes = new_axes("The loss before anything is learnt", x_label, "nats per character")
    axes.loglog(scales, losses, color=BLUE, marker="o", label="an untrained network")
    for scale, loss in zip(scales, losses):  # those near ln V differ in the second digit after the point
        axes.annotate(f"{loss:.3f}" if loss < 10 else f"{loss:.1f}", (scale, loss), (0, 10),
                      textcoords="offset points", ha="right" if scale > taken else "center", size=8)
    axes.plot(taken, losses[list(scales).index(taken)], "o", ms=14, mfc="none", color=ORANGE, label="as it is built")
    axes.axhline(even, color=GREY, ls=":", label=f"an even guess: ln V = {even:.2f}")
    axes.set_ylim(3, 2 * max(losses))
    axes.set_yticks([3, 5, 10, 20, 40], ["3", "5", "10", "20", "40"])
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False, loc="upper left")
    return figure


def schedule(rates):
    """The learning rate of each step."""
    figure, axes = new_axes("The learning rate", "step", "")
    figure.set_size_inches(7, 2.4)
    axes.plot(range(1, len(rates) + 1), rates, color=BLUE)
    axes.set_ylim(bottom=0)
    return figure


def one_batch(curves, even):
    """Losses of training on one batch again and again, on a logarithmic scale. curves: {label: losses by step}."""
    figure, axes = new_axes("One batch, again and again", "steps", "nats per character (logarithmic)")
    for (label, losses), (color, style) in zip(curves.items(), STYLES):
        axes.semilogy(range(len(losses)), losses, color=color, ls=style, lw=2, label=label)
    axes.axhline(even, color="black", lw=0.6)
    axes.annotate("ln V", (len(losses), even), (0, 3), textcoords="offset points", ha="right", size=8)
    axes.legend(frameon=False, loc="center right")
    return figure


def progress(losses, validated, lines=None, heard=()):
    """A run by steps: the loss of each batch, their running mean, and the loss on validation tunes with its lowest.

    losses: of each step; validated: {step: loss}; lines: {label: nats}, drawn across, or none; heard: marked steps.
    """
    figure, axes = new_axes("Training", "steps", "nats per character")
    axes.plot(range(1, len(losses) + 1), losses, color=BLUE, alpha=0.25, lw=0.8, label="training, each batch")
    mean = np.convolve(losses, np.full(AVERAGED, 1 / AVERAGED), "valid")
    middle = np.arange(len(mean)) + (AVERAGED + 1) / 2
    axes.plot(middle, mean, color=BLUE, lw=2, label=f"training, mean of {AVERAGED} batches")
    axes.plot(list(validated), list(validated.values()), color=ORANGE, marker="s", ms=4, ls="--", label="validation")
    lowest = min(validated, key=validated.get)
    label = f"lowest: {validated[lowest]:.3f} after {lowest:,} steps"
    axes.plot(lowest, validated[lowest], "o", ms=13, mfc="none", color=ORANGE, label=label)
    for label, nats in (lines or {}).items():
        axes.axhline(nats, color=GREY, ls=":", lw=1)
        axes.annotate(label, (len(losses), nats), (0, 2), textcoords="offset points", ha="right", color=GREY, size=8)
    for step in heard:
        axes.axvline(step, color=GREEN, lw=1, ymax=0.05)
    if heard:
        axes.plot([], [], color=GREEN, marker="|", ms=10, ls="", label="listened to")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    return figure


def by_stage(estimates, others):
    """The share of bars that are right after each stage of training, with intervals.

    estimates: {step: (value, low, high)}; others: the same of what has no stages, {label: (value, low, high)}.
    """
    x_label = "steps of training (the places are not to scale)"
    figure, axes = new_axes("Bars of the right length", x_label, "% of bars")
    names = [f"{step:,}" for step in estimates] + list(others)
    value, low, high = 100 * np.array([*estimates.values(), *others.values()]).T
    groups = (slice(None, len(estimates)), BLUE, "o", "the network"), (slice(len(estimates), None), ORANGE, "s", None)
    for part, color, marker, label in groups:
        places = np.arange(len(names))[part]
        ranges = value[part] - low[part], high[part] - value[part]
        axes.errorbar(places, value[part], ranges, fmt=marker, color=color, capsize=4, label=label)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(0, 103)
    axes.legend(frameon=False)
    return figure


def tune_by_tune(ours, theirs, who="network", other="n-gram model"):
    """Each tune a dot: what its characters cost by two models. Below the diagonal the first one has won."""
    figure, axes = new_axes("Tune by tune", f"nats per character by the {other}", f"nats per character by the {who}")
    figure.set_size_inches(5, 4.8)
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    won = ours < theirs
    axes.plot(theirs[won], ours[won], ".", color=BLUE, label=f"the {who} is better: {won.sum()} tunes")
    axes.plot(theirs[~won], ours[~won], "x", color=ORANGE, label=f"it is not: {(~won).sum()}")
    ends = min(ours.min(), theirs.min()), max(ours.max(), theirs.max())
    axes.plot(ends, ends, color=GREY, lw=1)
    axes.set_aspect("equal")
    axes.legend(frameon=False)
    return figure


def pairs(plain, changed, change):
    """Runs with a change beside the same runs without: a line for each seed. plain, changed: losses in seeds' order."""
    figure, axes = new_axes("Each line is one seed", "", "nats per character")
    figure.set_size_inches(4.4, 4.2)
    axes.plot([0, 1], [plain, changed], color=GREY, lw=1)
    axes.plot(np.zeros(len(plain)), plain, "o", color=ORANGE)
    axes.plot(np.ones(len(changed)), changed, "s", color=BLUE)
    axes.set_xticks([0, 1], ["as it is", change])
    axes.set_xlim(-0.3, 1.3)
    axes.grid(axis="x", visible=False)
    return figure


def differences(groups):
    """Differences of pairs, a dot each, and beside them their mean with its 95 % interval. groups: {label: numbers}."""
    figure, axes = new_axes("With the change minus without", "", "nats per character")
    figure.set_size_inches(6, 3.8)
    for place, numbers in enumerate(groups.values()):
        numbers = np.asarray(numbers)
        axes.plot(np.full(len(numbers), place - 0.08), numbers, "o", color=BLUE, alpha=0.6)
        half = surely(len(numbers)) * standard_error(numbers)
        axes.errorbar(place + 0.08, numbers.mean(), half, fmt="s", color=ORANGE, capsize=5)
    axes.axhline(0, color="black", lw=0.8)
    axes.set_xticks(range(len(groups)), groups)
    axes.set_xlim(-0.5, len(groups) - 0.5)
    axes.grid(axis="x", visible=False)
    return figure
