"""Solutions of notebook 02, and wrong answers with words that the check must say about them."""

import numpy as np

from lstm.cell import sigmoid


def rnn_step(x, h, W, U, b):
    return np.tanh(x @ W + h @ U + b)


def four_gates(z):
    zi, zf, zg, zo = np.split(z, 4, axis=-1)
    return sigmoid(zi), sigmoid(zf), np.tanh(zg), sigmoid(zo)


def gates_in_another_order(z):
    i, f, g, o = four_gates(z)
    return i, f, o, g


def all_sigmoid(z):
    return tuple(sigmoid(part) for part in np.split(z, 4, axis=-1))


def cell_update(c_before, i, f, g):
    return f * c_before + i * g


def hidden_output(c, o):
    return o * np.tanh(c)


def lstm_forward(x, h0, c0, W, U, b):
    h, c = [h0], [c0]
    for x_t in x:
        i, f, g, o = four_gates(x_t @ W + h[-1] @ U + b)
        c.append(cell_update(c[-1], i, f, g))
        h.append(hidden_output(c[-1], o))
    return np.stack(h[1:]), np.stack(c[1:])


def always_the_first_state(x, h0, c0, W, U, b):
    c, hs, cs = c0, [], []
    for x_t in x:
        i, f, g, o = four_gates(x_t @ W + h0 @ U + b)
        c = cell_update(c, i, f, g)
        hs.append(hidden_output(c, o))
        cs.append(c)
    return np.stack(hs), np.stack(cs)


def with_the_first(x, h0, c0, W, U, b):
    h, c = lstm_forward(x, h0, c0, W, U, b)
    return np.concatenate((h0[None], h)), np.concatenate((c0[None], c))


def kept_squashed(x, h0, c0, W, U, b):
    h, c, hs, cs = h0, c0, [], []
    for x_t in x:
        i, f, g, o = four_gates(x_t @ W + h @ U + b)
        c = np.tanh(f * c + i * g)
        h = o * c
        hs.append(h)
        cs.append(c)
    return np.stack(hs), np.stack(cs)


def layer_shapes(T, B, E, H):
    return {"x": (T, B, E), "kernel": (E, 4 * H), "recurrent_kernel": (H, 4 * H), "bias": (4 * H,), "z": (T, B, 4 * H),
            "h": (T + 1, B, H)}


def half_life(b):
    return np.log(0.5) / np.log(sigmoid(b))


def repeat_cell(shut=-10, opened=10):
    #          i        f       g       o
    kernel = [[opened - shut, 0, opened, 0],  # |:  writes a 1
              [0, shut - opened, 0, 0],       # :|  forgets
              [0, 0, 0, 0]]                   # all else keeps, as the bias says
    return kernel, [shut, opened, 0, 0]


def never_forgets():
    kernel, bias = repeat_cell()
    return np.array(kernel) * [[1], [0], [1]], bias


SOLUTIONS = {
    "rnn_step": rnn_step,
    "four_gates": four_gates,
    "cell_update": cell_update,
    "hidden_output": hidden_output,
    "lstm_forward": lstm_forward,
    "layer_shapes": layer_shapes,
    "half_life": half_life,
    "repeat_cell": repeat_cell(),
}

WRONG = {
    "rnn_step": [
        (lambda x, h, W, U, b: x @ W + h @ U + b, "the new h, B = 1"),
        (lambda x, h, W, U, b: np.tanh(x @ W + h @ U), "entries differ"),
        (lambda x, h, W, U, b: np.tanh(x @ W + h @ U.T + b), "entries differ"),
    ],
    "four_gates": [(gates_in_another_order, "g at step 0"), (all_sigmoid, "g at step 0"), (sigmoid, "four arrays")],
    "cell_update": [
        (lambda c, i, f, g: i * c + f * g, "c at step 0"),
        (lambda c, i, f, g: np.tanh(f * c + i * g), "off by"),
        (lambda c, i, f, g: c + i * g, "entries differ"),
    ],
    "hidden_output": [(lambda c, o: np.tanh(o * c), "h at step 0"), (lambda c, o: o * c, "entries differ")],
    "lstm_forward": [
        (always_the_first_state, "from step 1 on"),
        (with_the_first, "the shape is (5, 2, 3)"),
        (kept_squashed, "h differs from step 1 on"),
    ],
    "layer_shapes": [
        (lambda T, B, E, H: layer_shapes(T, B, E, H) | {"kernel": (4 * H, E)}, "kernel is not"),
        (lambda T, B, E, H: layer_shapes(T, B, E, H) | {"h": (T, B, H)}, "h is not"),
        (lambda T, B, E, H: {"x": (T, B, E)}, "no 'kernel'"),
    ],
    "half_life": [
        (lambda b: 1 / (1 - sigmoid(b)), "not a half"),
        (lambda b: np.log(2) / sigmoid(b), "with forget bias -1"),
    ],
    "repeat_cell": [
        (repeat_cell(-10, 3), "after a |: the cell holds"),
        (never_forgets(), "after a :| the cell holds"),
        (([[0] * 4] * 3, [0, 0, 0, 0]), "after a |: the cell holds 0"),
        ((np.zeros((4, 3)), np.zeros(4)), "the kernel should be (3, 4)"),
    ],
}
