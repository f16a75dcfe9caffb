"""The exercises of notebook 03, Backprop through the cell."""

import numpy as np

from check import Wrong, close, exercise, several, watched
from check.stored import torch_lstm
from course import squashed_cell
from course.cell_checks import OUTPUTS, against, example, finite_differences
from lstm import cell
from lstm.gradcheck import LIMIT

PARITY = 1e-10  # how far from PyTorch's numbers a cell may be, both in float64
LINE = 1e-12  # the same for one line, which has no sums over time in it


def lines():
    """Of each step of the stored layer, the last one first: (t, {name: value before, in and after the step})."""
    stored = torch_lstm()
    stored["tanh_c"] = np.tanh(stored["c"])
    h, c = (np.concatenate((stored[f"{name}0"][None], stored[name])) for name in "hc")
    stored |= {"h_before": h[:-1], "c_before": c[:-1]}
    beyond = stored["grad_z"][1:] @ stored["recurrent_kernel"].T, stored["grad_c"][1:] * stored["f"][1:]
    for name, values in zip(("dh_next", "dc_next"), beyond):  # what comes from the step after
        stored[name] = np.concatenate((values, stored[name][None]))
    per_step = [name for name, array in stored.items() if array.ndim == 3]
    for t in reversed(range(len(h) - 1)):
        yield t, {name: stored[name][t] for name in per_step} | {"U": stored["recurrent_kernel"]}


def copies(at, *names):
    """Copies of some of the arrays, because an answer may write into what it is given."""
    return (at[name].copy() for name in names)


@exercise(hints=[
    "Differentiate s(z) = 1 / (1 + exp(-z)), then look for s itself in the result.",
    "Both slopes need only the output: sigmoid's its distances from 0 and from 1, tanh's its square.",
])
def slopes(answer):
    z = np.linspace(-4, 4, 9)
    s, y = cell.sigmoid(z), np.tanh(z)
    h = 1e-4
    measured = [(f(z + h) - f(z - h)) / (2 * h) for f in (cell.sigmoid, np.tanh)]
    found = several(answer(s.copy(), y.copy()), ("slope of sigmoid", "slope of tanh"))
    for (name, value), right in zip(found, measured):
        close(f"{name} for z = -4 .. 4", value, right, 1e-7)


@exercise(hints=[
    "In h = o * tanh_c two numbers are multiplied: the gradient of each is dh times the other one.",
    "That gives do and the gradient of tanh_c. One more factor leads from tanh_c to c: the slope of tanh.",
    "So what comes to c from h has three factors: dh, the gate, the slope. By rule 4 something is added to it.",
])
def cell_lines(answer):
    for t, at in lines():
        found = answer(*copies(at, "grad_h", "o", "tanh_c", "dc_next"))
        rights = at["grad_h"] * at["tanh_c"], at["grad_c"]
        for (name, value), right in zip(several(found, ("do", "dc")), rights):
            close(f"{name} at step {t}", value, right, LINE)


@exercise(hints=[
    "c = f * c_before + i * g. A sum hands its gradient to both sides as it is.",
    "Then each product again: the gradient of one factor is dc times the other factor.",
])
def gate_lines(answer):
    for t, at in lines():
        found = answer(*copies(at, "grad_c", "c_before", "i", "g"))
        for name, value in several(found, ("di", "df", "dg")):
            close(f"{name} at step {t}", value, at[f"grad_{name[1]}"], LINE)


@exercise(hints=[
    "Each gate's gradient goes through the slope of its own activation, which needs only the gate's own output.",
    "Three sigmoids and one tanh: your `slopes`, in the order i f g o.",
    "np.concatenate((dzi, dzf, dzg, dzo), axis=-1) puts them side by side.",
])
def z_line(answer):
    for t, at in lines():
        given = copies(at, *(prefix + name for prefix in ("grad_", "") for name in "ifgo"))
        found, right, H = np.asarray(answer(*given)), at["grad_z"], at["c"].shape[1]
        if found.shape == right.shape:
            for k, name in enumerate("ifgo"):
                part = slice(k * H, (k + 1) * H)
                close(f"the part of gate {name} in dz at step {t}", found[:, part], right[:, part], LINE)
        close(f"dz at step {t}", found, right, LINE)


