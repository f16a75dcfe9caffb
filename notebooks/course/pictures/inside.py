"""Pictures of what the cells of a network hold, and of what happens without them. Each returns a Figure."""

import numpy as np
from matplotlib.figure import Figure

from course.pictures.tunes import visible
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

STYLES = (BLUE, "-"), (ORANGE, "--"), (GREEN, "-.")


def gramians(matrices, parts):
    """The state beside itself, a panel for each. matrices: {title: (T, T)}; parts: [(place, what is written there)]."""
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    panels = figure.subplots(1, len(matrices))
    for axes, (title, matrix) in zip(panels, matrices.items()):
        steps = np.round(16 * matrix) / 16  # few colours make a small file
        shown = axes.imshow(steps, vmin=0, vmax=1, cmap="magma_r", interpolation="nearest")
        places = [place for place, _ in parts]
        for place in places[1:]:
            axes.axhline(place - 0.5, color="black", lw=0.5)
            axes.axvline(place - 0.5, color="black", lw=0.5)
        middles = [(a + b) / 2 for a, b in zip(places, [*places[1:], len(matrix)])]
        axes.set_yticks(middles, [text[:24] for _, text in parts], family="monospace", size=7)
        axes.set_xticks(middles, ["header", *(f"line {n}" for n in range(1, len(parts)))], rotation=60, size=8)
        axes.tick_params(length=0)
        axes.set_title(title)
    figure.colorbar(shown, ax=panels, label="cosine (below 0 as pale as 0)", shrink=0.6)
    return figure


def ranked(information, chance, most):
    """How much the units tell, the best first, a panel for each thing to know.

    information: {name: {layer: nats (H,)}}; chance: {name: nats of the best of all by chance}; most: {name: entropy}.
    """
    figure = Figure(figsize=(9.5, 5.2), layout="constrained")
    for axes, (name, of_layers) in zip(figure.subplots(2, 2).ravel(), information.items()):
        for (layer, nats), (color, style) in zip(of_layers.items(), STYLES):
            axes.plot(np.arange(1, len(nats) + 1), np.sort(nats)[::-1], style, color=color, lw=2, label=layer)
        axes.axhline(chance[name], color="black", ls=":", label="the best of all by chance")
        axes.axhline(most[name], color=GREY, lw=1, label="all there is to know")
        axes.set(title=name, xscale="log", xlabel="rank of the unit", ylabel="nats", ylim=(0, 1.05 * most[name]))
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False, fontsize="small")
    return figure


def probes(shares, usual):
    """What probes say rightly. shares: {name: {read from: (share, its control)}}; usual: {name: the majority's}."""
    figure, axes = new_axes("What a linear probe reads, on tunes that it never saw", "", "share that is right")
    figure.set_size_inches(9, 4)
    sources = list(next(iter(shares.values())))
    for n, (source, (color, hatch)) in enumerate(zip(sources, ((GREY, ""), (BLUE, "//"), (ORANGE, "xx")))):
        places = np.arange(len(shares)) + 0.26 * (n - 1)
        values, controls = zip(*(of[source] for of in shares.values()))
        axes.bar(places, values, 0.24, color=color, hatch=hatch, ec="white", label=source)
        axes.plot(places, controls, "k_", ms=11, mew=2, label="its control" if n == 0 else None)
    for n, name in enumerate(shares):
        axes.plot([n - 0.42, n + 0.42], [usual[name]] * 2, color=GREEN, ls=":", lw=2,
                  label="always the commonest" if n == 0 else None)
    axes.set_xticks(range(len(shares)), list(shares))
    axes.set_ylim(0, 1.02)
    axes.set_axisbelow(True)
    figure.legend(loc="outside right", frameon=False, fontsize="small")
    return figure


def under_the_notes(text, rows):
    """Units under a text, a strip for each: darker blue is higher, darker orange lower. rows: {name: values (T,)}."""
    figure = Figure(figsize=(13, 0.62 * len(rows) + 0.7), layout="constrained")
    for n, (axes, (name, values)) in enumerate(zip(figure.subplots(len(rows), 1, sharex=True), rows.items())):
        most = np.abs(values).max()
        axes.imshow(values[None], aspect="auto", cmap="PuOr", vmin=-most, vmax=most, interpolation="nearest")
        axes.set_yticks([0], [name], size=9)
        axes.tick_params(left=False, bottom=False)
        for at in (at for at, one in enumerate(text) if one == "|"):
            axes.axvline(at, color="black", lw=0.5, alpha=0.5)
        axes.spines[:].set_visible(False)
    axes.set_xticks(range(len(text)), [visible(one) for one in text], family="monospace", size=7)
    return figure


