"""One step of the LSTM with everything that happens in it under its own name. cell.py is the same for a whole sequence.

The equations are those of cell.py, (2) to (7) forward and (9) to (12) backward. Nothing here is fast or fused: what
the pictures and the exercises want are the numbers in between.
"""

import numpy as np

from lstm.cell import sigmoid

GATES = "ifgo"


def forward(z, c_before):
    """z (..., 4H), the pre-activations of all four gates; c_before (..., H), the cell before the step.

    Returns {name: (..., H)}, in the order in which they are computed: zi zf zg zo, c_before, i f g o,
    kept = f * c_before, written = i * g, c, tanh_c, h.
    """
    zi, zf, zg, zo = np.split(z, 4, axis=-1)
    i, f, g, o = sigmoid(zi), sigmoid(zf), np.tanh(zg), sigmoid(zo)
    kept, written = f * c_before, i * g
    c = kept + written
    tanh_c = np.tanh(c)
    before = {"zi": zi, "zf": zf, "zg": zg, "zo": zo, "c_before": c_before}
    return before | {"i": i, "f": f, "g": g, "o": o, "kept": kept, "written": written, "c": c, "tanh_c": tanh_c,
                     "h": o * tanh_c}


def backward(values, dh, dc_next):
    """The gradient of the loss with respect to each of the values that `forward` named.

    dh: (..., H), the gradient that reaches h, from above and from the next step together: dh_t of (8).
    dc_next: (..., H), what reaches c along the cell's own path: dc_{t+1} * f_{t+1}.
    Returns {name: (..., H)} with the names of `values`.
    """
    i, f, g, o, tanh_c = (values[name] for name in ("i", "f", "g", "o", "tanh_c"))
    dtanh_c = dh * o
    dc = dtanh_c * (1 - tanh_c**2) + dc_next
    di, df, dg, do = dc * g, dc * values["c_before"], dc * i, dh * tanh_c
    dzi, dzf, dzg, dzo = di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)
    before = {"zi": dzi, "zf": dzf, "zg": dzg, "zo": dzo, "c_before": dc * f}
    return before | {"i": di, "f": df, "g": dg, "o": do, "kept": dc, "written": dc, "c": dc, "tanh_c": dtanh_c, "h": dh}


def of_trace(trace, t, unit):
    """The step t of one unit of a layer, as `forward` names it but for the z, from a trace of `CharRNN.trace`.

    trace: {"i", "f", "g", "o", "c", "h": (T, B, H)} of the layer; of the batch the first row is taken. All are numbers.
    """
    i, f, g, o, c, h = (float(trace[name][t, 0, unit]) for name in (*GATES, "c", "h"))
    c_before = float(trace["c"][t - 1, 0, unit]) if t else 0.0
    return {"c_before": c_before, "i": i, "f": f, "g": g, "o": o, "kept": f * c_before, "written": i * g, "c": c,
            "tanh_c": float(np.tanh(c)), "h": h}
