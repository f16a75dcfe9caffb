"""Figures of tunes and of their letters: as notes, as a split into two parts, and by what each letter costs."""

import numpy as np
from matplotlib.figure import Figure

from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

SIGNS = {"\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", " ": "\N{OPEN BOX}"}  # letters that leave no ink


def visible(character):
    """The character, or a sign for one that cannot be seen."""
    return SIGNS.get(character, character)


def piano_rolls(tunes):
    """A panel of notes for each tune: time to the right, pitch upwards. tunes: {title: Notes of `music.notes`}."""
    figure = Figure(figsize=(7, 1.6 * len(tunes) + 0.4), layout="constrained")
    panels = figure.subplots(len(tunes), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, notes) in zip(panels, tunes.items()):
        starts, pitches = [note.start for note in notes], [note.pitch for note in notes]
        axes.barh(pitches, [note.end - note.start for note in notes], left=starts, height=0.9, color=BLUE)
        axes.set_title(title, loc="left", fontsize="medium")
        axes.set_yticks(range(48, 97, 12), ["C3", "C4", "C5", "C6", "C7"])
        axes.set_ylim(min(pitches, default=60) - 2, max(pitches, default=72) + 2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9")
        axes.set_axisbelow(True)
    panels[-1].set_xlabel("seconds")
    figure.supylabel("pitch", fontsize="medium")
    return figure


def strips(length, edges, splits):
    """A text as a strip for each way to split it: tunes in two shades of grey, what is held out in orange.

    length: characters shown; edges: where tunes begin; splits: {name: held-out spans [(start, end)]}.
    """
    figure = Figure(figsize=(7, 0.9 * len(splits) + 0.9), layout="constrained")
    axes = figure.add_subplot()
    edges = [edge for edge in edges if edge < length] + [length]
    tunes = [(start, end - start) for start, end in zip(edges, edges[1:])]
    for row, spans in enumerate(splits.values()):
        axes.broken_barh(tunes, (row - 0.4, 0.8), color=["0.85", "0.7"])
        shown = [(start, min(end, length) - start) for start, end in spans if start < length]
        axes.broken_barh(shown, (row - 0.3, 0.6), color=ORANGE, hatch="//", edgecolor="white")
    axes.set_yticks(range(len(splits)), splits)
    axes.invert_yaxis()
    axes.set(xlim=(0, length), xlabel="characters of the text")
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def letters_with_costs(text, costs, darkest):
    """A text, each letter shaded by its cost in nats: a panel for each model.

    costs: {model: nats of each character (len(text),)}; NaN for one that was not predicted.
    darkest: nats from which on it gets no darker.
    """
    cells = cells_of(text)
    rows, columns = cells[-1][0] + 1, 1 + max(column for _, column in cells)
    figure = Figure(figsize=(0.135 * columns + 1.2, (0.22 * rows + 0.4) * len(costs)), layout="constrained")
    panels = figure.subplots(len(costs), 1, squeeze=False)[:, 0]
    for axes, (model, nats) in zip(panels, costs.items()):
        ground = np.full((rows, columns), np.nan)
        for (row, column), character, cost in zip(cells, text, nats):
            ground[row, column] = cost
            ink = "white" if cost > darkest / 2 else "black"
            ink = GREY if character in SIGNS and ink == "black" else ink
            axes.text(column, row, visible(character), color=ink, ha="center", va="center", family="monospace", size=8)
        image = axes.imshow(ground, cmap="Blues", vmin=0, vmax=darkest, aspect="auto")
        axes.set_title(model, loc="left", fontsize="medium")
        axes.axis("off")
    figure.colorbar(image, ax=list(panels), label="nats", shrink=0.8, extend="max")
    return figure


def cells_of(text):
    """(row, column) of each character; an end of line stands at its line's end."""
    cells, row, column = [], 0, 0
    for character in text:
        cells.append((row, column))
        row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
    return cells


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


def bars_against_temperature(network, people):
    """The share of bars that fit: of the network's tunes against temperature, and of people's as a band.

    network: {temperature: (value, low, high)}; people: (value, low, high). The axis begins near the lowest of them.
    """
    figure, axes = new_axes("Bars that are as long as the meter asks", "temperature", "% of all bars")
    value, low, high = 100 * np.array(list(network.values())).T
    axes.errorbar(list(network), value, (value - low, high - value), fmt="o-", color=BLUE, capsize=4,
                  label="the network")
    middle, least, most = 100 * np.array(people)
    axes.axhspan(least, most, color=ORANGE, alpha=0.25, lw=0)
    axes.axhline(middle, color=ORANGE, ls="--", label="people", zorder=1)
    axes.set_ylim(5 * np.floor(min(least, low.min()) / 5), 101)
    axes.set_xticks(list(network))
    axes.legend(frameon=False, loc="lower left")
    return figure
