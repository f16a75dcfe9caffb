"""The exercises of notebook 04, From the cell to letters: each line of the layers around the cell, and all of them."""

import numpy as np

from check import Wrong, close, exercise, several, shaped
from course.own_network import by_the_package, config_of
from lstm.gradcheck import numeric_gradient
from lstm.loss import cross_entropy, cross_entropy_backward, log_softmax
from lstm.model import initial_parameters

MEASURED = 1e-7  # how far from a slope that was measured in float64 a gradient may be
LINE = 1e-12  # how far from the package's number a line may be, both in float64
PARITY = 1e-9  # the same of a whole network, whose sums may be in another order


def measured(output, dy, *arrays):
    """The slopes of sum(dy * output(*arrays)) along each number of the arrays, by finite differences."""
    moved = [array.copy() for array in arrays]
    return [numeric_gradient(lambda: float(np.vdot(dy, output(*moved))), array, 1e-5) for array in moved]


@exercise(hints=[
    "y[m, n] is the sum over k of x[m, k] W[k, n]. Which entries of y does x[m, k] go into? All of row m.",
    "So dx[m, k] is the sum over n of dy[m, n] W[k, n]: a matrix product with W^T. Its shape must be that of x.",
    "W[k, n] goes into all of column n: dW[k, n] is the sum over m of x[m, k] dy[m, n].",
])
def matrix_product(answer):
    rng = np.random.default_rng(0)
    for M, K, N in ((2, 3, 4), (3, 3, 3)):  # with the second shapes alone do not tell
        x, W, dy = rng.normal(size=(M, K)), rng.normal(size=(K, N)), rng.normal(size=(M, N))
        slopes = measured(np.matmul, dy, x, W)
        for (name, value), slope in zip(several(answer(x.copy(), W.copy(), dy.copy()), ("dx", "dW")), slopes):
            close(f"{name} for x {x.shape}, W {W.shape}", value, slope, MEASURED)


def dense_layer():
    """T, B, H, V all different; h (T, B, H), W (H, V), b (V,) and dlogits (T, B, V), random."""
    rng = np.random.default_rng(1)
    return [rng.normal(size=shape) for shape in ((4, 2, 3), (3, 5), (5,), (4, 2, 5))]


@exercise(hints=[
    "`h @ W` works on the last axis of h, whatever is in front of it: (T, B, H) times (H, V) is (T, B, V).",
    "The bias is the same at every time and in every row: NumPy adds (V,) to (T, B, V) by itself.",
])
def dense_forward(answer):
    h, W, b, _ = dense_layer()
    close("the logits", answer(h.copy(), W.copy(), b.copy()), h @ W + b, LINE)


@exercise(hints=[
    "Time steps and rows of the batch are all the same to this layer: reshape h to (T*B, H) and dlogits to (T*B, V), "
    "and it is rule 5.",
    "b was added at every place. What is used many times gets the sum of the gradients (rule 4).",
    "dh has the shape of h, (T, B, H).",
])
def dense_backward(answer):
    h, W, b, dlogits = dense_layer()
    slopes = measured(lambda h, W, b: h @ W + b, dlogits, h, W, b)
    found = answer(dlogits.copy(), h.copy(), W.copy())
    for (name, value), slope in zip(several(found, ("dh", "dW", "db")), slopes):
        close(name, value, slope, MEASURED)


def scores():
    """Logits (T, B, V) to try: usual ones, and rows where exp overflows or becomes 0. And targets (T, B)."""
    rng = np.random.default_rng(2)
    logits = 3 * rng.normal(size=(4, 3, 6))
    logits[1, 0] += 1000
    logits[2, 1] -= 1000
    logits[3, 2, 0] += 2000
    targets = rng.integers(6, size=(4, 3))
    targets[3, 2] = 1  # which has a probability of e^-2000: as a float it is 0
    return logits, targets


