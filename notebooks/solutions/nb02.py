"""Solutions of notebook 02, right answers in other styles, and wrong ones with words that the check must say."""

import math

import numpy as np

from lstm.cell import sigmoid


def rnn_step(x, h, W, U, b):
    return np.tanh(x @ W + h @ U + b)


def four_gates(z):
    zi, zf, zg, zo = np.split(z, 4, axis=-1)
    return sigmoid(zi), sigmoid(zf), np.tanh(zg), sigmoid(zo)


def rnn_step_in_loops(x, h, W, U, b):
    (B, E), H = x.shape, len(b)
    return [[math.tanh(sum(x[n, e] * W[e, j] for e in range(E)) + sum(h[n, k] * U[k, j] for k in range(H)) + b[j])
             for j in range(H)] for n in range(B)]


def rnn_step_in_place(x, h, W, U, b):
    h[:] = h @ U
    h += x @ W
    h += b
    return np.tanh(h, out=h)


def four_gates_in_place(z):
    H = z.shape[-1] // 4
    candidate = slice(2 * H, 3 * H)
    z[:, : 2 * H], z[:, 3 * H :] = sigmoid(z[:, : 2 * H]), sigmoid(z[:, 3 * H :])
    z[:, candidate] = np.tanh(z[:, candidate])
    return np.stack(np.split(z, 4, axis=-1))  # (4, B, H)


def four_gates_by_tanh(z):
    zi, zf, zg, zo = z.reshape(len(z), 4, -1).swapaxes(0, 1)
    return [(1 + np.tanh(zi / 2)) / 2, (1 + np.tanh(zf / 2)) / 2, np.tanh(zg), (1 + np.tanh(zo / 2)) / 2]


def gates_interleaved(z):
    zi, zf, zg, zo = np.moveaxis(z.reshape(len(z), -1, 4), -1, 0)
    return sigmoid(zi), sigmoid(zf), np.tanh(zg), sigmoid(zo)


def gates_in_another_order(z):
    i, f, g, o = four_gates(z)
    return i, f, o, g


def all_sigmoid(z):
    return tuple(sigmoid(part) for part in np.split(z, 4, axis=-1))


def cell_update(c_before, i, f, g):
    return f * c_before + i * g


def cell_update_in_place(c, i, f, g):
    c *= f
    c += i * g
    return c


def hidden_output(c, o):
    return o * np.tanh(c)


def lstm_forward(x, h0, c0, W, U, b):
    h, c = [h0], [c0]
    for x_t in x:
        i, f, g, o = four_gates(x_t @ W + h[-1] @ U + b)
        c.append(cell_update(c[-1], i, f, g))
        h.append(hidden_output(c[-1], o))
    return np.stack(h[1:]), np.stack(c[1:])


def lstm_into_arrays(x, h0, c0, W, U, b):
    (T, B, _), H = x.shape, h0.shape[1]
    h, c = np.empty((T, B, H)), np.empty((T, B, H))
    z = np.einsum("tbe,ek->tbk", x, W) + b
    for t in range(T):
        i, f, g, o = four_gates(z[t] + (h[t - 1] if t else h0) @ U)
        c[t] = f * (c[t - 1] if t else c0) + i * g
        h[t] = o * np.tanh(c[t])
    return h, c


def lstm_in_place(x, h, c, W, U, b):
    """The state is changed where it stands; lists are returned."""
    hs, cs = [], []
    for x_t in x:
        i, f, g, o = four_gates(np.hstack((x_t, h)) @ np.vstack((W, U)) + b)
        cell_update_in_place(c, i, f, g)
        h[:] = hidden_output(c, o)
        hs.append(h.copy())
        cs.append(c.copy())
    return [hs, cs]


def one_array_many_times(x, h, c, W, U, b):
    """As above, but what is collected is the same array again and again."""
    hs, cs = [], []
    for x_t in x:
        i, f, g, o = four_gates(x_t @ W + h @ U + b)
        cell_update_in_place(c, i, f, g)
        h[:] = hidden_output(c, o)
        hs.append(h)
        cs.append(c)
    return hs, cs


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


def half_life_by_search(b):
    few, many = 0.0, 1e6
    for _ in range(200):
        middle = (few + many) / 2
        few, many = (middle, many) if sigmoid(b) ** middle > 0.5 else (few, middle)
    return few


def repeat_cell(shut=-10, opened=10):
    #          i        f       g       o
    kernel = [[opened - shut, 0, opened, 0],  # |:  writes a 1
              [0, shut - opened, 0, 0],       # :|  forgets
              [0, 0, 0, 0]]                   # all else keeps, as the bias says
    return kernel, [shut, opened, 0, 0]


def closes_by_writing():
    """The forget gate stays open; at :| a -1 is written."""
    return [[20, 0, 10, 0], [20, 0, -10, 0], [0, 0, 0, 0]], [-10, 10, 0, 0]


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

