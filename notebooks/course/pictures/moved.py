"""Pictures that sliders move: each is a function of the sliders' values, and is drawn in about a tenth of a second.

No layout is sought, as in the other pictures, because that takes as long as all of the drawing.
"""

import numpy as np
from matplotlib.figure import Figure

from course.pictures.cells import cell_diagram
from course.pictures.tunes import visible
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE


def plain_axes(figure, place, **settings):
    """Axes at a place of the figure, (left, bottom, width, height), as light as those of other pictures."""
    axes = figure.add_axes(place, **settings)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(color="0.9")
    return axes


def cell_and_gradients(step, gradients):
    """The diagram of a step, and below it the gradients that return, as bars.

    step: see cells.py. gradients: {what it is the gradient of: number}.
    """
    figure = cell_diagram(step, 0.0)
    what_comes_in = next(text for text in figure.axes[0].texts if "$x_t$" in text.get_text())
    what_comes_in.set_text("here: from\nthe sliders")
    figure.set_layout_engine("none")
    figure.set_size_inches(8.4, 6.4)
    figure.axes[0].set_position((0, 0.3, 1, 0.7))
    axes = plain_axes(figure, (0.1, 0.07, 0.87, 0.19), ylim=(-1.15, 1.15))
    values = list(gradients.values())
    axes.bar(range(len(values)), values, 0.6, color=[BLUE if value >= 0 else ORANGE for value in values])
    for place, value in enumerate(values):
        axes.annotate(f"{value:+.3f}", (place, value), (0, 3 if value >= 0 else -3), textcoords="offset points",
                      ha="center", va="bottom" if value >= 0 else "top", size=9)
    axes.set_xticks(range(len(values)), gradients, size=11)
    axes.axhline(0, color="black", lw=0.6)
    axes.set_title("what comes back, if the loss rises by 1 for each 1 that $h_t$ rises", size=10)
    return figure


def memory(bias, by_formula, measured, half_life):
    """The share of a gradient by lag, on a logarithmic scale. by_formula, measured: (lags,)."""
    figure, lags = Figure(figsize=(7, 4.2)), range(len(by_formula))
    axes = plain_axes(figure, (0.11, 0.22, 0.86, 0.7), xlabel="steps back", ylabel="share of the gradient",
                      yscale="log", ylim=(1e-6, 2), xlim=(0, lags[-1]))
    axes.plot(lags, by_formula, color=BLUE, lw=2, label="the cell alone: $\\sigma(b)^n$")
    axes.plot(lags, measured, color=ORANGE, ls="--", lw=2, label="measured in new LSTMs, $h$ and $c$ together")
    axes.axhline(0.5, color=GREY, ls=":", lw=1)
    if half_life <= lags[-1]:
        axes.plot(half_life, 0.5, "o", color=GREEN, ms=9)
    stands = f"the gate is at {by_formula[1]:.3f}, half is left after {half_life:.1f} steps"
    axes.set_title(f"forget bias {bias:g}: {stands}", size=11)
    figure.legend(frameon=False, loc="lower center", ncols=2)
    return figure


def what_may_follow(before, characters, p, plain, continuation, shown=12):
    """The likeliest characters after a text, as bars, and how a text goes on that is drawn from them.

    p (V,): what is drawn from; plain (V,): as the network says it.
    """
    figure, order = Figure(figsize=(8.4, 4.2)), np.argsort(-plain, kind="stable")[:shown]
    places = np.arange(len(order))
    axes = plain_axes(figure, (0.09, 0.3, 0.88, 0.6), ylim=(0, 1.02), ylabel="probability")
    axes.bar(places - 0.2, plain[order], 0.38, color="0.75", label="as the network says it")
    axes.bar(places + 0.2, p[order], 0.38, color=BLUE, label="what is drawn from")
    axes.set_xticks(places, [visible(characters[k]) for k in order], family="monospace", size=13)
    likely = p[p > 0]
    choices = np.exp(-(likely * np.log(likely)).sum())
    axes.set_title(f"{len(likely)} of {len(p)} characters may come; as open as {choices:.1f} alike ones", size=11)
    axes.legend(frameon=False)
    style = {"family": "monospace", "size": 11, "va": "center"}
    figure.text(0.03, 0.14, "".join(map(visible, before)), color=GREY, **style)
    figure.text(0.03, 0.06, "".join(map(visible, continuation)), color=BLUE, **style)
    return figure