@exercise(hints=[
    "Take exp of every logit, and divide by their sum over the last axis. keepdims=True keeps the shapes fitting.",
    "exp(1000) is infinite. Adding the same number to all logits of a row changes no probability: look at the "
    "fraction. Which number makes the largest one harmless?",
    "Take the row's largest logit off first: np.max(logits, axis=-1, keepdims=True).",
])
def softmax(answer):
    logits, _ = scores()
    with np.errstate(all="ignore"):  # it is the values that are looked at
        found = answer(logits.copy())
    names = ("usual logits", "with logits near 1000", "with logits near -1000", "with one logit of 2000")
    for name, value, row in zip(names, shaped(found, logits.shape), logits):
        close(f"p, {name}", value, np.exp(log_softmax(row)), LINE)


@exercise(hints=[
    "log of a fraction is a difference: log p_y = z_y - log(sum of exp(z)). No division, and no log of a number that "
    "may be 0.",
    "The log of the sum needs the same care as softmax: take the largest logit off first.",
    "np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0] picks the entry of each target.",
])
def surprise(answer):
    logits, targets = scores()
    with np.errstate(all="ignore"):
        found = shaped(answer(logits.copy(), targets.copy()), targets.shape)
    right, _ = cross_entropy(logits, targets)
    close("the nats of usual logits", found[0], right[0], LINE)
    close("the nats with logits near 1000 and -1000", found[1:3], right[1:3], LINE)
    close("the nats of a target whose p is e^-2000", found[3], right[3], LINE)


@exercise(hints=[
    "The loss is the MEAN of -log p(target) over all T*B characters; (04.5) is for one of them.",
    "p - onehot: take the softmax, and 1 off where the target stands.",
    "np.eye(V)[targets] is one-hot, (T, B, V). All is divided by the number of characters, targets.size.",
])
def logits_gradient(answer):
    logits, targets = scores()
    with np.errstate(all="ignore"):
        found = shaped(answer(logits.copy(), targets.copy()), logits.shape)
    right = cross_entropy_backward(log_softmax(logits), targets, targets.size)
    close("dlogits", found, right, LINE)


@exercise(hints=[
    "Multiplying a one-hot row by a matrix picks one row of it. NumPy picks rows without any multiplication.",
    "Index the table with the ids.",
])
def embed(answer):
    table, ids = np.random.default_rng(3).normal(size=(5, 3)), np.array([[0, 4], [4, 4], [2, 0]])
    close("x", answer(ids.copy(), table.copy()), np.eye(5)[ids] @ table, LINE)


@exercise(hints=[
    "A row of the table was used wherever its character stood; by rule 4 its gradient is the sum over those places.",
    "`dtable[ids] += dx` does not sum: where an id comes twice, NumPy keeps one of the two. np.add.at does sum.",
    "Or as a product: one_hot^T @ dx, rule 5 for x = one_hot W.",
])
def embedding_gradient(answer):
    ids, dx = np.array([[0, 4], [4, 4], [2, 0]]), np.random.default_rng(4).normal(size=(3, 2, 3))
    right = np.eye(5)[ids].reshape(-1, 5).T @ dx.reshape(-1, 3)
    found = shaped(answer(dx.copy(), ids.copy(), 5), right.shape)
    for k in (1, 3):
        close(f"the row of character {k}, which is not in the text,", found[k], right[k], LINE)
    close("the row of character 2, which comes once,", found[2], right[2], LINE)
    close("the rows of characters that come several times", found[[0, 4]], right[[0, 4]], LINE)


def toy_layer(x, W):
    """A layer that is easier than the LSTM, with the same habits: x, W -> its output and a cache for the way back."""
    y = np.tanh(x @ W)
    return y, (x, y)


def toy_backward(dy, W, cache):
    """dy -> dx and the gradient of W."""
    x, y = cache
    dz = dy * (1 - y**2)
    return dz @ W.T, x.T @ dz


def tower(x, *layers):
    """The output of layers on top of each other."""
    for W in layers:
        x, _ = toy_layer(x, W)
    return x


