"""Pictures of the way back: the graph of one step with its gradients, and what two checks say of some cells."""

from matplotlib.figure import Figure

from lstm.plots import BLUE, GREY, ORANGE
from lstm.teaching.pictures_of_cells import blank, node, wire

NODES = {  # name -> (place, what it does)
    "zf": ((0.3, 6.3), "$z_f$"), "zi": ((0.3, 4.6), "$z_i$"), "zg": ((0.3, 2.9), "$z_g$"), "zo": ((0.3, 1.0), "$z_o$"),
    "c_before": ((3.2, 7.9), "$c_{t-1}$"),
    "f": ((3.2, 6.3), "sigmoid"), "i": ((3.2, 4.6), "sigmoid"), "g": ((3.2, 2.9), "tanh"), "o": ((3.2, 1.0), "sigmoid"),
    "kept": ((6.4, 6.3), "×"), "written": ((6.4, 3.75), "×"), "c": ((9.0, 6.3), "+"), "tanh_c": ((11.6, 3.75), "tanh"),
    "h": ((11.6, 1.0), "×"), "next": ((14.2, 6.3), "$c_{t+1}$"), "out": ((14.2, 1.0), "loss"),
}
EDGES = [  # (the value that goes along, how it is written, from, to)
    ("zf", "z_f", "zf", "f"), ("zi", "z_i", "zi", "i"), ("zg", "z_g", "zg", "g"), ("zo", "z_o", "zo", "o"),
    ("c_before", "c_{t-1}", "c_before", "kept"), ("f", "f", "f", "kept"), ("kept", "f\\, c_{t-1}", "kept", "c"),
    ("i", "i", "i", "written"), ("g", "g", "g", "written"), ("written", "i\\, g", "written", "c"),
    ("c", "c", "c", "tanh_c"), ("tanh_c", "\\tanh c", "tanh_c", "h"), ("o", "o", "o", "h"), ("h", "h", "h", "out"),
]


def step_graph(values, gradients=None, dc_next=0.0):
    """The computation graph of one step of one unit: on each edge the value, and beneath it the gradient that returns.

    values, gradients: {name: number} as step.py names them; without gradients only the way there is drawn.
    dc_next: what comes back to the cell from the next step. Where the cell goes two ways, each has its own share of dc.
    """
    back = dict.fromkeys(values) if gradients is None else gradients | {"c": gradients["c"] - dc_next}
    figure, axes = blank(10.5, 6.2, 14.8, 8.7)
    for name, sign, start, end in EDGES:
        _edge(axes, start, end, sign, values[name], back[name])
    _edge(axes, "c", "next", "c", values["c"], None if gradients is None else dc_next)
    if gradients is not None:
        x, y = NODES["c"][0]
        total = f"$dc$ = {gradients['c']:+.3f}\nin all"
        axes.text(x, y + 0.45, total, color=ORANGE, ha="center", style="italic", size=9.5)
    for at, text in NODES.values():
        node(axes, at, text, round=text in "×+")
    return figure


def _edge(axes, start, end, sign, value, gradient):
    """The arrow of one value, with the value above and the gradient below."""
    (x0, y0), (x1, y1) = NODES[start][0], NODES[end][0]
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    room = 0.36 if NODES[end][1] in "×+" or x0 == x1 else 0.56  # the arrow ends at the rim of the node
    wire(axes, [(x0, y0), (x1 - room / length * (x1 - x0), y1 - room / length * (y1 - y0))])
    style = {"ha": "center", "size": 9.5, "bbox": {"fc": "white", "ec": "none", "pad": 0.6}, "zorder": 2}
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    axes.text(x, y + 0.06, f"${sign}$ = {value:+.3f}", color=BLUE, va="bottom", **style)
    if gradient is not None:
        sign = f"({sign})" if " " in sign else sign
        axes.text(x, y - 0.06, f"$d{sign}$ = {gradient:+.3f}", color=ORANGE, va="top", style="italic", **style)


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
