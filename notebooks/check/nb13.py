"""The exercises of notebook 13, From here to PyTorch and Keras: weights both ways, axes, losses, masks, relatives.

What the answers are compared with is of PyTorch and Keras, stored: see frameworks_with_peers.py.
"""

from functools import cache

import numpy as np

from check import Wrong, close, exercise, several, shaped
from course import peers
from lstm import cell

EXACT = 1e-12


@cache
def stored():
    """What the libraries computed for the exercises."""
    return peers.revived(peers.stored()["for_exercises"])


def a_layer(E=4, H=5, seed=0):
    """kernel (E, 4H), recurrent_kernel (H, 4H), bias (4H,), all random."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in ((E, 4 * H), (H, 4 * H), (4 * H,))]


def run(kernel, recurrent_kernel, bias, x):
    """Our layer over x (T, B, E): h (T, B, H)."""
    zero = np.zeros((x.shape[1], len(recurrent_kernel)))
    return cell.forward(x @ kernel + bias, zero, zero, np.ascontiguousarray(recurrent_kernel))[1][1:]


def ported(kernel, recurrent_kernel, bias, second=0.0):
    """As PyTorch has the arrays; `second` is what its second bias has, taken from the first."""
    first = bias - second
    return {"weight_ih_l0": kernel.T.copy(), "weight_hh_l0": recurrent_kernel.T.copy(), "bias_ih_l0": first,
            "bias_hh_l0": np.zeros_like(bias) + second}


@exercise(hints=[
    "PyTorch multiplies by the transposed kernel, so it stores (4H, E). The gates stand in our order.",
    "There is one bias here and two there, which are added. What must the second be?",
])
def to_pytorch(answer):
    for E, H in ((4, 5), (3, 3)):
        layer = a_layer(E, H)
        found, right = answer(*(array.copy() for array in layer)), ported(*layer)
        if not isinstance(found, dict) or set(found) != set(right):
            raise Wrong(f"it should return a dict with the names {', '.join(right)}")
        for name in ("weight_ih_l0", "weight_hh_l0"):
            close(name, shaped(found[name], right[name].shape), right[name], EXACT)
        both = [shaped(found[name], layer[2].shape) for name in ("bias_ih_l0", "bias_hh_l0")]
        close("the sum of the two biases", both[0] + both[1], layer[2], EXACT)


@exercise(hints=[
    "Both matrices are transposed.",
    "Equation (1) has one bias. PyTorch's cell adds bias_ih and bias_hh, and both have numbers in them.",
])
def from_pytorch(answer):
    oracle, x = stored()["lstm"], stored()["x"]
    weights = {name: array.copy() for name, array in oracle["weights"].items()}
    (_, E), H = weights["weight_ih_l0"].shape, weights["weight_hh_l0"].shape[1]
    shapes = {"kernel": (E, 4 * H), "recurrent_kernel": (H, 4 * H), "bias": (4 * H,)}
    found = []
    for name, value in several(answer(weights), shapes):
        try:
            found.append(np.asarray(shaped(value, shapes[name]), float))
        except Wrong as wrong:
            raise Wrong(f"{name}: {wrong}") from None
    close("what the layer makes of a text, beside PyTorch's h,", run(*found, x), oracle["h"], EXACT)


@exercise(hints=[
    "Cut the last axis in four: np.split(array, 4, axis=-1). Each piece has a letter, by `order`.",
    "Then put them together again, in the order of the letters of `wanted`: np.concatenate(..., axis=-1).",
])
def reordered(answer):
    kernel, _, bias = a_layer()
    for order, wanted in (("ifgo", "iofg"), ("iofg", "ifgo"), ("ifgo", "gifo"), ("fogi", "igof"), ("ifgo", "ifgo")):
        for array in (kernel, bias):
            gates = dict(zip(order, np.split(array, 4, axis=-1)))
            right = np.concatenate([gates[gate] for gate in wanted], axis=-1)
            found = shaped(answer(array.copy(), order, wanted), right.shape)
            close(f"{order} -> {wanted}, array {array.shape}", found, right, EXACT)


def wrong_ports(kernel, recurrent_kernel, bias):
    """(what was done, which array is wrong, the port) of some right ports, and of some with one fault."""
    H = len(recurrent_kernel)
    right = ported(kernel, recurrent_kernel, bias)
    blocks = [block.T for block in np.split(recurrent_kernel, 4, axis=1)]
    i, f, g, o = np.split(right["weight_ih_l0"], 4)
    as_split = ported(kernel, recurrent_kernel, bias, second=0.25)
    yield "a right port", None, right
    yield "a right port, its bias in two parts", None, as_split
    yield "a port", "weight_ih_l0", right | {"weight_ih_l0": kernel.reshape(4 * H, -1)}
    yield "a port", "weight_hh_l0", right | {"weight_hh_l0": recurrent_kernel.reshape(4 * H, H)}
    yield "a port", "weight_hh_l0", right | {"weight_hh_l0": np.concatenate(blocks, axis=1).T}
    yield "a port", "weight_ih_l0", right | {"weight_ih_l0": np.concatenate((i, o, f, g))}
    yield "a port", "bias", right | {"bias_hh_l0": bias.copy()}
    yield "a port", "bias", as_split | {"bias_ih_l0": bias.copy()}


@exercise(hints=[
    "You have written what a right port is: exercise 1. Compare array with array, by np.allclose.",
    "Of the biases compare the sum. Both parts may have numbers in them and be right together.",
])
def wrong_array(answer):
    for E, H in ((5, 5), (3, 4)):
        layer = a_layer(E, H, seed=E)
        for what, right, port in wrong_ports(*layer):
            found = answer(*(array.copy() for array in layer), {name: array.copy() for name, array in port.items()})
            if not (found is None or isinstance(found, str)) or found != right:
                fault = "nothing is wrong" if right is None else "one array is wrong, another one or another name"
                raise Wrong(f"of {what} with E = {E} and H = {H} it says {found!r}; there {fault}")


@exercise(hints=[
    "Write both steps with m and v alone. What stands before m / (...) must be the same in both.",
    "Expand (13.1) by sqrt(1 - b2^t): sqrt(v / (1 - b2^t)) becomes sqrt(v). What becomes of epsilon?",
])
def keras_epsilon(answer):
    for epsilon, t, b2 in ((1e-7, 1, 0.999), (1e-7, 100, 0.999), (1e-8, 3, 0.99), (1e-3, 100_000, 0.999)):
        found, right = shaped(answer(epsilon, t, b2), ()), epsilon * np.sqrt(1 - b2**t)
        if not np.isclose(found, right, rtol=1e-9, atol=0):
            raise Wrong(f"for epsilon = {epsilon:g}, t = {t}, b2 = {b2}: {found:.6g} is {found / right:.3g} times "
                        "what it should be")


@exercise(hints=[
    "Give it some x, and then the same x with another beginning: x[0] changed, or x[:, 0]. Which outputs move?",
    "What happens at one time moves later outputs. What happens in one text moves no other text.",
    "Change x[:1] alone. If outputs at [1:] move too, axis 0 is time.",
])
def time_axis(answer):
    kernel, recurrent_kernel, bias = a_layer(seed=3)

    def first(x):
        return run(kernel, recurrent_kernel, bias, np.asarray(x, float))

    def second(x):
        return first(np.swapaxes(x, 0, 1)).swapaxes(0, 1)

    for shape in ((6, 3, 4), (3, 6, 4), (5, 5, 4)):
        for right, read in enumerate((first, second)):
            found = answer(read, shape)
            if isinstance(found, bool) or found not in (0, 1):
                raise Wrong(f"it should return 0 or 1, and gives {found!r}")
            if found != right:
                raise Wrong(f"of a layer that was given {shape} it says {found}; along that axis no output depends "
                            "on another one's input")


@exercise(hints=[
    "nn.LSTM has, in each layer: weight_ih (4H, E or H), weight_hh (4H, H), bias_ih and bias_hh (4H,).",
    "The first layer reads E numbers, the others H.",
])
def pytorch_parameters(answer):
    for E, H, L, right in stored()["parameters"]:
        found = answer(E, H, L)
        if np.ndim(found) or found != right:
            raise Wrong(f"for E = {E}, H = {H}, L = {L} it says {found}, which is not what nn.LSTM has")


@exercise(hints=[
    "First the loss: the mean over all characters. Then e to the power of it.",
    "The mean of the exponentials is another number, and so is 2 to the power of the loss in nats.",
])
def perplexity(answer):
    V = 82
    rng = np.random.default_rng(0)
    for what, nats in {
        f"a network that knows nothing of {V} characters": np.full((4, 3), np.log(V)),
        "one that is always right": np.zeros((2, 5)),
        "losses of all sizes": rng.exponential(size=(7, 4)),
    }.items():
        close(f"the perplexity of {what}", shaped(answer(nats.copy()), ()), np.exp(nats.mean()), EXACT)


def filled_up(seed, lengths=(6, 2, 4)):
    """Losses (T, B) of texts of these lengths; what is filled in is large."""
    nats = np.random.default_rng(seed).exponential(size=(7, len(lengths)))
    nats[np.arange(7)[:, None] >= lengths] += 50
    return nats, np.array(lengths)


@exercise(hints=[
    "Which places are real? np.arange(T)[:, None] < lengths is True there, (T, B).",
    "Their sum, divided by how many they are. Dividing by T * B would make short texts cheap.",
    "Every character counts alike: not a mean of the rows' means.",
])
def masked_mean(answer):
    for lengths in ((6, 2, 4), (7, 7, 7), (1, 1, 5)):
        nats, n = filled_up(len(set(lengths)), lengths)
        real = np.arange(7)[:, None] < n
        found = shaped(answer(nats.copy(), n.copy()), ())
        close(f"the mean of texts of {lengths} steps, filled up to 7,", found, nats[real].mean(), EXACT)


@exercise(hints=[
    "Row b ends at step lengths[b] - 1.",
    "h[lengths - 1, np.arange(B)] takes one step of each row.",
])
def last_outputs(answer):
    oracle, x = stored()["lstm"], stored()["x"]
    weights = oracle["weights"]
    bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    h, lengths = run(weights["weight_ih_l0"].T, weights["weight_hh_l0"].T, bias, x), np.array(oracle["lengths"])
    found = shaped(answer(h.copy(), lengths.copy()), oracle["h_n"].shape)
    close(f"the last outputs of texts of {oracle['lengths']} steps, beside PyTorch's packed h_n,", found,
          oracle["h_n"], EXACT)


@exercise(hints=[
    "Both products at once: a = x @ W + b and s = h @ U + d, (B, 3H) each. Then cut both in three: r k g.",
    "r and k are sigmoids of sums. g is tanh(a_g + r * s_g): r multiplies d_g too.",
])
def gru_step(answer):
    oracle, x = stored()["gru"], stored()["x"]
    weights = oracle["weights"]
    given = [weights[name] for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
    W, U, b, d = (array.T.copy() for array in given)
    found = shaped(answer(x[0].copy(), oracle["h0"].copy(), W, U, b, d), oracle["h0"].shape)
    close("h, beside that of nn.GRU,", found, oracle["h"], EXACT)


@exercise(hints=[
    "The scores are q @ k.T / sqrt(D), (T, T): row t is what step t seeks, column s what step s offers.",
    "Where s > t the score becomes -inf, before the softmax; np.triu(..., 1) or np.tril tells where.",
    "Softmax along the last axis, then times v.",
])
def attention(answer):
    oracle = stored()["attention"]
    q, k, v = (array.copy() for array in oracle["qkv"])
    with np.errstate(all="ignore"):
        found = shaped(answer(q, k, v), oracle["y"].shape)
    close("y, beside PyTorch's,", found, oracle["y"], EXACT)


@exercise(hints=[
    "The shapes say whether a kernel is transposed: x has E numbers, h has H.",
    "The order of the gates no shape tells. There are 24: itertools.permutations('ifgo').",
    "For each order put the gates as ours, run a layer (cell.forward, or your own of notebook 02), and compare h.",
])
def whose_weights(answer):
    x = stored()["x"]
    names = "kernel", "recurrent_kernel", "bias"
    for order in ("ifgo", "iofg", "gofi"):
        for turned in (False, True):
            layer = a_layer(seed=len(order) + turned)
            where = ["ifgo".index(gate) for gate in order]
            theirs = [np.concatenate([np.split(array, 4, axis=-1)[n] for n in where], axis=-1) for array in layer]
            if turned:
                theirs[:2] = [array.T.copy() for array in theirs[:2]]
            found = answer(*(array.copy() for array in theirs), x.copy(), run(*layer, x))
            for (name, value), right in zip(several(found, names), layer):
                what = f"{name} of a file with the gates {order}{', transposed' * turned}"
                close(what, value, right, EXACT)
