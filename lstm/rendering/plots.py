"""Figures that the commands and the notebooks show. Each function returns a matplotlib Figure."""

import io
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lstm.io import InputError
from lstm.io.files import write_bytes

# Okabe & Ito's colours: told apart by colour-blind readers. Line styles differ too, for print in grey.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"


def save(figure, path):
    """Write a figure as the kind of picture its name says. Raises InputError for a kind that is not known."""
    kind, picture = Path(path).suffix.lstrip(".").lower(), io.BytesIO()
    kinds = figure.canvas.get_supported_filetypes()
    if kind not in kinds:
        raise InputError(f"{path} does not say what kind of picture it is to be; end it in .png or .svg")
    figure.savefig(picture, format=kind, dpi=120)
    write_bytes(path, picture.getvalue())


def new_axes(title, x_label, y_label):
    """A figure with one pair of axes, plain and light."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x_label, ylabel=y_label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.9")
    return figure, axes


def training_curves(history):
    """Training and validation loss by epoch, the best epoch marked. history: Records."""
    figure, axes = new_axes("Loss by epoch", "epoch", "nats per character")
    epochs = [record.epoch for record in history]
    axes.plot(epochs, [record.loss for record in history], color=BLUE, marker="o", label="training (with dropout)")
    held_out = [record for record in history if not math.isnan(record.val_loss)]
    if held_out:
        lowest = min(held_out, key=lambda record: record.val_loss)
        val_losses = [record.val_loss for record in held_out]
        axes.plot([r.epoch for r in held_out], val_losses, color=ORANGE, marker="s", ls="--", label="validation")
        label = f"best: {lowest.val_loss:.3f} in epoch {lowest.epoch}"
        axes.plot(lowest.epoch, lowest.val_loss, "o", ms=14, mfc="none", color=ORANGE, label=label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


def u_curve(steps, errors, limit):
    """Error of finite differences against the step h. errors: {label: worst relative errors, one for each step}."""
    figure, axes = new_axes("Finite differences against backpropagation", "step h", "worst relative error")
    for (label, values), color, marker in zip(errors.items(), (BLUE, ORANGE, GREEN), "osd"):
        axes.loglog(steps, values, color=color, marker=marker, label=label)
    axes.axhline(limit, color=GREY, ls=":")
    axes.annotate("accepted below", (steps[0], limit), (0, -12), textcoords="offset points", color=GREY)
    axes.legend(frameon=False)
    return figure


def size_sweep(losses, estimates):
    """Held-out loss against the size of the network. losses: {H: nats by seed}; estimates: {H: (value, low, high)}."""
    figure, axes = new_axes("Is larger better?", "units H", "nats per character, held out")
    places = range(len(losses))  # sizes may be neighbours
    for place, values in zip(places, losses.values()):
        label = "one seed each" if place == 0 else None
        axes.plot([place] * len(values), values, "o", color=BLUE, alpha=0.6, label=label)
    value, low, high = np.array([estimates[units] for units in losses]).T
    look = {"fmt": "s--", "mfc": "none", "color": ORANGE, "capsize": 4, "label": "mean, 95 % interval"}
    axes.errorbar(places, value, (value - low, high - value), **look)
    axes.set_xticks(places, [str(units) for units in losses])
    axes.legend(frameon=False)
    return figure


def against_temperature(quantities, curves, line):
    """Quantities of composed tunes against temperature, a panel for each, with their intervals.

    quantities: {name: (label of the y axis, factor to multiply with)}.
    curves: {who: {temperature: {name: (value, low, high)}}}.
    line: (who, {name: (value, low, high)}), what does not depend on a temperature, such as people's tunes.
    """
    figure = Figure(figsize=(3.4 * len(quantities), 3.9), layout="constrained")
    panels = figure.subplots(1, len(quantities), squeeze=False)[0]
    for axes, (name, (label, factor)) in zip(panels, quantities.items()):
        axes.set(title=name, xlabel="temperature", ylabel=label)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.9")
        for (who, points), color, style in zip(curves.items(), (BLUE, ORANGE, GREEN), ("o-", "s--", "d-.")):
            value, low, high = factor * np.array([figures[name] for figures in points.values()]).T
            lengths = value - low, high - value
            axes.errorbar(list(points), value, lengths, fmt=style, color=color, capsize=3, label=who)
        value, low, high = factor * np.array(line[1][name])
        axes.axhspan(low, high, color=GREY, alpha=0.2, lw=0)
        axes.axhline(value, color=GREY, ls=":", label=line[0])
        axes.set_ylim(bottom=-axes.get_ylim()[1] / 40)  # zero is in the picture, so that heights can be compared
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure
