"""Figures of notebook 11: the ladder, and the roofline."""

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
