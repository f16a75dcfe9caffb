"""The network on one page, to print: python notebooks/one_page.py [FOLDER]

Writes one_page.svg and one_page.pdf. All equations are taken from the docstrings of the package, and the shapes from
its Config, so the page says what the code says; a test holds the stored page equal to them.
"""

import importlib
import re
import sys
import textwrap
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from lstm import adam, cell, layers  # noqa: E402
from lstm.model import Config  # noqa: E402

loss = importlib.import_module("lstm.loss")  # `lstm.loss` itself is a function of the package

NAME = "one_page"
A4 = 8.27, 11.69  # inches
SIZE = 7.6  # of the letters, in points
WIDEST = 113  # letters of a line
LETTERS = """\
T time steps   B rows of the batch   V characters   E numbers of an embedding   H units of a layer   L layers
ids (T, B)   x (T, B, E)   h_t, c_t (B, H)   z and gates (T, B, 4H), in the order i f g o   logits (T, B, V)
A blank between two arrays is a matrix product, * is number by number. dx is the gradient of the loss in x."""


def equations(module):
    """The indented blocks of a module's docstring, one after the other: a list of texts."""
    blocks = re.findall(r"(?:^ {4}.*\n?|^\n(?= {4}))+", module.__doc__, re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") for block in blocks if block.strip()]


def shapes():
    """The parameters of a network with two layers and their shapes, in letters."""
    sizes = {"V": 11, "E": 5, "H": 7}  # all different, and none of them four times another
    letters = {size: letter for letter, size in sizes.items()} | {4 * sizes["H"]: "4H"}
    found = Config(sizes["V"], sizes["E"], sizes["H"], 2).shapes
    lines = [f"{name:<26} ({', '.join(letters[size] for size in shape)}{',' * (len(shape) == 1)})"
             for name, shape in found.items()]
    return "\n".join(lines)


def sections():
    """The page: pairs of a heading and a text."""
    forward, backward, kernels = equations(cell)
    embedding_and_dense, = equations(layers)
    return [
        ("Letters", LETTERS),
        ("Embedding and dense layer", embedding_and_dense),
        ("LSTM, forward, for t = 1 .. T (Hochreiter & Schmidhuber 1997, Gers et al. 2000)", forward),
        ("LSTM, backward, from t = T to t = 1", backward),
        ("LSTM, what needs no loop over time", kernels),
        ("Softmax and cross-entropy", equations(loss)[0]),
        ("Adam (Kingma & Ba 2015), after the gradient's norm was clipped", equations(adam)[0]),
        ("The parameters, and their shapes (two layers)", shapes()),
    ]


def page():
    """The page as a Figure."""
    figure = Figure(figsize=A4)
    line = 1.45 * SIZE / 72 / A4[1]  # the height of a line, as a share of the page
    figure.text(0.08, 0.955, "A character-level LSTM on one page", size=15, weight="bold")
    y = 0.93
    for heading, text in sections():
        y -= 1.2 * line
        figure.text(0.08, y, heading, size=9.5, weight="bold", va="top")
        y -= 1.7 * line
        for row in text.split("\n"):
            figure.text(0.09, y, row, size=SIZE, family="monospace", va="top")
            y -= line
    if y < 0.03 or max(len(row) for _, text in sections() for row in text.split("\n")) > WIDEST:
        raise ValueError("the page is full: make SIZE smaller, or lines shorter")
    return figure


def write(folder):
    """Write the page as SVG, its text as text, and as PDF; the same bytes each time with one matplotlib."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": NAME, "pdf.fonttype": 42}):
        page().savefig(Path(folder) / f"{NAME}.svg", metadata={"Date": None, "Creator": None})
        page().savefig(Path(folder) / f"{NAME}.pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else FOLDER)