@exercise(hints=[
    "Where was h_{t-1} used? In z_t = ... + h_{t-1} U. Where was c_{t-1} used? In c_t = f_t * c_{t-1} + ...",
    "The first has a matrix product in it: the rule for that stands above. In the second f and the old cell are two "
    "factors, element by element: rule 2.",
])
def lines_to_the_past(answer):
    for t, at in lines():
        found = answer(*copies(at, "grad_z", "grad_c", "f", "U"))
        stored = torch_lstm()
        if t == 0:
            rights = stored["grad_h0"], stored["grad_c0"]
        else:
            rights = at["grad_z"] @ at["U"].T, at["grad_c"] * at["f"]
        for (name, value), right in zip(several(found, ("dh_next", "dc_next")), rights):
            close(f"{name}, handed back by step {t},", value, right, LINE)


@exercise(hints=[
    "Each is a product of two arrays you are given; the shapes leave few choices. dW has the shape of W: (E, 4H).",
    "The sums over t and over the rows of the batch are one sum: reshape x to (T * B, E) and dz to (T * B, 4H).",
    "Which of the two is transposed, so that T * B stands inside? db adds up rows; dx goes back as dh_next did, by W.",
])
def weight_lines(answer):
    stored = torch_lstm()
    h_before = np.concatenate((stored["h0"][None], stored["h"][:-1]))
    found = answer(stored["x"].copy(), h_before, stored["grad_z"].copy(), stored["kernel"].copy())
    names = {"dW": "kernel", "dU": "recurrent_kernel", "db": "bias", "dx": "x"}
    for name, value in several(found, tuple(names)):
        close(name, value, stored[f"grad_{names[name]}"], LINE)


@exercise(hints=[
    "my_forward is notebook 02's loop; look at the docstring of cell.forward for what it must return.",
    "my_backward is a loop over reversed(range(T)) with your five lines in it, in the order in which you wrote them.",
    "Mind what belongs to which time: c[t] is the cell before step t, c[t + 1] the cell after it; dh[t] is the "
    "gradient of h[t + 1].",
])
def whole_cell(answer):
    if not isinstance(answer, (tuple, list)) or len(answer) != 2 or not all(map(callable, answer)):
        raise Wrong("give both functions: check.whole_cell((my_forward, my_backward))")
    forward, backward = map(watched, answer)
    check_shapes(forward, backward, example(seed=7))
    first = finite_differences(forward, backward, example(seed=7))
    name = worst(first)
    if not first[name] <= LIMIT:
        raise Wrong(f"finite differences: the gradient of {name} is off by {first[name]:.2g} of itself, and {LIMIT:g} "
                    "is the limit")
    second = against(torch_lstm(), forward, backward)
    name = worst({name: second[name] for name in OUTPUTS})
    if not second[name] <= PARITY:
        raise Wrong("the gradients are those of your forward pass, finite differences agree; but it is another cell "
                    f"than PyTorch's: {name} differs by up to {second[name]:.2g}")
    name = worst(second)
    if not second[name] <= PARITY:
        raise Wrong(f"the gradient of {name} differs from PyTorch's by up to {second[name]:.2g}")


def check_shapes(forward, backward, layer):
    """Raise Wrong unless both return three arrays, of the shapes that they should have."""
    T, B, H = layer["dh"].shape
    step, after, before = (T, B, 4 * H), (T + 1, B, H), (B, H)
    found = forward(layer["x"] @ layer["kernel"], *copies(layer, "h0", "c0", "recurrent_kernel"))
    for (name, array), shape in zip(several(found, ("gates", "h", "c")), (step, after, after)):
        check_shape(f"{name} of the forward pass", array, shape)
    gates, _, c = map(np.array, found)
    found = backward(*copies(layer, "dh", "dh_next", "dc_next"), gates, c, *copies(layer, "recurrent_kernel"))
    for (name, array), shape in zip(several(found, ("dz", "dh0", "dc0")), (step, before, before)):
        check_shape(f"{name} of the backward pass", array, shape)


def check_shape(what, array, shape):
    """Raise Wrong if it has another shape."""
    if np.shape(array) != shape:
        raise Wrong(f"{what}: the shape is {np.shape(array)}, it should be {shape}")


def worst(errors):
    """The name of the largest error; NaN is larger than all."""
    return max(errors, key=lambda name: np.inf if np.isnan(errors[name]) else errors[name])


