"""How frameworks.json beside this file was made: what PyTorch and Keras answer to the cells of notebook 13.

    python notebooks/check/frameworks_with_peers.py        makes it again; needs the extra `peers`

The cells are run one after the other, and what each `peers.ask` returned is kept under the name of its function.
Beside that stand results that the exercises are compared with, `for_exercises`, of the same libraries.
tests/test_course_frameworks.py compares the file with a new calculation.
"""

import contextlib
import io
import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np

NOTEBOOKS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(NOTEBOOKS), str(NOTEBOOKS.parent)]

from course import peers  # noqa: E402

NOTEBOOK = NOTEBOOKS / "13_from_here_to_pytorch_and_keras.ipynb"


def sources(path=NOTEBOOK):
    """An iterator of the notebook's code cells, without what only Jupyter understands."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and cell["id"] != "on-colab":
            yield "".join(line for line in cell["source"] if not line.startswith("%"))


def of_cells():
    """{name of a function: what it returned}, of all that the cells ask."""
    found, names = {}, {"__name__": "notebook"}

    def ask(function, *arguments):
        found[function.__name__] = peers.plain(peers.computed(function, *arguments))
        return peers.revived(found[function.__name__])

    with mock.patch.object(peers, "ask", ask), contextlib.redirect_stdout(io.StringIO()):
        for source in sources():
            exec(compile(source, str(NOTEBOOK), "exec"), names)
    return found


def for_exercises():
    """A layer of PyTorch with two biases, its nn.GRU, packed texts, attention, sizes: what goes in and comes out."""
    import torch

    T, B, E, H = 6, 3, 4, 5
    rng = np.random.default_rng(13)

    def of(kind, gates):
        module = kind(E, H).double()
        shapes = {"weight_ih_l0": (gates * H, E), "weight_hh_l0": (gates * H, H)}
        shapes |= dict.fromkeys(("bias_ih_l0", "bias_hh_l0"), (gates * H,))
        weights = {name: rng.normal(0, 0.6, shape) for name, shape in shapes.items()}
        module.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
        return module, weights

    x, lengths = rng.normal(size=(T, B, E)), (6, 2, 4)
    lstm, lstm_weights = of(torch.nn.LSTM, 4)
    gru, gru_weights = of(torch.nn.GRU, 3)
    h0 = rng.normal(size=(B, H))
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(x), torch.tensor(lengths), enforce_sorted=False)
    qkv = rng.normal(size=(3, 7, 4))
    attention = torch.nn.functional.scaled_dot_product_attention
    of_lstm = {"weights": lstm_weights, "h": lstm(torch.tensor(x))[0], "lengths": lengths, "h_n": lstm(packed)[1][0][0]}
    sizes = (1, 1, 1), (4, 5, 1), (4, 5, 2), (512, 256, 3)
    return {
        "x": x,
        "lstm": of_lstm,
        "gru": {"weights": gru_weights, "h0": h0, "h": gru(torch.tensor(x[:1]), torch.tensor(h0[None]))[0][0]},
        "attention": {"qkv": qkv, "y": attention(*(torch.tensor(one[None]) for one in qkv), is_causal=True)[0]},
        "parameters": [(*s, sum(w.numel() for w in torch.nn.LSTM(s[0], s[1], s[2]).parameters())) for s in sizes],
    }


def made():
    """All that goes into the file."""
    cells = of_cells()
    return {"versions": peers.versions(), "for_exercises": peers.plain(peers.computed(for_exercises))} | cells


if __name__ == "__main__":
    peers.STORED.write_text(json.dumps(made()) + "\n", encoding="utf-8")
    print(f"{peers.STORED.name}: {peers.STORED.stat().st_size:,} bytes")
