"""Pictures of what is around the cell: the matrix product's rule, logits and probabilities, the gradient p - onehot,
letters that are alike, dropout, and a first training. Each returns a Figure."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course.pictures.cells import SIGNED, blank
from course.pictures.tunes import visible
from lstm.rendering.plots import BLUE, GREY, ORANGE, new_axes

SIDES = {"M": 1.6, "K": 1.1, "N": 2.2}  # how long each is drawn


def matrix_rule():
    """Rule 5 as boxes: y = x W, dx = dy W^T and dW = x^T dy, where sides that are multiplied over have one colour."""
    products = (
        ("y", "MN", "x", "MK", "W", "KN", "y = x W"),
        ("dx", "MK", "dy", "MN", "$W^T$", "NK", "dx = dy $W^T$"),
        ("dW", "KN", "$x^T$", "KM", "dy", "MN", "dW = $x^T$ dy"),
    )
    figure, axes = blank(9.5, 5.4, 15.8, 9.0)
    top = 8.6
    for out, of_out, left, of_left, right, of_right, equation in products:
        middle, x = top - 1.15, 3.4
        axes.text(0, middle, equation, va="center", size=13)
        for sign, name, (rows, columns) in (("", out, of_out), ("=", left, of_left), ("", right, of_right)):
            axes.text(x - 0.55, middle, sign, ha="center", va="center", size=14)
            x = matrix(axes, x, middle, name, rows, columns, shared=of_left[1]) + 1.5
        axes.text(x - 0.6, middle, f"summed over {of_left[1]}", va="center", size=10, color=ORANGE)
        top -= 3.0
    return figure


def matrix(axes, x, middle, name, rows, columns, shared):
    """A box with its sides named; the side `shared` is orange. Returns where it ends."""
    width, height = SIDES[columns], SIDES[rows]
    axes.add_patch(Rectangle((x, middle - height / 2), width, height, fc="#eef4f9", ec="black", lw=1))
    axes.text(x + width / 2, middle, name, ha="center", va="center", size=13)
    for side, at in ((rows, (x - 0.14, middle)), (columns, (x + width / 2, middle + height / 2 + 0.2))):
        axes.text(*at, side, ha="right" if side == rows and at[1] == middle else "center", va="center", size=10,
                  color=ORANGE if side == shared else GREY)
    return x + width


def logits_and_probabilities(places, shown=8):
    """What the network says after some texts: the largest logits at the left, the probabilities of the same characters.

    places: {text: (characters in order of the ids, logits (V,), probabilities (V,))}.
    """
    figure = Figure(figsize=(9, 2.1 * len(places)), layout="constrained")
    axes = figure.subplots(len(places), 2, squeeze=False)
    for (left, right), (text, (characters, logits, p)) in zip(axes, places.items()):
        best = np.argsort(-logits)[:shown]
        names = [visible(characters[k]) for k in best]
        left.bar(range(shown), logits[best], color=GREY)
        right.bar(range(shown), p[best], color=BLUE)
        for side in (left, right):
            side.set_xticks(range(shown), names, family="monospace", size=12)
            side.grid(axis="x", visible=False)
        left.set_ylabel(f"after {''.join(map(visible, text))}", size=9)
        left.axhline(0, color="black", lw=0.6)
        right.set_ylim(0, 1)
    axes[0, 0].set_title("logits")
    axes[0, 1].set_title("softmax: probabilities")
    return figure


def push(characters, gradient, target, shown=10):
    """p - onehot of one place, with the opposite sign, as bars: where a step of descent pushes each logit."""
    step = -gradient
    order = np.argsort(-np.abs(step))[:shown]
    figure, axes = new_axes(f"Where the logits are pushed, if {visible(characters[target])} came", "", "onehot - p")
    figure.set_size_inches(8, 3)
    axes.bar(range(shown), step[order], color=[BLUE if k == target else ORANGE for k in order],
             hatch=["" if k == target else "//" for k in order], ec="white")
    axes.set_xticks(range(shown), [visible(characters[k]) for k in order], family="monospace", size=13)
    axes.axhline(0, color="black", lw=0.8)
    axes.grid(visible=False)
    axes.annotate(f"all {len(step)} together: {abs(step.sum()):.4f}", (0.98, 0.9), xycoords="axes fraction", ha="right")
    return figure


def similar(characters, cosines):
    """How alike the vectors of some characters are: cosines (N, N), drawn as a square with the characters along it."""
    figure = Figure(figsize=(7.5, 6.5), layout="constrained")
    axes = figure.add_subplot(title="Which letters are alike to the cell")
    image = axes.imshow(cosines, cmap=SIGNED, vmin=-0.6, vmax=0.6, interpolation="nearest")
    names = [visible(character) for character in characters]
    axes.set_xticks(range(len(names)), names, family="monospace", size=9)
    axes.set_yticks(range(len(names)), names, family="monospace", size=9)
    axes.grid(visible=False)
    figure.colorbar(image, shrink=0.8, label="cosine")
    return figure


def dropped(before, after):
    """Some units of a layer's output over time, (T, H), without and with dropout."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for axes, values, title in zip(figure.subplots(1, 2), (before, after), ("x", "x after dropout, rate 0.4")):
        image = axes.imshow(values.T, cmap=SIGNED, vmin=-1.7, vmax=1.7, aspect="auto", interpolation="nearest")
        axes.set(title=title, xlabel="time step", ylabel="unit")
        axes.grid(visible=False)
    figure.colorbar(image, shrink=0.9)
    return figure


def first_training(curves, lines):
    """Losses by step. curves: {label: losses}; lines: {label: nats}, drawn across."""
    figure, axes = new_axes("The first steps", "steps", "nats per character of the batch")
    for (label, losses), (color, style) in zip(curves.items(), ((BLUE, "-"), (ORANGE, "--"))):
        axes.plot(range(1, len(losses) + 1), losses, color=color, ls=style, label=label)
    for label, nats in lines.items():
        axes.axhline(nats, color=GREY, ls=":", lw=1)
        axes.annotate(label, (len(losses), nats), (0, 2), textcoords="offset points", ha="right", color=GREY, size=9)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure
