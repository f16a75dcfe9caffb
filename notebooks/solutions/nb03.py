"""Solutions of notebook 03, and wrong answers with words that the check must say about them."""

import numpy as np

from course import squashed_cell
from course.cell_checks import example, run
from lstm import cell
from lstm.layers import rows


def slopes(s, y):
    return s * (1 - s), 1 - y**2


def cell_lines(dh, o, tanh_c, dc_next):
    return dh * tanh_c, dh * o * (1 - tanh_c**2) + dc_next


def gate_lines(dc, c_before, i, g):
    return dc * g, dc * c_before, dc * i


def z_line(di, df, dg, do, i, f, g, o):
    parts = di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)
    return np.concatenate(parts, axis=-1)


def lines_to_the_past(dz, dc, f, U):
    return dz @ U.T, dc * f


def weight_lines(x, h_before, dz, W):
    return rows(x).T @ rows(dz), rows(h_before).T @ rows(dz), rows(dz).sum(axis=0), dz @ W.T


def my_forward(z, h0, c0, recurrent_kernel):
    h, c, gates = [h0], [c0], []
    for z_t in z:
        zi, zf, zg, zo = np.split(z_t + h[-1] @ recurrent_kernel, 4, axis=1)
        i, f, g, o = cell.sigmoid(zi), cell.sigmoid(zf), np.tanh(zg), cell.sigmoid(zo)
        c.append(f * c[-1] + i * g)
        h.append(o * np.tanh(c[-1]))
        gates.append(np.concatenate((i, f, g, o), axis=1))
    return np.stack(gates), np.stack(h), np.stack(c)


def backward_with(cell_lines, gate_lines, z_line, lines_to_the_past, before=0):
    """The loop around the lines. before: how far off the time of the cell is that the forget gate meets."""

    def backward(dh, dh_next, dc_next, gates, c, recurrent_kernel):
        dz = np.empty_like(gates)
        for t in reversed(range(len(dh))):
            i, f, g, o = np.split(gates[t], 4, axis=1)
            do, dc = cell_lines(dh[t] + dh_next, o, np.tanh(c[t + 1]), dc_next)
            di, df, dg = gate_lines(dc, c[t + before], i, g)
            dz[t] = z_line(di, df, dg, do, i, f, g, o)
            dh_next, dc_next = lines_to_the_past(dz[t], dc, f, recurrent_kernel)
        return dz, dh_next, dc_next

    return backward


my_backward = backward_with(cell_lines, gate_lines, z_line, lines_to_the_past)
wrong_cell_time = backward_with(cell_lines, gate_lines, z_line, lines_to_the_past, before=1)
no_way_past_the_gate = backward_with(cell_lines, gate_lines, z_line, lambda dz, dc, f, U: (dz @ U.T, 0 * dc))


def best_step(eps):
    return eps ** (1 / 3)


def is_lstm(forward):
    layer = example(T=5, seed=11)
    trusted, suspect = run(my_forward, layer), run(forward, layer)
    return all(np.allclose(a, b, rtol=0, atol=1e-10) for a, b in zip(trusted[1:], suspect[1:]))


def shapes_only(forward):
    layer = example()
    return all(a.shape == b.shape for a, b in zip(run(my_forward, layer), run(forward, layer)))


def keeps_what_it_holds(forward):
    """It looks at the memory alone: is a 2 still there after ten steps with the forget gate open?"""
    layer = example(T=10)
    layer |= {name: 0 * layer[name] for name in ("kernel", "recurrent_kernel")}
    layer |= {"c0": np.full((2, 3), 2.0), "bias": np.repeat([-50.0, 50.0, 0.0, 0.0], 3)}
    return bool(np.allclose(run(forward, layer)[2][-1], 2))


SOLUTIONS = {
    "slopes": slopes,
    "cell_lines": cell_lines,
    "gate_lines": gate_lines,
    "z_line": z_line,
    "lines_to_the_past": lines_to_the_past,
    "weight_lines": weight_lines,
    "whole_cell": (my_forward, my_backward),
    "best_step": best_step,
    "is_lstm": is_lstm,
}

WRONG = {
    "slopes": [
        (lambda s, y: (s * (1 - s), 1 - y), "slope of tanh"),
        (lambda s, y: (1 - s**2, 1 - y**2), "slope of sigmoid"),
        (lambda s, y: s * (1 - s), "2 arrays"),
    ],
    "cell_lines": [
        (lambda dh, o, tanh_c, dc_next: (dh * tanh_c, dh * o * (1 - tanh_c**2)), "dc at step"),
        (lambda dh, o, tanh_c, dc_next: (dh * tanh_c, (dh * o + dc_next) * (1 - tanh_c**2)), "dc at step"),
        (lambda dh, o, tanh_c, dc_next: (dh, dh * o * (1 - tanh_c**2) + dc_next), "do at step"),
    ],
    "gate_lines": [
        (lambda dc, c_before, i, g: (dc * i, dc * c_before, dc * g), "di at step"),
        (lambda dc, c_before, i, g: (dc * g, dc * (c_before + i * g), dc * i), "df at step"),
    ],
    "z_line": [
        (lambda di, df, dg, do, i, f, g, o: z_line(di, df, dg, do, i, f, 1 - g, o), "gate g"),
        (lambda di, df, dg, do, i, f, g, o: z_line(di, df, do, dg, i, f, o, g), "gate g"),
        (lambda di, df, dg, do, i, f, g, o: np.concatenate((di, df, dg, do), axis=-1), "gate i"),
    ],
    "lines_to_the_past": [
        (lambda dz, dc, f, U: (dz @ U.T, dc), "dc_next"),
        (lambda dz, dc, f, U: (dz @ U.T, 0 * dc), "dc_next"),
        (lambda dz, dc, f, U: (dz[:, :3] @ U[:, :3].T, dc * f), "dh_next"),
    ],
    "weight_lines": [
        (lambda x, h, dz, W: (*weight_lines(x, h, dz, W)[:2], rows(dz).mean(axis=0), dz @ W.T), "db"),
        (lambda x, h, dz, W: weight_lines(x[-1:], h[-1:], dz[-1:], W), "dW"),
        (lambda x, h, dz, W: weight_lines(x, np.roll(h, -1, axis=0), dz, W), "dU"),
    ],
    "whole_cell": [
        ((my_forward, wrong_cell_time), "finite differences: the gradient of"),
        ((my_forward, no_way_past_the_gate), "finite differences: the gradient of"),
        ((squashed_cell.forward, squashed_cell.backward), "another cell than PyTorch's"),
        (my_backward, "give both functions"),
    ],
    "best_step": [
        (lambda eps: eps, "times too small"),
        (lambda eps: eps**0.5, "times too small"),
        (lambda eps: 0.1, "times too large"),
    ],
    "is_lstm": [
        (shapes_only, "an impostor gets through: one that squashes"),
        (keeps_what_it_holds, "without a tanh"),
        (lambda forward: False, "refuses an LSTM that is right"),
    ],
}
