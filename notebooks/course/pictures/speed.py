"""Figures of notebook 11: the ladder, the roofline, and a tile in registers."""

import matplotlib.pyplot as plt
import numpy as np


def ladder(seconds):
    """Seconds of each rung, {name: (rounds,)}, as medians with their quartiles, on a logarithmic scale."""
    figure, axes = plt.subplots(figsize=(8, 3.4), layout="constrained")
    low, middle, high = (np.array([np.percentile(one, q) for one in seconds.values()]) for q in (25, 50, 75))
    axes.errorbar(1e6 * middle, range(len(seconds)), xerr=1e6 * np.array((middle - low, high - middle)), fmt="o",
                  color="black", capsize=3)
    axes.set(xscale="log", xlabel="microseconds a time step: median and quartiles (less is better)")
    axes.set_yticks(range(len(seconds)), seconds)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    plt.close(figure)
    return figure


def roofline(peak, bandwidth, points):
    """The roof in GFLOP/s, and points {name: (operations a byte, operations a second)} below it."""
    figure, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
    x = np.logspace(-1, 3, 200)
    axes.plot(x, np.minimum(peak, x * bandwidth) / 1e9, color="black")
    for (name, (intensity, speed)), marker in zip(points.items(), "osD^vP*X"):
        axes.plot(intensity, speed / 1e9, marker, label=name)
    axes.set(xscale="log", yscale="log", xlabel="operations a byte", ylabel="GFLOP/s")
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)
    plt.close(figure)
    return figure


def tile(rows=4, columns=8):
    """The product as a sum of outer products: a column of h, a row of U, and the tile of z that stays in registers."""
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    ink, paper, orange, blue = "black", "white", "#e69f00", "#56b4e9"

    def grid(left, top, down, across, chosen, fill):
        for r in range(down):
            for c in range(across):
                color = fill if chosen(r, c) else paper
                axes.add_patch(plt.Rectangle((left + c, top - r), 1, -1, facecolor=color, edgecolor=ink, linewidth=0.6))

    grid(0, 0, rows + 2, 5, lambda r, c: c == 2 and r < rows, orange)
    grid(8, 7, 5, columns + 6, lambda r, c: r == 2 and c < columns, blue)
    grid(8, 0, rows + 2, columns + 6, lambda r, c: r < rows and c < columns, "#d9d9d9")
    axes.text(2.5, 0.4, "h (B, H): one number\nfor each row of the tile", ha="center", va="bottom")
    axes.text(8 + columns + 6.4, 4.5, "U (H, 4H): a row\nof it, loaded once", va="center")
    axes.text(8 + columns + 6.4, -3, "z (B, 4H): the tile\nstays in registers\nfor all of H", va="center")
    axes.set(xlim=(-1.5, 8 + columns + 13), ylim=(-rows - 2.5, 7.5), aspect="equal")
    axes.axis("off")
    plt.close(figure)
    return figure
