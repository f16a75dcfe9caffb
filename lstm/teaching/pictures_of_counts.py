"""Figures of what counting finds: how often letters are, what comes next, and how well it can be predicted."""

import numpy as np
from matplotlib.figure import Figure

from lstm.plots import BLUE, GREEN, GREY, ORANGE, new_axes
from lstm.teaching.pictures_of_tunes import visible


def symbol_frequencies(counts):
    """How often each character is, the most frequent first, on a logarithmic scale.

    counts: {part of the text: {character: how often}}, up to three parts, each with a mark of its own.
    """
    figure, axes = new_axes("How often each character is", "", "times (logarithmic)")
    figure.set_size_inches(11, 3.6)
    total = {}
    for part in counts.values():
        for character, times in part.items():
            total[character] = total.get(character, 0) + times
    order = sorted(total, key=lambda character: (-total[character], character))
    for (name, part), color, mark in zip(counts.items(), (BLUE, ORANGE, GREEN), "osd"):
        places = [place for place, character in enumerate(order) if part.get(character)]
        axes.semilogy(places, [part[order[place]] for place in places], mark, color=color, ms=5, label=name)
    axes.set_xticks(range(len(order)), [visible(character) for character in order], family="monospace", size=8)
    axes.margins(x=0.01)
    axes.legend(frameon=False)
    return figure


def next_characters(after, most=12):
    """What may come next: a panel of bars for each text, the likeliest characters first.

    after: {text before: [(character, its probability), ...]}; the `most` likeliest are shown.
    """
    figure = Figure(figsize=(3.2 * len(after), 2.8), layout="constrained")
    panels = figure.subplots(1, len(after), sharey=True, squeeze=False)[0]
    for axes, (before, chances) in zip(panels, after.items()):
        likeliest = sorted(chances, key=lambda chance: -chance[1])[:most]
        axes.bar(range(len(likeliest)), [p for _, p in likeliest], color=BLUE)
        axes.set_xticks(range(len(likeliest)), [visible(character) for character, _ in likeliest], family="monospace")
        axes.set_title("".join(map(visible, before)), family="monospace", fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set(ylabel="probability", ylim=(0, 1))
    return figure


def n_gram_curve(orders, curves, lines):
    """Loss against how many characters an n-gram model looks back.

    curves: {label: nats per character, one for each order}, up to three; lines: {label: nats}, drawn across.
    """
    figure, axes = new_axes("Looking further back", "characters looked at", "nats per character")
    for (label, losses), color, style in zip(curves.items(), (ORANGE, BLUE, GREEN), ("s-", "o--", "d-.")):
        axes.plot(orders, losses, style, color=color, label=label)
    for label, nats in lines.items():
        axes.axhline(nats, color=GREY, ls=":", lw=1)
        axes.annotate(label, (max(orders), nats), (0, 3), textcoords="offset points", ha="right", color=GREY, size=8)
    axes.set_ylim(bottom=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


def header_and_music(losses):
    """Two bars for each model: what a character of a header costs, and one of the music.

    losses: things with `model`, `header` and `music` (nats per character), such as heldout.Loss.
    """
    figure, axes = new_axes("What a character costs, in headers and in music", "nats per character", "")
    places = np.arange(len(losses))
    axes.barh(places - 0.2, [loss.header for loss in losses], 0.36, color=ORANGE, label="header")
    axes.barh(places + 0.2, [loss.music for loss in losses], 0.36, color=BLUE, hatch="//", ec="white", label="music")
    axes.set_yticks(places, [loss.model for loss in losses])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    return figure
