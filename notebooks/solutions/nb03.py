"""Solutions of notebook 03, right answers in other styles, and wrong ones with words that the check must say."""

import numpy as np

from course import cell_step, squashed_cell
from course.cell_checks import example, run
from lstm import cell
from lstm.layers import rows


def slopes(s, y):
    return s * (1 - s), 1 - y**2


def cell_lines(dh, o, tanh_c, dc_next):
    return dh * tanh_c, dh * o * (1 - tanh_c**2) + dc_next


def in_place_cell_lines(dh, o, tanh_c, dc_next):
    do = dh * tanh_c
    dh *= o
    dh *= 1 - tanh_c**2
    dc_next += dh
    return do, dc_next


def gate_lines(dc, c_before, i, g):
    return dc * g, dc * c_before, dc * i


def z_line(di, df, dg, do, i, f, g, o):
    parts = di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)
    return np.concatenate(parts, axis=-1)


def in_place_z_line(di, df, dg, do, i, f, g, o):
    (B, H), gradients = di.shape, (di, df, dg, do)
    dz = np.zeros((B, 4 * H))
    for k, (gradient, gate) in enumerate(zip(gradients, (i, f, g, o))):
        gradient *= 1 - gate**2 if k == 2 else gate * (1 - gate)
        dz[:, k * H : (k + 1) * H] = gradient
    return dz


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


def loops_forward(z, h0, c0, recurrent_kernel):
    """Number by number, and lists are returned."""
    T, B, H = len(z), *h0.shape
    gates = np.zeros((T, B, 4, H))
    h, c = [h0], [c0]
    for t in range(T):
        h.append(np.zeros((B, H)))
        c.append(np.zeros((B, H)))
        for b in range(B):
            for j in range(H):
                for k, activation in enumerate((cell.sigmoid, cell.sigmoid, np.tanh, cell.sigmoid)):
                    past = sum(h[t][b, m] * recurrent_kernel[m, k * H + j] for m in range(H))
                    gates[t, b, k, j] = activation(z[t, b, k * H + j] + past)
                i, f, g, o = gates[t, b, :, j]
                c[-1][b, j] = f * c[t][b, j] + i * g
                h[-1][b, j] = o * np.tanh(c[-1][b, j])
    return [gates.reshape(T, B, 4 * H), h, c]


def in_place_forward(z, h0, c0, recurrent_kernel):
    """The state is changed where it stands, and so is z; each step is copied out."""
    H, state, held = h0.shape[1], h0, c0
    h, c = [h0.copy()], [c0.copy()]
    for z_t in z:
        z_t += state @ recurrent_kernel
        z_t[:, : 2 * H] = cell.sigmoid(z_t[:, : 2 * H])
        z_t[:, 2 * H : 3 * H] = np.tanh(z_t[:, 2 * H : 3 * H])
        z_t[:, 3 * H :] = cell.sigmoid(z_t[:, 3 * H :])
        i, f, g, o = np.split(z_t, 4, axis=1)
        held *= f
        held += i * g
        state[:] = o * np.tanh(held)
        h.append(state.copy())
        c.append(held.copy())
    return z, np.array(h), np.array(c)


def in_place_backward(dh, dh_next, dc_next, gates, c, recurrent_kernel):
    """Karpathy's habit: what the step after hands back is added to dh[t] itself; gates is used again."""
    for t in reversed(range(len(dh))):
        i, f, g, o = (part.copy() for part in np.split(gates[t], 4, axis=1))
        tanh_c = np.tanh(c[t + 1])
        dh[t] += dh_next
        dc_next += dh[t] * o * (1 - tanh_c**2)
        gates[t] = z_line(dc_next * g, dc_next * c[t], dc_next * i, dh[t] * tanh_c, i, f, g, o)
        dc_next *= f
        dh_next = np.einsum("bk,hk->bh", gates[t], recurrent_kernel)
    return gates, dh_next, dc_next


def transposed_too_little(dz, dc, f, U):
    """Right shapes, wrong sums: U read as (4H, H) without being transposed."""
    return dz @ U.reshape(U.shape[::-1]), dc * f


def best_step(eps):
    return eps ** (1 / 3)


def step_by_search(eps):
    steps = np.logspace(-8, 0, 400)
    return steps[np.argmin(eps / steps + steps**2)]


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


def examined(forward):
    """Not compared but examined: by what (2) to (7) give one step after the other, from a state that is not zero."""
    rng = np.random.default_rng(5)
    z, h0, c0, U = (rng.normal(size=size) for size in ((3, 4, 8), (4, 2), (4, 2), (2, 8)))
    gates, h, c = forward(z.copy(), h0.copy(), c0.copy(), U.copy())
    for t in range(3):
        values = cell_step.forward(z[t] + (h[t] if t else h0) @ U, c[t] if t else c0)
        if not (np.allclose(values["h"], h[t + 1]) and np.allclose(values["c"], c[t + 1])):
            return False
    return True


