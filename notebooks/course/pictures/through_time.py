"""Pictures of what happens to gradients and memory over time. Each function returns a matplotlib Figure."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import LogLocator, NullFormatter

from course.pictures.cells import blank
from course.pictures.tunes import visible
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

PURPLE = "#CC79A7"  # Okabe & Ito's, as the others
STYLES = ((ORANGE, "--"), (GREEN, "-."), (BLUE, "-"), (PURPLE, (0, (1, 1))), ("black", (0, (5, 1, 1, 1, 1, 1))))
CARRIED, ZERO, FOREIGN = (BLUE, "-"), (GREEN, "-."), (ORANGE, "--")  # how a window of a text may start
THINNEST = 1e-3  # share of the longest gradient that is still drawn as a line


def two_roads(characters, dh, dc):
    """The last steps of an unrolled layer, with the gradient's length on the two roads back.

    characters: what is read at each step, the last one last.
    dh, dc: length of the gradient of h and c by lag, len(characters) numbers or more each; lag 0 is the state after the
    last character. An arrow is as thick as the gradient is long.
    """
    count, longest = len(characters), max(*dh[1 : len(characters)], *dc[1 : len(characters)])
    figure, axes = blank(1.2 * count + 1, 3, 2 * count + 1.4, 4.4)
    for place, character in enumerate(characters):
        x, before = 2 * place + 0.8, count - 1 - place
        axes.add_patch(FancyBboxPatch((x, 1), 0.8, 3, boxstyle="round,pad=0.05", fc="0.95", ec=GREY))
        axes.text(x + 0.4, 2.5, f"t - {before}" if before else "t", ha="center", va="center", size=10)
        axes.text(x + 0.4, 0.4, visible(character), ha="center", va="center", family="monospace", size=14)
    for height, lengths, color, name in ((3.3, dc, BLUE, "dc"), (1.7, dh, ORANGE, "dh")):
        axes.text(0.3, height, name, color=color, ha="center", va="center", size=13)
        for lag in range(1, count):
            left = 2 * (count - lag) - 0.35  # of the gap between two steps
            if lengths[lag] > THINNEST * longest:
                thick_arrow(axes, (left, height), color, lengths[lag] / longest)
            axes.text(left + 0.55, height + 0.6 * (1 if name == "dc" else -1), f"{lengths[lag]:.2g}", color=color,
                      ha="center", va="center", size=10)
    axes.text(2 * count + 0.4, 1.7, "loss", ha="center", va="center", size=10)
    axes.annotate("", (2 * count - 0.35, 1.7), (2 * count + 0.1, 1.7), arrowprops={"arrowstyle": "-|>"})
    return figure


def thick_arrow(axes, tip, color, share):
    """An arrow to the left, over the gap between two steps; share: how thick, of the thickest."""
    style = {"arrowstyle": "-|>", "lw": 0.5 + 8 * share, "color": color, "mutation_scale": 6 + 14 * share}
    axes.annotate("", tip, (tip[0] + 1.1, tip[1]), arrowprops=style | {"shrinkA": 0, "shrinkB": 0})


def gradient_by_lag(curves, floor=1e-12, title="How much of a gradient comes back"):
    """The length of a gradient against how many steps it has come back.

    curves: {label: lengths by lag}, (lags,) or of several networks (S, lags): their median, and a band from the least
    to the most.
    """
    figure, axes = new_axes(title, "steps back", "length of the gradient of the state")
    for (label, lengths), (color, style) in zip(curves.items(), STYLES):
        lengths = np.atleast_2d(lengths)
        steps = range(lengths.shape[1])
        axes.semilogy(steps, np.median(lengths, axis=0), color=color, ls=style, lw=2, label=label)
        axes.fill_between(steps, lengths.min(axis=0), lengths.max(axis=0), color=color, alpha=0.2, lw=0)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, floor), high)
    axes.axhline(1, color=GREY, lw=0.8)
    axes.legend(frameon=False)
    return figure


def learnt_by_lag(lags, curves):
    """The share of networks that learnt the copy task, against the lag. curves: {label: shares (lags,)}."""
    title = "The copy task: a symbol is named, so many steps later"
    figure, axes = new_axes(title, "lag (steps)", "share of the networks that learn it")
    for (label, shares), (color, style), marker in zip(curves.items(), STYLES, "osdv^"):
        axes.plot(lags, shares, color=color, ls=style, lw=2, marker=marker, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(lags, lags)
    axes.set_ylim(-0.05, 1.05)
    axes.legend(frameon=False)
    return figure


def learnt_by_gradient(gradients, curves):
    """The share of networks that learnt the copy task, against the gradient that came back before training.

    gradients: {label: lengths (S, lags)} at the lags of curves: {label: shares (lags,)}. A bar is the range over S.
    """
    title = "The same networks, by the gradient that came back before training"
    figure, axes = new_axes(title, "length of the gradient over the lag", "share of the networks that learn it")
    for (label, lengths), (color, _), marker in zip(gradients.items(), STYLES, "osdv^"):
        middle = np.median(lengths, axis=0)
        ranges = middle - lengths.min(axis=0), lengths.max(axis=0) - middle
        axes.errorbar(middle, curves[label], xerr=ranges, fmt=marker, color=color, ms=8, alpha=0.8, label=label)
    axes.set_xscale("log")
    axes.set_ylim(-0.05, 1.05)
    axes.legend(frameon=False)
    return figure


def loss_by_rate(rates, curves):
    """What is reached with each rate, the median and a bar over the seeds. curves: {label: losses (rates, seeds)}."""
    figure, axes = new_axes("Plain gradient descent", "learning rate", "nats per character, last ten batches")
    for (label, losses), (color, style), marker in zip(curves.items(), STYLES, "osdv^"):
        middle = np.median(losses, axis=1)
        ranges = middle - losses.min(axis=1), losses.max(axis=1) - middle
        axes.errorbar(rates, middle, yerr=ranges, color=color, ls=style, marker=marker, capsize=3, label=label)
    axes.set(xscale="log", yscale="log")
    axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes.set_yticks([2, 3, 5, 10, 20], ["2", "3", "5", "10", "20"])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False)
    return figure


def truncation(lengths, cosines, errors):
    """How good a truncated gradient is, against the length of the chunks: its direction, and its relative error."""
    title = "The truncated gradient beside the whole one"
    figure, axes = new_axes(title, "length of a chunk, T", "share of the whole")
    axes.plot(lengths, cosines, color=BLUE, marker="o", label="cosine of the angle between them")
    axes.plot(lengths, errors, color=ORANGE, ls="--", marker="s", label="length of their difference / of the whole")
    axes.set_xscale("log", base=2)
    axes.set_xticks(lengths, lengths)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def nats_by_position(curves):
    """What a character costs by its place in the window. curves: {label: nats by place}."""
    figure, axes = new_axes("The start of a window", "place in the window", "nats per character")
    for (label, nats), (color, style) in zip(curves.items(), (CARRIED, ZERO, FOREIGN)):
        axes.plot(range(1, len(nats) + 1), nats, color=color, ls=style, lw=2, label=label)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def gradient_norms(norms, clip):
    """The norms of a run's gradients: step by step, and how often each occurs, with the clip as a line."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    by_step, by_size = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    above = np.asarray(norms) > clip
    steps = np.arange(1, len(norms) + 1)
    by_step.semilogy(steps[~above], norms[~above], ".", color=BLUE, ms=4)
    by_step.semilogy(steps[above], norms[above], "x", color=ORANGE, ms=6)
    by_step.set(xlabel="step", ylabel="norm of the gradient", title="Step by step")
    by_step.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 4, 6, 8)))
    by_step.yaxis.set_major_formatter("{x:g}")
    by_step.yaxis.set_minor_formatter(NullFormatter())
    bins = np.geomspace(np.min(norms), np.max(norms), 40)
    by_size.hist(norms, bins, orientation="horizontal", color=BLUE)
    by_size.set(xlabel="steps", title="How often")
    for axes in (by_step, by_size):
        axes.axhline(clip, color=ORANGE, ls="--", label=f"clip {clip:.2g}: {above.mean():.0%} are shortened")
        axes.spines[["top", "right"]].set_visible(False)
    by_step.legend(frameon=False)
    return figure


