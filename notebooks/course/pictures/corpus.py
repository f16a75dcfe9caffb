"""Pictures of a corpus. Each returns a Figure."""

from collections import Counter

from matplotlib.figure import Figure

from course.pictures.tunes import visible
from lstm.rendering.plots import BLUE, ORANGE


def overview(texts):
    """How often each symbol stands in a text, commonest first, a panel for each. texts: {title: text}."""
    figure = Figure(figsize=(11, 2.5 * len(texts)), layout="constrained")
    panels = figure.subplots(len(texts), squeeze=False)[:, 0]
    for axes, (title, text), color in zip(panels, texts.items(), (BLUE, ORANGE)):
        counts = Counter(text).most_common()
        axes.bar(range(len(counts)), [count for _, count in counts], color=color)
        axes.set_xticks(range(len(counts)), [visible(symbol) for symbol, _ in counts], family="monospace", size=7)
        axes.set(title=f"{title}: {len(text):,} characters, {len(counts)} different", ylabel="times", yscale="log")
        axes.set_xlim(-1, len(counts))
        axes.spines[["top", "right"]].set_visible(False)
    return figure
