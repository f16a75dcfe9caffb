"""The two figures: how many times as fast by size, and the roofline."""

import numpy as np

from benchmarks import targets
from benchmarks.cases import REFERENCE, SAMPLING
from benchmarks.roofline import BYTES
from benchmarks.rounds import median
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

PEERS = {"PyTorch": (BLUE, "o"), "Keras": (ORANGE, "s")}


def ratios_figure(results):
    """A dot for each case and peer, with the spread over the rounds; hollow with one thread, pale if disturbed."""
    figure, axes = new_axes("How many times as fast as each peer", "times as fast (median, with spread)", "")
    cases = [(suite, case) for suite in ("training", "sampling") for case in results.cases(suite)]
    labels = [case if suite == "training" else f"sampling,\n{case}" for suite, case in cases]
    for place, (suite, case) in enumerate(cases):
        for peer, (color, marker) in PEERS.items():
            for threads in results.threads(suite):
                values = results.ratios(suite, case, peer, "ours", threads)
                if values:
                    hollow = threads < results.threads(suite)[-1]
                    at = place + (0.12 if peer == "Keras" else -0.12) + (0.06 if hollow else -0.06)
                    spread = [[median(values) - min(values)], [max(values) - median(values)]]
                    pair = [results.find(suite, case, name, threads) for name in (peer, "ours")]
                    alpha = 0.25 if any(row.disturbed for row in pair) else 1
                    style = dict(fmt=marker, color=color, mfc="none" if hollow else color, capsize=2, alpha=alpha)
                    label = f"{peer}, {threads} thread{'s' * (threads > 1)}"
                    known = axes.get_legend_handles_labels()[1]
                    axes.errorbar(median(values), at, xerr=spread, label=None if label in known else label, **style)
    axes.axvline(1, color=GREY, ls=":")
    axes.set_xscale("log")
    least, most = axes.get_xlim()
    ticks = [t for t in (0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48) if least <= t <= most]
    axes.set_xticks(ticks, [f"{t:g}x" for t in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks(range(len(cases)), labels)
    axes.invert_yaxis()
    axes.legend(frameon=False)
    return figure


def peak_and_bandwidth(results):
    """(peak in FLOP/s, bandwidth in bytes/s): medians over the rounds of the best participant of each."""
    moved = [[BYTES[r.participant] / s for s in r.values] for r in results.rows if r.participant in BYTES]
    return median(targets.peak(results)), median([max(rates) for rates in zip(*moved)])


def points(results):
    """(label, color, marker, FLOP per byte, FLOP/s) of training and of sampling, as far as measured."""
    threads = results.threads("roofline")[-1]
    for name, (color, marker) in {"ours": (GREEN, "D"), "PyTorch": PEERS["PyTorch"]}.items():
        row = results.find("roofline", "reference", name, threads)
        if row:
            done = REFERENCE.flop() if name == "ours" else REFERENCE.flop(REFERENCE.T * REFERENCE.B)
            yield f"{name}: training", color, marker, done / REFERENCE.traffic, done / row.median
    for label, case in SAMPLING.items():
        row = results.find("sampling", label, "ours", threads)
        if row:
            done, moved = (amount / case.B for amount in case.sampling)
            yield f"ours: sampling, {label}", GREEN, "^v"[case.B > 1], done / moved, done / row.median


def roofline_figure(results):
    """The machine's two limits, and where our work lies under them."""
    title = "Roofline, the reference workload"
    figure, axes = new_axes(title, "floating-point operations per byte of memory traffic", "GFLOP/s")
    peak, bandwidth = peak_and_bandwidth(results)
    intensity = np.geomspace(0.2, 400, 200)
    axes.loglog(intensity, np.minimum(peak, bandwidth * intensity) / 1e9, color="black")
    offset = dict(textcoords="offset points", va="center")
    axes.annotate(f"np.matmul at best: {peak / 1e9:.0f} GFLOP/s", (400, peak / 1e9), (0, -10), ha="right", **offset)
    axes.annotate(f"memory: {bandwidth / 1e9:.0f} GB/s", (0.4, bandwidth * 0.4 / 1e9), (12, -6), **offset)
    for label, color, marker, at, rate in points(results):
        axes.plot(at, rate / 1e9, marker, color=color, ms=8, label=f"{label}, {rate / 1e9:.0f} GFLOP/s")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.legend(frameon=False, loc="lower right", title="above the slope: weights read from the cache")
    return figure