def by_one_number(forward):
    """The sum of all h and c, of two rows that differ, in six decimals."""
    def checksum(forward):
        rng = np.random.default_rng(9)
        z, h0, c0, U = (rng.normal(size=size) for size in ((6, 2, 20), (2, 5), (2, 5), (5, 20)))
        _, h, c = forward(z, h0, c0, U)
        return np.sum(h * np.arange(h.size).reshape(h.shape)) + np.sum(c)
    return np.round(checksum(forward), 6) == np.round(checksum(cell.forward), 6)


def from_zero(forward):
    """Compares, but from a state of zeros, and h alone."""
    layer = example(T=5, seed=11) | {"h0": np.zeros((2, 3)), "c0": np.zeros((2, 3))}
    return np.allclose(run(my_forward, layer)[1], run(forward, layer)[1])


def one_row(forward):
    layer = example(B=1)
    return all(np.allclose(a, b) for a, b in zip(run(my_forward, layer)[1:], run(forward, layer)[1:]))


def one_step(forward):
    """One step, from h0 = 0: what was said a step before is never heard."""
    layer = example(T=1) | {"h0": np.zeros((2, 3))}
    return all(np.allclose(a, b) for a, b in zip(run(my_forward, layer)[1:], run(forward, layer)[1:]))


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

ALSO_RIGHT = {
    "slopes": [
        lambda s, y: [s - s**2, (1 - y) * (1 + y)],
        lambda s, y: np.stack((s * (1 - s), 1 - y * y)),
        lambda s, y: ([a * (1 - a) for a in s], [1 - a**2 for a in y]),
    ],
    "cell_lines": [
        lambda dh, o, tanh_c, dc_next: [dh * tanh_c, dc_next + dh * o - dh * o * tanh_c**2],
        lambda dh, o, tanh_c, dc_next: np.array([dh * tanh_c, dh * o * (1 - tanh_c**2) + dc_next]),
        in_place_cell_lines,
    ],
    "gate_lines": [
        lambda dc, c_before, i, g: [dc * g, dc * c_before, dc * i],
        lambda dc, c_before, i, g: dc * np.stack((g, c_before, i)),
        lambda dc, c_before, i, g: (np.multiply(g, dc, out=g), np.multiply(c_before, dc, out=c_before),
                                    np.multiply(i, dc, out=i)),
    ],
    "z_line": [
        lambda di, df, dg, do, i, f, g, o: np.hstack([di * (i - i**2), df * (f - f**2), dg * (1 - g) * (1 + g),
                                                      do * (o - o**2)]),
        in_place_z_line,
    ],
    "lines_to_the_past": [
        lambda dz, dc, f, U: [(U @ dz.T).T, f * dc],
        lambda dz, dc, f, U: np.stack([np.einsum("bk,hk->bh", dz, U), dc * f]),
        lambda dz, dc, f, U: (sum(part @ block.T for part, block in zip(np.split(dz, 4, 1), np.split(U, 4, 1))),
                              np.multiply(dc, f, out=dc)),
    ],
    "weight_lines": [
        lambda x, h, dz, W: [np.einsum("tbe,tbk->ek", x, dz), np.einsum("tbh,tbk->hk", h, dz), dz.sum((0, 1)),
                             np.einsum("tbk,ek->tbe", dz, W)],
        lambda x, h, dz, W: (sum(a.T @ d for a, d in zip(x, dz)), sum(a.T @ d for a, d in zip(h, dz)),
                             sum(row for d in dz for row in d), np.stack([d @ W.T for d in dz])),
        lambda x, h, dz, W: (np.tensordot(x, dz, ((0, 1), (0, 1))), np.tensordot(h, dz, ((0, 1), (0, 1))),
                             np.ones(len(rows(dz))) @ rows(dz), (rows(dz) @ W.T).reshape(x.shape)),
    ],
    "whole_cell": [
        [in_place_forward, my_backward],
        (my_forward, in_place_backward),
        (loops_forward, lambda *given: list(my_backward(*given))),
        (cell.forward, cell.backward),
    ],
    "best_step": [np.cbrt, lambda eps: (eps / 2) ** (1 / 3), lambda eps: np.exp(np.log(eps) / 3), step_by_search],
    "is_lstm": [examined, by_one_number],
}

