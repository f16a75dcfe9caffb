"""The exercises of notebook 02, From RNN to gates."""

import numpy as np

from check import Wrong, close, exercise, several
from check.stored import torch_lstm
from course import rnn
from lstm import cell
from lstm.model import Config

OPEN, CLOSE, OTHER = range(3)  # the symbols that repeat_cell reads
LONGEST = 200  # characters of a part that is repeated


@exercise(hints=[
    "Two products and a bias go into the tanh. Which has the input, and which the memory?",
    "x is (B, E) and W is (E, H): x @ W. In the same way h @ U.",
])
def rnn_step(answer):
    rng = np.random.default_rng(2)
    for B, E, H in ((1, 2, 3), (4, 3, 2)):
        x, h, b = rng.normal(size=(B, E)), rng.normal(size=(B, H)), rng.normal(size=H)
        W, U = rng.normal(size=(E, H)), rng.normal(size=(H, H))
        right = rnn.forward((x @ W + b)[None], h, U)[1]  # before the answer, which may write into what it is given
        close(f"the new h, B = {B}, E = {E}, H = {H}", answer(x, h, W, U, b), right)


@exercise(hints=[
    "np.split(z, 4, axis=-1) gives the four parts, in the order i f g o.",
    "Three of them are gates, open from 0 to 1. One is what there is to write, and may be negative.",
    "sigmoid for i, f and o; tanh for g.",
])
def four_gates(answer):
    stored = torch_lstm()
    for t, z in enumerate(stored["z"]):
        found = answer(z.copy())
        for name, value in several(found, "ifgo"):
            close(f"{name} at step {t}", value, stored[name][t], 1e-12)


@exercise(hints=[
    "The new cell is a sum of two things: what is kept of the old one, and what is written.",
    "A gate lets through by multiplication, element by element: * and not @.",
])
def cell_update(answer):
    stored = torch_lstm()
    before = np.concatenate((stored["c0"][None], stored["c"]))
    for t in range(len(stored["c"])):
        gates = (stored[name][t] for name in "ifg")
        close(f"c at step {t}", answer(before[t].copy(), *gates), stored["c"][t], 1e-12)


@exercise(hints=[
    "The cell may be any number, the output should stay between -1 and 1: so something squashes it first.",
    "The output gate multiplies what has been squashed. If it is shut, nothing is shown.",
])
def hidden_output(answer):
    stored = torch_lstm()
    for t in range(len(stored["c"])):
        close(f"h at step {t}", answer(stored["c"][t].copy(), stored["o"][t]), stored["h"][t], 1e-12)


@exercise(hints=[
    "A loop over t. At each step: z, then the four gates, then c, then h; what you wrote above does most of it.",
    "z = x[t] @ W + h @ U + b, with the h of the step before; before the first step it is h0.",
    "Collect h and c in two lists and np.stack them; the states before the first step do not belong to them.",
])
def lstm_forward(answer):
    stored = torch_lstm()
    names = "x", "h0", "c0", "kernel", "recurrent_kernel", "bias"
    found = answer(*(stored[name].copy() for name in names))
    for name, value in several(found, "hc"):
        value, right = np.asarray(value), stored[name]
        if value.shape == right.shape and not np.allclose(value, right, rtol=0, atol=1e-10):
            if (value == value[0]).all():
                raise Wrong(f"{name} is the same at all {len(value)} steps, as if one array were collected many times")
            first = int(np.argmax(np.abs(value - right).max(axis=(1, 2)) > 1e-10))
            where = "already at step 0, so the step itself is wrong" if first == 0 else f"from step {first} on"
            raise Wrong(f"{name} differs {where}, by up to {np.abs(value - right).max():.2g}")
        close(name, value, right, 1e-10)