@exercise(hints=[
    "The curve has two branches. Left of the bottom rounding rules, and the error is about eps / h; right of it "
    "curvature rules, and the error is about h^2.",
    "At the bottom both are of the same order: eps / h = h^2. Solve for h.",
])
def best_step(answer):
    for kind in (np.float64, np.float32):
        eps = float(np.finfo(kind).eps)
        h, right = float(answer(eps)), eps ** (1 / 3)
        if not h > 0:
            raise Wrong(f"for eps = {eps:.2g} your h is {h:.2g}; a step is larger than 0")
        if not 1 / 10 < h / right < 10:
            times, way = (right / h, "small") if h < right else (h / right, "large")
            raise Wrong(f"for eps = {eps:.2g} your h is {h:.2g}: on the U of {kind.__name__} that is some {times:.0f} "
                        f"times too {way}")


# -- the line-up of is_lstm: cells that are right, and cells that are not


def right_step(z, c):
    """One step as it should be: z (B, 4H), c (B, H) -> the gates, c and h."""
    zi, zf, zg, zo = np.split(z, 4, axis=1)
    i, f, g, o = cell.sigmoid(zi), cell.sigmoid(zf), np.tanh(zg), cell.sigmoid(zo)
    c = f * c + i * g
    return (i, f, g, o), c, o * np.tanh(c)


def bare(z, c):
    """The cell is shown without its tanh."""
    gates, c, _ = right_step(z, c)
    return gates, c, gates[3] * c


def another_order(z, c):
    """The gates stand in the order i f o g."""
    zi, zf, zo, zg = np.split(z, 4, axis=1)
    return right_step(np.concatenate((zi, zf, zg, zo), axis=1), c)


def coupled(z, c):
    """What is not forgotten is not written: f = 1 - i. A relative of the LSTM, and not it."""
    (i, _, g, o), _, _ = right_step(z, c)
    c = (1 - i) * c + i * g
    return (i, 1 - i, g, o), c, o * np.tanh(c)


def loop(step, hears=True):
    """A function like cell.forward that does `step` over and over; one that does not hear leaves h_{t-1} U out."""
    def forward(z, h0, c0, recurrent_kernel):
        h, c, all_gates = [h0], [c0], []
        for z_t in z:
            gates, c_t, h_t = step(z_t + hears * (h[-1] @ recurrent_kernel), c[-1])
            all_gates.append(np.concatenate(gates, axis=1))
            c.append(c_t)
            h.append(h_t)
        return np.stack(all_gates), np.stack(h), np.stack(c)
    return forward


def another_start(of_state):
    """A function like cell.forward that begins from `of_state` of the state it was given, and does not show it."""
    def forward(z, h0, c0, recurrent_kernel):
        gates, h, c = loop(right_step)(z, of_state(h0), of_state(c0), recurrent_kernel)
        h[0], c[0] = h0, c0
        return gates, h, c
    return forward


IMPOSTORS = {
    "squashes what it keeps": squashed_cell.forward,
    "shows its cell without a tanh": loop(bare),
    "has its gates in another order": loop(another_order),
    "has one gate for both writing and forgetting": loop(coupled),
    "does not hear what it said a step before": loop(right_step, hears=False),
    "starts from zero whatever state it is given": another_start(np.zeros_like),
    "swaps the rows of the state": another_start(lambda state: state[::-1]),
}


@exercise(hints=[
    "Two ways. Compare: run the suspect and an LSTM that you trust on random numbers. Or examine: find inputs for "
    "which you know what equations (1) to (7) must give.",
    "If you compare: all of h and of c, from a state that is not zero, with gates that are all different, over several "
    "steps and for several rows.",
    "Differences of 1e-15 are rounding. np.allclose knows that.",
])
def is_lstm(answer):
    for name, forward in {"cell.forward": cell.forward, "a loop with four separate gates": loop(right_step)}.items():
        if not verdict(answer, forward):
            raise Wrong(f"it refuses an LSTM that is right: {name}")
    through = [what for what, forward in IMPOSTORS.items() if verdict(answer, forward)]
    if through:
        others = f", and {len(through) - 1} of the other {len(IMPOSTORS) - 1}" if through[1:] else ""
        raise Wrong(f"an impostor gets through: one that {through[0]}{others}")


def verdict(answer, forward):
    """What the answer says of a suspect."""
    said = answer(forward)
    if not isinstance(said, (bool, np.bool_)):
        raise Wrong(f"it should return True or False; this is of the type {type(said).__name__}")
    return bool(said)