WRONG = {
    "slopes": [
        (lambda s, y: (s * (1 - s), 1 - y), "slope of tanh"),
        (lambda s, y: (1 - s**2, 1 - y**2), "slope of sigmoid"),
        (lambda s, y: s * (1 - s), "2 values"),
        (lambda s, y: (1 - y**2, s * (1 - s)), "slope of sigmoid"),
        (lambda s, y: (cell.sigmoid(s) * (1 - cell.sigmoid(s)), 1 - np.tanh(y) ** 2), "slope of sigmoid"),
    ],
    "cell_lines": [
        (lambda dh, o, tanh_c, dc_next: (dh * tanh_c, dh * o * (1 - tanh_c**2)), "dc at step"),
        (lambda dh, o, tanh_c, dc_next: (dh * tanh_c, (dh * o + dc_next) * (1 - tanh_c**2)), "dc at step"),
        (lambda dh, o, tanh_c, dc_next: (dh, dh * o * (1 - tanh_c**2) + dc_next), "do at step"),
        (lambda dh, o, tanh_c, dc_next: (dh * tanh_c, dh * o * (1 - np.tanh(tanh_c) ** 2) + dc_next), "dc at step"),
        (lambda dh, o, tanh_c, dc_next: dh * tanh_c, "the shape is (3,)"),
    ],
    "gate_lines": [
        (lambda dc, c_before, i, g: (dc * i, dc * c_before, dc * g), "di at step"),
        (lambda dc, c_before, i, g: (dc * g, dc * (c_before + i * g), dc * i), "df at step"),
        (lambda dc, c_before, i, g: (dc * g, dc * c_before, dc), "dg at step"),
        (lambda dc, c_before, i, g: (dc * c_before, dc * g, dc * i), "di at step"),
    ],
    "z_line": [
        (lambda di, df, dg, do, i, f, g, o: z_line(di, df, dg, do, i, f, 1 - g, o), "gate g"),
        (lambda di, df, dg, do, i, f, g, o: z_line(di, df, do, dg, i, f, o, g), "gate g"),
        (lambda di, df, dg, do, i, f, g, o: np.concatenate((di, df, dg, do), axis=-1), "gate i"),
        (lambda di, df, dg, do, i, f, g, o: z_line(di, df, dg * g / (1 + g), do, i, f, g, o), "gate g"),
        (lambda *given: np.split(z_line(*given), 4, axis=-1), "the shape is (4, 2, 3)"),
    ],
    "lines_to_the_past": [
        (lambda dz, dc, f, U: (dz @ U.T, dc), "dc_next"),
        (lambda dz, dc, f, U: (dz @ U.T, 0 * dc), "dc_next"),
        (lambda dz, dc, f, U: (dz[:, :3] @ U[:, :3].T, dc * f), "dh_next"),
        (transposed_too_little, "dh_next"),
        (lambda dz, dc, f, U: (dz @ U, dc * f), "it raises ValueError"),
    ],
    "weight_lines": [
        (lambda x, h, dz, W: (*weight_lines(x, h, dz, W)[:2], rows(dz).mean(axis=0), dz @ W.T), "db"),
        (lambda x, h, dz, W: weight_lines(x[-1:], h[-1:], dz[-1:], W), "dW"),
        (lambda x, h, dz, W: weight_lines(x, np.roll(h, -1, axis=0), dz, W), "dU"),
        (lambda x, h, dz, W: [a / len(x) for a in weight_lines(x, h, dz, W)], "dW"),
        (lambda x, h, dz, W: weight_lines(x, h, dz, W)[:3], "4 values: dW, dU, db, dx"),
    ],
    "whole_cell": [
        ((my_forward, wrong_cell_time), "finite differences: the gradient of"),
        ((my_forward, no_way_past_the_gate), "finite differences: the gradient of"),
        ((squashed_cell.forward, squashed_cell.backward), "another cell than PyTorch's"),
        (my_backward, "give both functions"),
        ((my_forward, lambda dh, dh_next, *given: my_backward(dh, 0 * dh_next, *given)), "finite differences"),
        ((my_forward, lambda *given: my_backward(*given)[:1]), "3 values: dz, dh0, dc0"),
        ((lambda *given: [a[1:] if k else a for k, a in enumerate(my_forward(*given))], my_backward),
         "h of the forward pass: the shape is (4, 2, 3)"),
    ],
    "best_step": [
        (lambda eps: eps, "times too small"),
        (lambda eps: eps**0.5, "times too small"),
        (lambda eps: 0.1, "times too large"),
        (lambda eps: -(eps ** (1 / 3)), "larger than 0"),
    ],
    "is_lstm": [
        (shapes_only, "an impostor gets through: one that squashes"),
        (keeps_what_it_holds, "without a tanh"),
        (from_zero, "starts from zero"),
        (one_row, "swaps the rows"),
        (one_step, "does not hear"),
        (lambda forward: int(is_lstm(forward)), "of the type int"),
        (lambda forward: False, "refuses an LSTM that is right"),
    ],
}
