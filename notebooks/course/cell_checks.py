"""Two questions to a backward pass: is it the derivative of its own forward pass, and is that the LSTM?

`finite_differences` answers the first; for the second, `against` compares with stored results of other people's LSTM.
Neither replaces the other: squashed_cell.py passes the first and fails the second. gradcheck.py asks the first question
of the whole network; here it is one layer, given as `forward` and `backward` with the signatures of cell.py.
"""

import numpy as np

from lstm.gradcheck import STEP, numeric_gradient, relative_error, richardson
from lstm.layers import rows

ARRAYS = "x", "kernel", "recurrent_kernel", "bias", "h0", "c0"
OUTPUTS = "h", "c"


def example(T=4, B=2, E=3, H=3, seed=0):
    """A layer and something for it to do, all random, float64: {name: array}.

    x (T, B, E), kernel (E, 4H), recurrent_kernel (H, 4H), bias (4H,), h0 and c0 (B, H); and the gradients that come in
    from above, dh (T, B, H), and from beyond the last step, dh_next and dc_next (B, H).
    """
    rng = np.random.default_rng(seed)
    shapes = {
        "x": (T, B, E), "kernel": (E, 4 * H), "recurrent_kernel": (H, 4 * H), "bias": (4 * H,), "h0": (B, H),
        "c0": (B, H), "dh": (T, B, H), "dh_next": (B, H), "dc_next": (B, H),
    }
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def run(forward, layer):
    """(gates, h, c) as `forward` returns them, for a layer as `example` gives it.

    Like `backward` below it gets copies: a function that writes into what it is given may be right all the same.
    """
    z = layer["x"] @ layer["kernel"] + layer["bias"]  # (T, B, 4H)
    found = forward(z, *(layer[name].copy() for name in ("h0", "c0", "recurrent_kernel")))
    return tuple(map(np.asarray, found))


def loss(forward, layer):
    """A number whose gradients are those that `layer` says come in: the outputs, weighted by them, summed."""
    _, h, c = run(forward, layer)
    beyond = np.vdot(layer["dh_next"], h[-1]) + np.vdot(layer["dc_next"], c[-1])
    return float(np.vdot(layer["dh"], h[1:]) + beyond)


def gradients(forward, backward, layer):
    """{name: gradient of the loss} for all of ARRAYS, by `backward` and equation (13)."""
    gates, h, c = run(forward, layer)
    U = layer["recurrent_kernel"]
    given = layer["dh"], layer["dh_next"], layer["dc_next"], gates, c, U
    dz, dh0, dc0 = map(np.asarray, backward(*(array.copy() for array in given)))
    dx = dz @ layer["kernel"].T
    products = rows(layer["x"]).T @ rows(dz), rows(h[:-1]).T @ rows(dz), rows(dz).sum(axis=0)
    return dict(zip(ARRAYS, (dx, *products, dh0, dc0), strict=True))


def finite_differences(forward, backward, layer, h=STEP, slope=richardson):
    """{name: worst relative error} of the gradients against slopes measured with `forward`, for all of ARRAYS.

    h, slope: the step, and the formula for it, as in gradcheck.py.
    """
    moved = {name: array.copy() for name, array in layer.items()}
    found = gradients(forward, backward, moved)
    measured = {name: numeric_gradient(lambda: loss(forward, moved), moved[name], h, slope) for name in ARRAYS}
    return {name: float(relative_error(found[name], measured[name]).max()) for name in ARRAYS}


def against(stored, forward, backward):
    """{name: largest difference} from stored results, of the outputs h and c and of the gradients of all ARRAYS.

    stored: a layer as `example` gives it, with the results "h" and "c" (T, B, H) and "grad_" + each of ARRAYS.
    """
    _, h, c = run(forward, stored)
    found = {"h": h[1:], "c": c[1:]} | gradients(forward, backward, stored)
    wanted = {name: stored[name if name in OUTPUTS else f"grad_{name}"] for name in found}
    return {name: float(np.abs(found[name] - wanted[name]).max()) for name in found}