ALSO_RIGHT = {
    "rnn_step": [
        rnn_step_in_loops,
        rnn_step_in_place,
        lambda x, h, W, U, b: np.tanh(np.einsum("be,eh->bh", x, W) + np.einsum("bk,kh->bh", h, U) + b),
        lambda x, h, W, U, b: np.tanh(np.hstack([x, h]) @ np.vstack([W, U]) + b),
    ],
    "four_gates": [four_gates_in_place, four_gates_by_tanh, lambda z: list(four_gates(z))],
    "cell_update": [
        cell_update_in_place,
        lambda c_before, i, f, g: np.add(np.multiply(f, c_before), np.multiply(i, g)),
        lambda c_before, i, f, g: [[f[b, j] * c_before[b, j] + i[b, j] * g[b, j] for j in range(f.shape[1])]
                                   for b in range(len(f))],
    ],
    "hidden_output": [
        lambda c, o: np.multiply(np.tanh(c, out=c), o, out=c),
        lambda c, o: [[o_j * math.tanh(c_j) for c_j, o_j in zip(*row)] for row in zip(c, o)],
        lambda c, o: o * (1 - 2 / (np.exp(2 * c) + 1)),
    ],
    "lstm_forward": [lstm_into_arrays, lstm_in_place, lambda *given: np.stack(lstm_forward(*given))],
    "layer_shapes": [
        lambda *sizes: {name: list(shape) for name, shape in layer_shapes(*sizes).items()},
        lambda *sizes: {name: np.zeros(shape, np.int8).shape for name, shape in layer_shapes(*sizes).items()},
        lambda *sizes: {name: np.array(shape) for name, shape in layer_shapes(*sizes).items()} | {"c": (1, 2)},
    ],
    "half_life": [
        half_life_by_search,
        lambda b: math.log(2) / math.log1p(math.exp(-b)),
        lambda b: np.array(-1 / np.log2(sigmoid(b))),
        lambda b: np.float32(half_life(b)),
    ],
    "repeat_cell": [
        closes_by_writing(),
        list(map(np.array, repeat_cell())),
        tuple(np.array(part, np.float32) for part in repeat_cell(-8, 9)),
        [np.array(repeat_cell()[0]) + repeat_cell()[1], [0, 0, 0, 0]],
    ],
}

WRONG = {
    "rnn_step": [
        (lambda x, h, W, U, b: x @ W + h @ U + b, "the new h, B = 1"),
        (lambda x, h, W, U, b: np.tanh(x @ W + h @ U), "entries differ"),
        (lambda x, h, W, U, b: np.tanh(x @ W + h @ U.T + b), "entries differ"),
    ],
    "four_gates": [
        (gates_in_another_order, "g at step 0"),
        (all_sigmoid, "g at step 0"),
        (sigmoid, "4 values: i, f, g, o"),
        (gates_interleaved, "i at step 0"),
        (lambda z: tuple(np.tanh(part) for part in np.split(z, 4, axis=-1)), "i at step 0"),
    ],
    "cell_update": [
        (lambda c, i, f, g: i * c + f * g, "c at step 0"),
        (lambda c, i, f, g: np.tanh(f * c + i * g), "off by"),
        (lambda c, i, f, g: c + i * g, "entries differ"),
    ],
    "hidden_output": [
        (lambda c, o: np.tanh(o * c), "h at step 0"),
        (lambda c, o: o * c, "entries differ"),
        (lambda c, o: o * sigmoid(c), "entries differ"),
        (lambda c, o: np.tanh(o) * c, "entries differ"),
    ],
    "lstm_forward": [
        (always_the_first_state, "from step 1 on"),
        (with_the_first, "the shape is (5, 2, 3)"),
        (kept_squashed, "h differs from step 1 on"),
        (one_array_many_times, "h is the same at all 4 steps"),
        (lambda *given: lstm_forward(*given)[::-1], "h differs already at step 0"),
        (lambda *given: lstm_forward(*given)[0], "2 values: h, c"),
    ],
    "layer_shapes": [
        (lambda T, B, E, H: layer_shapes(T, B, E, H) | {"kernel": (4 * H, E)}, "kernel is not"),
        (lambda T, B, E, H: layer_shapes(T, B, E, H) | {"h": (T, B, H)}, "h is not"),
        (lambda T, B, E, H: {"x": (T, B, E)}, "no 'kernel'"),
        (lambda T, B, E, H: layer_shapes(T, B, E, H) | {"bias": 4 * H}, "bias is 20; a shape is a tuple"),
        (lambda T, B, E, H: layer_shapes(T, B, E, H) | {"x": (B, T, E)}, "x is not (3, 2, 4)"),
        (lambda T, B, E, H: tuple(layer_shapes(T, B, E, H).values()), "a dict of shapes"),
    ],
    "half_life": [
        (lambda b: 1 / (1 - sigmoid(b)), "not a half"),
        (lambda b: np.log(2) / sigmoid(b), "with forget bias -1"),
        (lambda b: np.log(0.5) / np.log(b) if b > 1 else 1, "not a half"),
        (lambda b: math.ceil(half_life(b)), "not a half"),
        (lambda b: -half_life(b), "not a half"),
        (lambda b: -1 / np.log(sigmoid(b)), "after these 0.368 is left"),
    ],
    "repeat_cell": [
        (repeat_cell(-10, 3), "after a |: the cell holds"),
        (never_forgets(), "after a :| the cell holds"),
        (([[0] * 4] * 3, [0, 0, 0, 0]), "after a |: the cell holds 0"),
        ((np.zeros((4, 3)), np.zeros(4)), "the kernel should be (3, 4)"),
        (repeat_cell()[0], "the kernel and the bias"),
        (repeat_cell(-1, 4), "the cell holds"),
        (repeat_cell(-12, 6.7), "other characters after a |: the cell holds 0.8"),
    ],
}