def dose(curve, titles):
    """What groups of units cost by their size, a panel for each kind of character. curve: an inside.Curve."""
    figure = Figure(figsize=(12, 3.9), layout="constrained")
    panels = figure.subplots(1, len(titles), sharey=True)
    sizes = list(curve.ranked)
    for axes, (kind, title) in zip(panels, titles.items()):
        values, low, high = np.array([curve.ranked[size][kind] for size in sizes]).T
        chance = np.array([curve.chance[size][kind] for size in sizes])  # (sizes, draws)
        axes.fill_between(sizes, low, high, color=BLUE, alpha=0.2, lw=0)
        axes.plot(sizes, values, "o-", color=BLUE, label="the best of the ranking, and 95 %")
        axes.plot(sizes, chance, "x", color=ORANGE, label=["units taken by chance", *[None] * (chance.shape[1] - 1)])
        axes.set_xscale("log")
        axes.set_xticks(sizes, sizes)
        axes.minorticks_off()
        axes.set(title=title, xlabel="units silenced")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9")
    panels[0].set_ylabel("more nats per character")
    panels[0].legend(frameon=False, fontsize="small", loc="upper left")
    return figure


def groups(damage, kinds):
    """A table of groups and what is asked, darker where more is lost. damage: {group: {kind: Estimate}}."""
    figure = Figure(figsize=(9.8, 0.55 * len(damage) + 1.1), layout="constrained")
    axes = figure.add_subplot()
    values = np.array([[of[kind].value for kind in kinds] for of in damage.values()])
    axes.imshow(np.sqrt(values.clip(0)), cmap="Blues", vmin=0, vmax=2, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        low, high = list(damage.values())[row][kinds[column]][1:]
        axes.text(column, row, f"{value:+.2f}  ({low:+.2f} .. {high:+.2f})", ha="center", va="center", size=9,
                  color="white" if value > 1.2 else "black")
    axes.set_xticks(range(len(kinds)), [f"at a {kind}" for kind in kinds])
    axes.set_yticks(range(len(damage)), list(damage))
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def switch(values, curves, own):
    """The probability of a colon while a unit is held at a value.

    values: (n,); curves: {label: n Estimates}; own: {label: the mean of the unit there when it is left alone}.
    """
    figure, axes = new_axes("One unit held at a value: does :| come?", "value that the unit's output is held at",
                            "probability of a colon")
    figure.set_size_inches(8, 4.2)
    for (label, estimates), (color, style) in zip(curves.items(), STYLES):
        middle, low, high = np.array(estimates).T
        axes.fill_between(values, low, high, color=color, alpha=0.2, lw=0)
        axes.plot(values, middle, "o" + style, color=color, label=label)
        axes.axvline(own[label], color=color, ls=":", lw=1.5)
    axes.set_ylim(-0.02, 1.02)
    axes.legend(frameon=False)
    return figure


def directions(singular, characters, rows, shown=11):
    """Singular values, and the characters at both ends of the first directions. rows: (directions, V)."""
    figure = Figure(figsize=(12, 3), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 2.3))
    left.plot(np.arange(1, len(singular) + 1), singular, "o-", color=BLUE, ms=3)
    left.set(title="82 singular values", xlabel="direction", ylim=(0, None))
    left.spines[["top", "right"]].set_visible(False)
    right.set_title("who is at its two ends", size=11)
    for n, row in enumerate(rows):
        order = np.argsort(row)
        for at, ends, color in ((0.02, order[:shown], ORANGE), (0.55, order[::-1][:shown], BLUE)):
            text = " ".join(visible(characters[k]) for k in ends)
            right.text(at, -n, text, family="monospace", size=12, color=color, va="center")
        right.text(-0.03, -n, f"{n + 1}", ha="right", va="center")
    right.set(xlim=(-0.06, 1.05), ylim=(0.6 - len(rows), 0.6))
    right.set_axis_off()
    return figure