def runs(curves, title="Loss of each batch", styles=STYLES, averaged=1):
    """Losses by step of several runs. curves: {label: losses}; a run that diverged is shorter, and ends in a cross.

    averaged: means of so many steps are drawn, over the pale losses themselves.
    """
    figure, axes = new_axes(title, "step", "nats per character")
    longest = max(map(len, curves.values()))
    for (label, losses), (color, style) in zip(curves.items(), styles):
        steps = np.arange(1, len(losses) + 1)
        if averaged > 1:
            axes.plot(steps, losses, color=color, alpha=0.25, lw=0.8)
        means = np.convolve(losses, np.full(averaged, 1 / averaged), "valid")
        axes.plot(steps[: len(means)] + (averaged - 1) / 2, means, color=color, ls=style, label=label)
        if len(losses) < longest:
            axes.plot(len(losses), losses[-1], "X", color=color, ms=10)
    axes.legend(frameon=False)
    return figure


def many_runs(curves, title, styles=STYLES):
    """Losses by step of several seeds, thin lines, and their mean, a thick one. curves: {label: (seeds, steps)}."""
    figure, axes = new_axes(title, "step", "nats per character")
    for (label, losses), (color, style) in zip(curves.items(), styles):
        steps = range(1, losses.shape[1] + 1)
        axes.plot(steps, losses.T, color=color, alpha=0.3, lw=0.7)
        axes.plot(steps, losses.mean(axis=0), color=color, ls=style, lw=2, label=label)
    axes.legend(frameon=False)
    return figure
