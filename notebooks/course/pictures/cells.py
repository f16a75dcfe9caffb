"""Pictures of what goes on in a cell, drawn from live values. Each function returns a matplotlib Figure.

A `step` is what cell_step.py makes: {"f": 0.93, "c_before": -0.4, ...}, numbers of one unit at one time.
"""

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from course.pictures.tunes import visible
from lstm.rendering.plots import BLUE, GREEN, GREY, ORANGE, new_axes

STYLES = (BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (GREY, ":")
SIGNED = LinearSegmentedColormap.from_list("signed", (ORANGE, "white", BLUE))  # for numbers from -1 to 1


def blank(width, height, x, y):
    """A figure with nothing in it but room from (0, 0) to (x, y), as wide as high."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot(xlim=(0, x), ylim=(0, y), aspect="equal")
    axes.set_axis_off()
    return figure, axes


def wire(axes, points, color=GREY, width=1.2):
    """An arrow along some points, with corners where it turns."""
    x, y = zip(*points)
    axes.plot(x[:-1], y[:-1], color=color, lw=width, solid_capstyle="butt", zorder=1)
    style = {"arrowstyle": "-|>", "color": color, "lw": width, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", points[-1], points[-2], arrowprops=style, zorder=1)


def node(axes, at, text, round=True):
    """An operation: a circle for one of numbers with numbers, a box for a function or a gate."""
    shape = {"boxstyle": "circle,pad=0.3" if round else "round,pad=0.35", "fc": "white", "ec": "black"}
    axes.text(*at, text, ha="center", va="center", bbox=shape, zorder=3)


# -- networks over time


def unrolled(characters, h, following=None):
    """The network unrolled: the same cell at each character, the state handed on to the right.

    h: (T+1, H), the hidden state before the first character and after each: it is what the boxes are coloured with.
    following: what the network thinks comes next, a character for each.
    """
    T, H = len(characters), h.shape[1]
    top = 4 if following is None else 5
    figure, axes = blank(0.55 * (2 * T + 1.6), 0.55 * top, 2 * T + 1.6, top)
    for t, character in enumerate(characters):
        x = 2 * t + 1.6
        edges = np.linspace(1.4, 3.6, H + 1)
        axes.pcolormesh([x, x + 0.8], edges, h[t + 1][::-1, None], cmap=SIGNED, vmin=-1, vmax=1, zorder=2)
        axes.plot([x, x + 0.8, x + 0.8, x, x], [1.4, 1.4, 3.6, 3.6, 1.4], color="black", lw=1, zorder=3)
        wire(axes, [(x - (1.2 if t else 0.9), 2.5), (x, 2.5)])
        wire(axes, [(x + 0.4, 0.8), (x + 0.4, 1.4)])
        axes.text(x + 0.4, 0.4, visible(character), ha="center", va="center", family="monospace", size=13)
        if following is not None:
            wire(axes, [(x + 0.4, 3.6), (x + 0.4, 4.2)])
            axes.text(x + 0.4, 4.6, visible(following[t]), ha="center", va="center", family="monospace", size=13,
                      color=BLUE)
    axes.text(0.3, 2.5, "$h_0$", ha="center", va="center")
    axes.text(3, 2.75, "$U$", ha="center", color=GREY)
    axes.text(1.8, 1.0, "$W$", ha="right", color=GREY)
    return figure


def by_step(title, y_label, curves):
    """Lines over time steps. curves: {label: values, one for each step from 0}."""
    figure, axes = new_axes(title, "time steps", y_label)
    for (label, values), (color, style) in zip(curves.items(), STYLES):
        axes.plot(values, color=color, ls=style, lw=2, label=label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


def distributions(title, x_label, samples):
    """How often which value occurs, as outlines. samples: {label: values of any shape}, all from 0 to 1."""
    figure, axes = new_axes(title, x_label, "share of all values")
    bins = np.linspace(0, 1, 42)  # an odd number of bins, so that one half is the middle of one
    for (label, values), (color, style) in zip(samples.items(), STYLES):
        values = np.ravel(values)
        axes.hist(values, bins, weights=np.full(values.size, 1 / values.size), histtype="step", color=color, ls=style,
                  lw=2, label=label)
    axes.legend(frameon=False)
    return figure


# -- one cell


def flow(axes, value, points, at, name):
    """A wire that is as thick as its value is large, blue if it is positive and orange if negative, and its number."""
    color = BLUE if value >= 0 else ORANGE
    wire(axes, points, color, 0.8 + 3 * min(abs(value), 1.5))
    axes.text(*at, f"{name}\n{value:+.2f}", color=color, ha="center", va="center", size=10,
              bbox={"fc": "white", "ec": "none", "pad": 0.8}, zorder=2)


def cell_diagram(step, h_before, character=""):
    """The LSTM's diagram with the numbers of one unit in it. h_before: its hidden state before the step."""
    figure, axes = blank(8.4, 4.6, 12.6, 6.9)
    axes.fill([1.6, 11.4, 11.4, 1.6], [0.2, 0.2, 6.7, 6.7], color="0.95", zorder=0)
    wire(axes, [(1.4, 0.8), (8.0, 0.8), (8.0, 1.65)])
    for x, name in {2.9: "forget gate", 4.9: "input gate", 6.5: "candidate", 8.0: "output gate"}.items():
        wire(axes, [(x, 0.8), (x, 1.65)])
        axes.text(x, 0.45, name, ha="center", va="center", size=9)
    comes_in = f"$x_t$ = {visible(character)}\n$h_{{t-1}}$\n{h_before:+.2f}"
    axes.text(0.7, 0.8, comes_in, ha="center", va="center", size=10)

    flow(axes, step["c_before"], [(0.2, 5.7), (2.55, 5.7)], (0.8, 5.1), "$c_{t-1}$")
    flow(axes, step["f"], [(2.9, 2.3), (2.9, 5.35)], (2.9, 3.5), "$f_t$")
    flow(axes, step["kept"], [(3.25, 5.7), (6.15, 5.7)], (4.6, 5.7), "$f_t\\,c_{t-1}$")
    flow(axes, step["i"], [(4.9, 2.3), (4.9, 3.8), (6.15, 3.8)], (4.9, 3.1), "$i_t$")
    flow(axes, step["g"], [(6.5, 2.3), (6.5, 3.45)], (6.5, 2.85), "$g_t$")
    flow(axes, step["written"], [(6.5, 4.15), (6.5, 5.35)], (6.5, 4.7), "$i_t\\,g_t$")
    flow(axes, step["c"], [(6.85, 5.7), (12.4, 5.7)], (11.9, 5.1), "$c_t$")
    flow(axes, step["c"], [(10.3, 5.7), (10.3, 4.95)], (8.6, 5.7), "$c_t$")
    flow(axes, step["tanh_c"], [(10.3, 4.35), (10.3, 3.35)], (10.3, 3.85), "$\\tanh c_t$")
    flow(axes, step["o"], [(8.0, 2.3), (8.0, 3.0), (9.95, 3.0)], (9.0, 3.0), "$o_t$")
    flow(axes, step["h"], [(10.65, 3.0), (12.4, 3.0)], (11.9, 2.4), "$h_t$")

    for at, text in {(2.9, 5.7): "×", (6.5, 3.8): "×", (6.5, 5.7): "+", (10.3, 3.0): "×"}.items():
        node(axes, at, text)
    gates = {(2.9, 1.95): "sigmoid", (4.9, 1.95): "sigmoid", (6.5, 1.95): "tanh", (8.0, 1.95): "sigmoid"}
    for at, text in (gates | {(10.3, 4.65): "tanh"}).items():
        node(axes, at, text, round=False)
    return figure


STRIPS = {  # name of a value -> what stands beside its strip
    "f": "keep\n$f_t$", "i": "write\n$i_t$", "g": "what\n$g_t$",
    "c": "cell\n$c_t$", "o": "show\n$o_t$", "h": "out\n$h_t$",
}


def filmstrip(characters, steps, bar_line="|"):
    """One unit over some characters: a frame for each, with its gates, its cell and its output as bars.

    steps: a step for each character. In the strip of the cell a dash marks where it stood before the character.
    """
    figure = Figure(figsize=(0.36 * len(characters) + 1.6, 5.6), layout="constrained")
    panels = figure.subplots(len(STRIPS), 1, sharex=True)
    places = np.arange(len(characters))
    for axes, (name, label) in zip(panels, STRIPS.items()):
        values = np.array([step[name] for step in steps])
        axes.bar(places, values, 0.8, color=np.where(values >= 0, BLUE, ORANGE))
        reach = max(1.0, np.abs(values).max() * 1.05)
        gate = name in "ifo"
        axes.set(ylim=(0 if gate else -reach, reach), xlim=(-0.5, len(characters) - 0.5))
        axes.set_yticks([0, 1] if gate else [-int(reach), 0, int(reach)])
        axes.set_ylabel(label, rotation=0, ha="right", va="center")
        axes.set_xticks(places - 0.5, minor=True)
        axes.grid(axis="x", which="minor", color="0.8", lw=0.6)  # the edges of the frames
        axes.tick_params(axis="x", which="both", length=0)
        axes.spines[["top", "right"]].set_visible(False)
        axes.axhline(0, color="black", lw=0.6)
        for place in (place for place in places if characters[place] == bar_line):
            axes.axvspan(place - 0.5, place + 0.5, color="0.88", lw=0, zorder=0)
        if name == "c":
            axes.plot(places, [step["c_before"] for step in steps], "_", color="black", ms=9)
    panels[-1].set_xticks(places, [visible(character) for character in characters], family="monospace", size=12)
    return figure


NODES = {  # place -> what it does
    (0.4, 7.3): "$c_{t-1}$", (0.4, 5.7): "$z_f$", (0.4, 4.1): "$z_i$", (0.4, 2.5): "$z_g$", (0.4, 0.8): "$z_o$",
    (3.5, 5.7): "sigmoid", (3.5, 4.1): "sigmoid", (3.5, 2.5): "tanh", (3.5, 0.8): "sigmoid",
    (6.6, 5.7): "×", (6.6, 3.3): "×", (9.8, 5.7): "+", (12.4, 3.6): "tanh", (12.4, 0.8): "×",
    (15.2, 5.7): "$c_{t+1}$", (15.2, 0.8): "loss",
}
FORK = 12.4, 5.7  # where the new cell goes two ways
EDGES = [  # (the value that goes along, how it is written, its way)
    ("zf", "z_f", [(0.8, 5.7), (2.8, 5.7)]), ("zi", "z_i", [(0.8, 4.1), (2.8, 4.1)]),
    ("zg", "z_g", [(0.8, 2.5), (2.95, 2.5)]), ("zo", "z_o", [(0.8, 0.8), (2.8, 0.8)]),
    ("c_before", "c_{t-1}", [(0.95, 7.3), (6.6, 7.3), (6.6, 6.05)]), ("f", "f", [(4.2, 5.7), (6.25, 5.7)]),
    ("kept", "f\\, c_{t-1}", [(6.95, 5.7), (9.45, 5.7)]), ("i", "i", [(4.2, 4.1), (6.6, 4.1), (6.6, 3.65)]),
    ("g", "g", [(4.05, 2.5), (6.6, 2.5), (6.6, 2.95)]),
    ("written", "i\\, g", [(6.95, 3.3), (9.8, 3.3), (9.8, 5.35)]), ("c", "c", [(10.15, 5.7), FORK]),
    ("tanh_c", "\\tanh c", [(12.4, 3.25), (12.4, 1.15)]), ("o", "o", [(4.2, 0.8), (12.05, 0.8)]),
    ("h", "h", [(12.75, 0.8), (14.65, 0.8)]),
]


def step_graph(values, gradients=None, dc_next=0.0):
    """The computation graph of one step of one unit: on each edge the value, and beneath it the gradient that returns.

    values, gradients: {name: number} as cell_step.py names them; without gradients only the way there is drawn.
    dc_next: what comes back to the cell from the next step. Behind the fork each way has its own share of dc.
    """
    figure, axes = blank(10.5, 5.3, 16, 8)
    for name, sign, way in EDGES:
        edge(axes, way, sign, values[name], None if gradients is None else gradients[name])
    there = None if gradients is None else dc_next
    edge(axes, [FORK, (14.6, 5.7)], "c", values["c"], there)
    edge(axes, [FORK, (12.4, 3.95)], "c", values["c"], None if gradients is None else gradients["c"] - dc_next)
    axes.plot(*FORK, "o", color=GREY, ms=6)
    for at, text in NODES.items():
        node(axes, at, text, round=text in "×+")
    return figure


def edge(axes, way, sign, value, gradient):
    """The arrow of one value, with the value above and the gradient below; both at the right of one that goes down."""
    if way[-1] == FORK:
        axes.plot(*zip(*way), color=GREY, lw=1.2, zorder=1)  # it goes on
    else:
        wire(axes, way)
    (x0, y0), (x1, y1) = way[:2]
    across = y0 == y1
    x, y = ((x0 + x1) / 2, y0) if across else (x0 + 0.15, (y0 + y1) / 2)
    style = {"ha": "center" if across else "left", "size": 10.5, "zorder": 2}
    axes.text(x, y + 0.08, f"${sign}$ = {value:+.3f}", color=BLUE, va="bottom", **style)
    if gradient is not None:
        sign = f"({sign})" if " " in sign else sign
        axes.text(x, y - 0.1, f"$d{sign}$ = {gradient:+.3f}", color=ORANGE, va="top", style="italic", **style)


def two_checks(results, limits, titles):
    """What each of two checks measures for some cells, and how much it lets pass.

    results: {name of the cell: (error in the first check, error in the second)}; limits, titles: one for each check.
    """
    figure = Figure(figsize=(8.4, 0.5 * len(results) + 1.7), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for which, (axes, limit, title) in enumerate(zip(panels, limits, titles)):
        for row, (name, errors) in enumerate(results.items()):
            right = errors[which] <= limit
            error = max(errors[which], 1e-17)  # 0 has no place on the axis
            axes.semilogx(error, row, "o" if right else "X", color=BLUE if right else ORANGE, ms=11)
            axes.annotate("passes" if right else "FAILS", (error, row), (0, 9), textcoords="offset points", ha="center",
                          size=9)
        axes.axvline(limit, color=GREY, ls=":")
        axes.set(title=title, xlabel="worst error", xlim=(1e-18, 1e3), ylim=(len(results) - 0.5, -0.7))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="0.9")
    panels[0].set_yticks(range(len(results)), results)
    return figure
