"""Pictures of one network in several libraries: layouts, agreement, padding, slopes by lag. Each returns a Figure."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course.pictures.cells import by_step
from course.pictures.tunes import visible
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

__all__ = "agreement", "by_lag", "by_step", "layouts", "padding"

LAYOUTS = {  # title -> the order of the gates, their names there, whether the kernel is transposed
    "here: kernel (E, 4H)": ("ifgo", "ifgo", False),
    "Keras: kernel (E, 4H)": ("ifgo", "ifco", False),
    "PyTorch: weight_ih (4H, E)": ("ifgo", "ifgo", True),
    "ONNX: W (1, 4H, E)": ("iofg", "iofc", True),
}
SHADES = {"i": "#9ecae1", "f": "#0072B2", "g": "#009E73", "o": "#cccccc"}
EXACT = 1e-17  # where a difference of 0 is drawn on a logarithmic axis


def layouts(kernel, marked=(1, 2)):
    """The kernel (E, 4H) as libraries store it. marked: an input, and a unit whose forget gate is marked."""
    E, H = len(kernel), kernel.shape[1] // 4
    figure = Figure(figsize=(9.5, 5.6), layout="constrained")
    across, upright = figure.subfigures(1, 2, width_ratios=[1.5, 1])
    panels = [*across.subplots(2, 1), *upright.subplots(1, 2)]
    size = np.abs(kernel) / np.abs(kernel).max()  # (E, 4H)
    for axes, (title, (order, names, turned)) in zip(panels, LAYOUTS.items()):
        for n, (gate, name) in enumerate(zip(order, names)):
            for e in range(E):
                for unit in range(H):
                    share = size[e, "ifgo".index(gate) * H + unit]
                    at = (e, n * H + unit) if turned else (n * H + unit, e)
                    axes.add_patch(Rectangle(at, 1, 1, fc=SHADES[gate], ec="white", lw=0.4, alpha=0.3 + 0.7 * share))
                    if gate == "f" and (e, unit) == marked:
                        axes.add_patch(Rectangle(at, 1, 1, fc=ORANGE, ec="black", lw=1.2, zorder=3))
            middle = n * H + H / 2
            axes.text(*((-0.4, middle) if turned else (middle, -0.3)), name, size=12, family="monospace",
                      ha="right" if turned else "center", va="center" if turned else "bottom")
            if n:
                (axes.axhline if turned else axes.axvline)(n * H, color="black", lw=1)
        wide, high = (E, 4 * H) if turned else (4 * H, E)
        axes.set(xlim=(-1.4 * turned, wide), ylim=(high, -1.4 * (not turned)), xticks=[], yticks=[], aspect="equal")
        axes.set_title(title, size=10, pad=8)
        axes.spines[:].set_visible(False)
    return figure


def agreement(apart):
    """How far gradients are from ours. apart: {library: {array: largest relative difference}}."""
    figure, axes = new_axes("Every gradient, ours against theirs", "largest difference, as a share", "")
    figure.set_size_inches(8, 4)
    for n, ((library, rows), color, marker) in enumerate(zip(apart.items(), (BLUE, ORANGE), "os")):
        values = np.maximum(list(rows.values()), EXACT)
        axes.plot(values, np.arange(len(rows)) + 0.2 * n - 0.1, marker, color=color, ms=7, label=library)
        axes.set_yticks(range(len(rows)), rows)
    axes.axvline(1e-12, color=GREY, ls="--")
    axes.text(1.4e-12, 0, "12 digits", color=GREY, va="center")
    axes.set(xscale="log", xlim=(EXACT / 2, 1e-2))
    axes.invert_yaxis()
    axes.legend(frameon=False)
    return figure


def padding(texts, nats, mask):
    """The loss of each place of a batch that was filled up. nats and mask (T, B); a text's first character is read."""
    T, B = nats.shape
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    axes = figure.add_subplot()
    image = axes.pcolormesh(nats.T, cmap="Blues", vmin=0, ec="white", lw=1)
    for b, text in enumerate(texts):
        for t in range(T):
            if mask[t, b]:
                dark = nats[t, b] > 0.6 * nats.max()
                axes.text(t + 0.5, b + 0.5, visible(text[t + 1]), ha="center", va="center", family="monospace", size=12,
                          color="white" if dark else "black")
            else:
                axes.add_patch(Rectangle((t, b), 1, 1, fill=False, hatch="///", ec=ORANGE, lw=0))
    axes.set(title="What each place of the batch costs (hatched: filled in)", xlabel="time steps", ylabel="texts",
             xticks=[], yticks=[], ylim=(B, 0))
    figure.colorbar(image, ax=axes, label="nats")
    return figure


def by_lag(slopes):
    """Slopes of the last output by the input so many steps before it. slopes: {what: (T,), from lag 0}."""
    figure, axes = new_axes("How the last output hangs on an input", "lag, steps", "norm of the slope")
    for (what, values), color, style in zip(slopes.items(), (BLUE, ORANGE, GREEN), ("-", "--", "-.")):
        axes.semilogy(values, color=color, ls=style, lw=2, label=what)
    axes.legend(frameon=False)
    return figure