@exercise(hints=[
    "Forward: the output of a layer is the input of the one above. So on the way back the gradient of a layer's "
    "input, dx, is the gradient that reaches the output of the layer below.",
    "Go through layers and caches from the last to the first, and hand dx on: `dh, gradient = backward(dh, layer, "
    "cache)`.",
    "The gradients come out last layer first; they are wanted in the order of the layers.",
])
def stack_backward(answer):
    rng = np.random.default_rng(5)
    x, layers, dh = rng.normal(size=(4, 3)), [rng.normal(size=(3, 3)) for _ in range(3)], rng.normal(size=(4, 3))
    slope_x, *slopes = measured(tower, dh, x, *layers)
    caches, y = [], x
    for W in layers:
        y, cache = toy_layer(y, W)
        caches.append(cache)
    found = answer(dh.copy(), list(layers), caches, toy_backward)
    (_, dx), (_, gradients) = several(found, ("dx", "gradients"))
    if not isinstance(gradients, (list, tuple)) or len(gradients) != len(layers):
        raise Wrong(f"gradients should be a list of {len(layers)}, one for each layer")
    for n in reversed(range(len(layers))):
        close(f"the gradient of layer {n + 1} of {len(layers)}", gradients[n], slopes[n], MEASURED)
    close("dx, the gradient of the first layer's input,", dx, slope_x, MEASURED)


@exercise(hints=[
    "keep is True where a number stays. Multiplying by it makes the others 0.",
    "The mean should stay what it is without dropout: of 1 - rate that are left, each must be larger by how much?",
])
def drop(answer):
    rng = np.random.default_rng(6)
    for rate in (0.0, 0.25, 0.5):
        x, keep = rng.normal(size=(3, 2, 4)), rng.random((3, 2, 4)) >= rate
        close(f"y at rate {rate}", answer(x.copy(), keep.copy(), rate), x * keep / (1 - rate), LINE)


@exercise(hints=[
    "y = x * (keep / (1 - rate)): a product of x with a number that does not depend on x. Rule 1.",
    "What was dropped has had no part in the loss, so its gradient is 0. What stayed was scaled, and so is its "
    "gradient: with the SAME keep.",
])
def drop_backward(answer):
    rng = np.random.default_rng(7)
    for rate in (0.25, 0.5):
        x, dy, keep = rng.normal(size=(3, 2, 4)), rng.normal(size=(3, 2, 4)), rng.random((3, 2, 4)) >= rate
        slope, = measured(lambda x: x * keep / (1 - rate), dy, x)
        close(f"dx at rate {rate}", answer(dy.copy(), keep.copy(), rate), slope, MEASURED)


@exercise(hints=[
    "Forward: embed, then z = x W + b for all time steps, then your loop over time, then dense, then the mean of the "
    "surprises. Each is one line, with what you have written.",
    "Backward in the opposite order: dlogits; the dense layer gives dh (T, B, H); your loop gives dz; exercise 6 of "
    "notebook 03 gives dW, dU, db and dx; the embedding is last. Nothing comes from beyond the last step: "
    "dh_next = dc_next = 0.",
    "your_forward returns h (T+1, B, H) with the first state in front: the dense layer reads h[1:], and dU needs "
    "h[:-1]. The state to hand on is h[-1], c[-1].",
])
def own_network(answer):
    rng, V, T, B, H = np.random.default_rng(8), 5, 6, 2, 4
    p = initial_parameters(config_of(V, 3, H), seed=9, dtype=np.float64)
    p["dense/bias"] = rng.normal(size=V)  # which begins as 0, and then a slip in its place could not be seen
    ids, targets, (h, c) = *rng.integers(V, size=(2, T, B)), 0.5 * rng.normal(size=(2, B, H))
    copies = {name: array.copy() for name, array in p.items()}
    found = answer(copies, ids.copy(), targets.copy(), h.copy(), c.copy())
    (_, loss), (_, gradient), *state = several(found, ("loss", "gradient", "h", "c"))
    right, gradients, *after = by_the_package(dict(p.items()), ids, targets, h, c)
    close("the loss", loss, right, PARITY)
    for (name, value), wanted in zip(state, after):
        close(f"{name} after the last character", value, wanted, PARITY)
    if not hasattr(gradient, "keys") or set(gradient.keys()) != set(gradients):
        raise Wrong(f"gradient should be a dict with the names of p: {', '.join(gradients)}")
    for name in reversed(gradients):  # as the gradient goes: the first that is wrong is where to look
        close(f"the gradient of {name}", gradient[name], gradients[name], PARITY)
