"""Pictures of optimizers at work. Each function returns a matplotlib Figure."""

import numpy as np
from matplotlib.figure import Figure

from course.pictures.through_time import PURPLE
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

# Of SGD, momentum, RMSProp and Adam where all are drawn, in the colours of pictures_of_time.runs.
STYLES = ((ORANGE, "--", "o"), (GREEN, "-.", "d"), (BLUE, "-", "s"), (PURPLE, (0, (1, 1)), "v"))


def paths(panels):
    """Where optimizers go on landscapes, a panel each. panels: {title: (landscape, {label: places (steps + 1, 2)})}."""
    figure = Figure(figsize=(5 * len(panels), 4.6), layout="constrained")
    drawn = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, (landscape, places)) in zip(drawn, panels.items()):
        draw_ways(axes, landscape, zip(places, places.values(), STYLES))
        axes.set_title(title)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure


def path_grid(rows):
    """The same with a panel for each optimizer, and a row for each landscape. rows as the panels of `paths`."""
    columns = max(len(places) for _, places in rows.values())
    figure = Figure(figsize=(2.9 * columns, 3.1 * len(rows)), layout="constrained")
    for drawn, (title, (landscape, places)) in zip(figure.subplots(len(rows), columns, squeeze=False), rows.items()):
        drawn[0].set_ylabel(title)
        for axes, (label, way), style in zip(drawn, places.items(), STYLES):
            draw_ways(axes, landscape, [(label, way, style)])
            axes.set_title(label)
            axes.set(xticks=[], yticks=[])
    return figure


def draw_ways(axes, landscape, ways):
    """Lines of equal height, the lowest point a star, and ways on them. ways: (label, places, style) each."""
    ways = list(ways)
    contours(axes, landscape, reach=1.15 * max(np.abs(way[0]).max() for _, way, _ in ways))
    for label, way, (color, style, marker) in ways:
        axes.plot(*way.T, color=color, ls=style, marker=marker, ms=3, lw=1.5, label=label)
    axes.plot(0, 0, "*", color="black", ms=12)


def contours(axes, landscape, reach):
    """Lines of equal height within `reach` of the lowest point."""
    x = np.linspace(-reach, reach, 121)
    grid = np.stack(np.meshgrid(x, x), axis=-1)  # (121, 121, 2)
    height = landscape.height(grid)
    levels = height.max() * np.array([0.0005, 0.003, 0.01, 0.03, 0.08, 0.18, 0.35, 0.6, 0.9])
    axes.contour(x, x, height, levels, colors="0.75", linewidths=0.8)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def moments(gradients, raw, corrected):
    """The gradients of one number, and the running mean of them with and without its correction, by step."""
    figure, axes = new_axes("A running mean that starts at zero", "step t", "gradient")
    steps = range(1, len(gradients) + 1)
    axes.plot(steps, gradients, ".", color=GREY, label="g, the gradient of each batch")
    axes.axhline(np.mean(gradients), color=GREY, ls=":", label="their mean")
    axes.plot(steps, raw, color=ORANGE, ls="--", lw=2, label="m, started at zero")
    axes.plot(steps, corrected, color=BLUE, lw=2, label=r"m / (1 - $\beta_1^t$)")
    axes.legend(frameon=False)
    return figure


def ratios(panels, usual=1e-3):
    """Updates as shares of the weights, a panel for each optimizer. panels: {title: {array: shares by step}}."""
    figure = Figure(figsize=(5 * len(panels), 4.2), layout="constrained")
    drawn = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    colors = (BLUE, ORANGE, GREEN, PURPLE, "black", "#56B4E9", "#E69F00")
    styles = ("-", "--", "-.", ":")
    for axes, (title, curves) in zip(drawn, panels.items()):
        for n, (name, shares) in enumerate(curves.items()):
            steps = range(1, len(shares) + 1)
            axes.semilogy(steps, shares, color=colors[n % len(colors)], ls=styles[n % len(styles)], label=name)
        axes.axhline(usual, color=GREY, lw=0.8)
        axes.set(title=title, xlabel="step")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9")
    drawn[0].set_ylabel("length of update / of weights")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def range_tests(tests, chosen=()):
    """Loss against a learning rate that grows at each step. tests: {label: (rates, losses)}; chosen: {label: rate}.

    Of two, the first is drawn like SGD elsewhere, and the second like Adam.
    """
    title = "Learning-rate range test"
    figure, axes = new_axes(title, "learning rate", "nats per character, of one batch")
    for (label, (rates, losses)), (color, style, _) in zip(tests.items(), STYLES[::3]):
        axes.semilogx(rates[: len(losses)], losses, color=color, ls=style, lw=2, label=label)
        if label in chosen:
            axes.axvline(chosen[label], color=color, ls=":", lw=1)
            axes.annotate(f"{chosen[label]:.1g}", (chosen[label], axes.get_ylim()[0]), (3, 3), color=color,
                          textcoords="offset points")
    axes.legend(frameon=False)
    return figure