@exercise(hints=[
    "Go through equation (1) and ask of each product: do the inner sizes fit, and what is left outside?",
    "The four gates stand side by side in the last axis of W, U, b and z: 4 * H.",
    "h is kept for all T steps and once before them; so the first axis of it is T + 1.",
])
def layer_shapes(answer):
    for T, B, E, H in ((2, 3, 4, 5), (64, 16, 512, 256)):
        kernel, recurrent, bias = list(Config(9, E, H, 1).shapes.values())[1:4]
        right = {"x": (T, B, E), "kernel": kernel, "recurrent_kernel": recurrent, "bias": bias, "z": (T, B, 4 * H),
                 "h": (T + 1, B, H)}
        found = answer(T, B, E, H)
        if not isinstance(found, dict):
            raise Wrong(f"it should return a dict of shapes by name; this is of the type {type(found).__name__}")
        for name, shape in right.items():
            if name not in found:
                raise Wrong(f"there is no {name!r} in what it returns")
            if np.ndim(found[name]) != 1:
                raise Wrong(f"{name} is {found[name]!r}; a shape is a tuple, also if it has one number only: (7,)")
            if tuple(found[name]) != shape:
                raise Wrong(f"{name} is not {tuple(found[name])} for T = {T}, B = {B}, E = {E}, H = {H}")


@exercise(hints=[
    "If nothing is written, equation (6) is c_t = f * c_{t-1}. After k steps there is f^k of it left.",
    "f^k = 1/2. Take the logarithm of both sides.",
    "What is f, if its pre-activation is b? And mind the sign: both logarithms are negative.",
])
def half_life(answer):
    for b in (-1.0, 0.0, 1.0, 3.0, 6.0):
        k = float(answer(b))
        left = cell.sigmoid(b) ** k
        if not abs(left - 0.5) < 1e-6:
            raise Wrong(f"with forget bias {b:g} you say {k:.3g} steps, and after these {left:.3g} is left, not a half")


def run_symbols(answer, symbols):
    """The cell of one unit, after each symbol, with the kernel (3, 4) and the bias (4,) of the answer."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Wrong("it takes the kernel and the bias: check.repeat_cell((my_kernel, my_bias))")
    kernel, bias = (np.asarray(part, dtype=np.float64) for part in answer)
    if kernel.shape != (3, 4) or bias.shape != (4,):
        raise Wrong(f"the kernel should be (3, 4) and the bias (4,); these are {kernel.shape} and {bias.shape}")
    z = (np.eye(3)[symbols] @ kernel + bias)[:, None]  # (T, 1, 4)
    _, _, c = cell.forward(z, np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 4)))
    return c[1:, 0, 0]


def parts_and_gaps(rng):
    """Symbols of tunes with repeats, and what the cell should hold after each: 1 from an opening to its closing."""
    symbols, wanted = [], []
    for part, inside in enumerate(np.tile([False, True], 4)):
        length = LONGEST if part == 7 else int(rng.integers(20, LONGEST))
        symbols += [CLOSE if symbols else OTHER] if not inside else [OPEN]
        symbols += [OTHER] * length
        wanted += [float(inside)] * (length + 1)
    return symbols, wanted


@exercise(hints=[
    "One row of the kernel for each symbol; its four numbers are added to the bias of i f g o. What should the "
    "gates do at |:, at :|, and at all else?",
    "At all else: keep all (f near 1), write nothing (i near 0). sigmoid(10) is nearly 1, sigmoid(-10) nearly 0.",
    "At |: write a 1: i near 1 and g near 1. At :| forget: f near 0, and i stays shut.",
])
def repeat_cell(answer):
    symbols, wanted = parts_and_gaps(np.random.default_rng(3))
    held, since = run_symbols(answer, symbols), 0
    for t, (symbol, value, right) in enumerate(zip(symbols, held, wanted)):
        since = 0 if symbol != OTHER else since + 1
        if not abs(value - right) <= 0.2:
            if not any(wanted[: t + 1]):
                where = "before the first |:"
            else:
                where = f"{since} other character{'s' * (since != 1)} after a {'|:' if right else ':|'}"
            raise Wrong(f"{where} the cell holds {value:.2g}, and should hold {right:.0f} (within 0.2)")
