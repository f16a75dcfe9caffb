"""Pictures of training runs: before the first step, on the way, and of what came of them. Each returns a Figure."""

import numpy as np

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


def ladder(rungs):
    """What a character costs by each of some models, lowest at the bottom. rungs: {model: nats per character}."""
    figure, axes = new_axes("What is to be beaten", "nats per character of tunes that were held out", "")
    names = sorted(rungs, key=rungs.get)
    nats = [rungs[name] for name in names]
    lowest = [BLUE if n == 0 else GREY for n in range(len(names))]
    axes.hlines(names, 0, nats, colors=lowest, lw=2)
    axes.scatter(nats, names, c=lowest, s=50, zorder=3)
    for place, value in enumerate(nats):
        axes.annotate(f"{value:.2f}", (value, place), (8, 0), textcoords="offset points", va="center")
    axes.set_xlim(0, 1.1 * max(nats))
    axes.grid(axis="y", visible=False)
    return figure


def first_losses(scales, losses, even, taken=1.0):
    """The loss before the first step, by how large the output layer's first weights are.

    scales: factors on those weights; even: the loss of an even guess, ln V; taken: the factor that is in use.
    """
    x_label = "output weights, times their usual size"
    figure, axes = new_axes("The loss before anything is learnt", x_label, "nats per character")
    axes.semilogx(scales, losses, color=BLUE, marker="o", label="an untrained network")
    axes.plot(taken, losses[list(scales).index(taken)], "o", ms=14, mfc="none", color=ORANGE, label="as it is built")
    axes.axhline(even, color=GREY, ls=":", label=f"an even guess: ln V = {even:.2f}")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
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


def by_stage(estimates, lines):
    """The share of bars that are right after each stage of training, with intervals.

    estimates: {step: (value, low, high)}; lines: {label: share}, drawn across.
    """
    figure, axes = new_axes("Bars of the right length", "steps of training", "% of bars")
    value, low, high = 100 * np.array(list(estimates.values())).T
    places = range(len(estimates))
    axes.errorbar(places, value, (value - low, high - value), fmt="o-", color=BLUE, capsize=4, label="composed tunes")
    for (label, share), (color, style) in zip(lines.items(), STYLES[1:]):
        axes.axhline(100 * share, color=color, ls=style, lw=1.2, label=label)
    axes.set_xticks(places, [f"{step:,}" for step in estimates])
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
