"""Solutions of notebook 13, right answers in other styles, and wrong ones with words that the check must say."""

from itertools import permutations

import numpy as np

from lstm.cell import forward, sigmoid
from solutions.nb04 import softmax

NAMES = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"


def to_pytorch(kernel, recurrent_kernel, bias):
    return dict(zip(NAMES, (kernel.T, recurrent_kernel.T, bias, np.zeros_like(bias))))


def bias_in_the_second(kernel, recurrent_kernel, bias):
    return dict(zip(NAMES, (kernel.T, recurrent_kernel.T, np.zeros_like(bias), bias)))


def half_in_each(kernel, recurrent_kernel, bias):
    return {
        "bias_hh_l0": bias / 2,
        "bias_ih_l0": bias / 2,
        "weight_hh_l0": np.swapaxes(recurrent_kernel, 0, 1).tolist(),
        "weight_ih_l0": [[row[n] for row in kernel] for n in range(kernel.shape[1])],
    }


def from_pytorch(weights):
    W, U, b, d = (weights[name] for name in NAMES)
    return W.T, U.T, b + d


def from_pytorch_in_place(weights):
    weights["bias_ih_l0"] += weights["bias_hh_l0"]
    return [weights["weight_ih_l0"].transpose(), weights["weight_hh_l0"].transpose(), weights["bias_ih_l0"]]


def from_pytorch_by_einsum(weights):
    kernel, recurrent_kernel = (np.einsum("ge->eg", weights[name]) for name in NAMES[:2])
    return kernel, recurrent_kernel, np.sum([weights[name] for name in NAMES[2:]], axis=0)


def reordered(array, order, wanted):
    gates = dict(zip(order, np.split(array, 4, axis=-1)))
    return np.concatenate([gates[gate] for gate in wanted], axis=-1)


def reordered_by_columns(array, order, wanted):
    H = array.shape[-1] // 4
    columns = [order.index(gate) * H + unit for gate in wanted for unit in range(H)]
    return array[..., columns]


def reordered_by_shape(array, order, wanted):
    apart = array.reshape(*array.shape[:-1], 4, -1)
    return apart[..., [order.index(gate) for gate in wanted], :].reshape(array.shape)


def wrong_array(kernel, recurrent_kernel, bias, ported):
    right = to_pytorch(kernel, recurrent_kernel, bias)
    for name in NAMES[:2]:
        if not np.allclose(ported[name], right[name]):
            return name
    return None if np.allclose(ported["bias_ih_l0"] + ported["bias_hh_l0"], bias) else "bias"


def wrong_array_from_there(kernel, recurrent_kernel, bias, ported):
    pairs = zip((*NAMES[:2], "bias"), (kernel, recurrent_kernel, bias), from_pytorch(ported))
    return next((name for name, ours, theirs in pairs if np.abs(ours - theirs).max() > 1e-9), None)


def wrong_array_in_place(kernel, recurrent_kernel, bias, ported):
    ported["weight_ih_l0"] -= kernel.T
    ported["weight_hh_l0"] -= recurrent_kernel.T
    bias -= ported.pop("bias_ih_l0") + ported.pop("bias_hh_l0")
    ported["bias"] = bias
    wrong = [name for name, left in ported.items() if np.max(np.abs(left)) > 1e-6]
    return wrong[0] if wrong else None


def keras_epsilon(epsilon, t, b2):
    return epsilon * np.sqrt(1 - b2**t)


def keras_epsilon_by_power(epsilon, t, b2):
    return epsilon * (1 - b2**t) ** 0.5


def keras_epsilon_as_vector(epsilon, t, b2):
    correction = 1 - np.power(b2, t)
    return np.float64(epsilon / np.sqrt(1 / correction))


def time_axis(read, shape):
    x = np.random.default_rng(0).normal(size=shape)
    other = x.copy()
    other[0] += 1
    return 0 if np.abs(read(x) - read(other))[1:].max() > 0 else 1


def time_axis_by_the_other(read, shape):
    x = np.zeros(shape)
    before = np.array(read(x))
    x[:, 0] = 1
    return int((read(x)[:, 1:] != before[:, 1:]).any())


def time_axis_by_slices(read, shape):
    x = np.random.default_rng(1).normal(size=shape)
    alone = read(x[:, :1])  # one of the second axis: the same as among the others if those are texts
    return 0 if np.allclose(alone, read(x)[:, :1]) and not np.allclose(read(x[1:]), read(x)[1:]) else 1


def pytorch_parameters(E, H, L):
    return sum(4 * H * ((H if n else E) + H + 2) for n in range(L))


def parameters_of_shapes(E, H, L):
    count = 0
    for n in range(L):
        for shape in ((4 * H, H if n else E), (4 * H, H), (4 * H,), (4 * H,)):
            count += np.prod(shape)
    return count


def parameters_at_once(E, H, L):
    return 4 * H * (E + H + 2) + (L - 1) * 8 * H * (H + 1)


def perplexity(nats):
    return np.exp(nats.mean())


def perplexity_of_probability(nats):
    return np.prod(np.exp(-nats)) ** (-1 / nats.size)


def perplexity_in_bits(nats):
    return 2 ** (np.sum(nats) / np.log(2) / nats.size)


def masked_mean(nats, lengths):
    real = np.arange(len(nats))[:, None] < lengths
    return nats[real].mean()


def masked_mean_row_by_row(nats, lengths):
    return sum(nats[:n, b].sum() for b, n in enumerate(lengths)) / sum(lengths)


def masked_mean_in_place(nats, lengths):
    for b, n in enumerate(lengths):
        nats[n:, b] = 0
    return np.average(nats) * nats.size / lengths.sum()


def last_outputs(h, lengths):
    return h[lengths - 1, np.arange(h.shape[1])]


def last_outputs_row_by_row(h, lengths):
    return [h[n - 1, b] for b, n in enumerate(lengths)]


def last_outputs_by_mask(h, lengths):
    steps = np.arange(1, len(h) + 1)[:, None, None]
    return (h * (steps == lengths[:, None])).sum(axis=0)


def gru_step(x, h, W, U, b, d):
    r, k, g = np.split(x @ W + b, 3, axis=1)
    s, l, u = np.split(h @ U + d, 3, axis=1)  # noqa: E741
    r, k = sigmoid(r + s), sigmoid(k + l)
    g = np.tanh(g + r * u)
    return k * h + (1 - k) * g


def gru_step_by_columns(x, h, W, U, b, d):
    H = h.shape[1]
    r, k, g = (slice(n * H, (n + 1) * H) for n in range(3))

    def gate(n):
        return 1 / (1 + np.exp(-(x @ W[:, n] + b[n] + h @ U[:, n] + d[n])))

    new = np.tanh(x @ W[:, g] + b[g] + gate(r) * (h @ U[:, g] + d[g]))
    return new + gate(k) * (h - new)


def gru_step_row_by_row(x, h, W, U, b, d):
    return [gru_step(x[n : n + 1], h[n : n + 1], W, U, b, d)[0] for n in range(len(x))]


def attention(q, k, v):
    scores = q @ k.T / np.sqrt(q.shape[-1])
    scores[np.triu_indices(len(q), 1)] = -np.inf
    return softmax(scores) @ v


def attention_step_by_step(q, k, v):
    return [softmax(q[t] @ k[: t + 1].T / np.sqrt(q.shape[1])) @ v[: t + 1] for t in range(len(q))]


def attention_by_weights(q, k, v):
    weights = np.tril(np.exp(q @ k.T * q.shape[1] ** -0.5))
    return weights / weights.sum(axis=1, keepdims=True) @ v


def unlike(kernel, recurrent_kernel, x):
    """The two kernels as (E, 4H) and (H, 4H)."""
    if len(kernel) != x.shape[2]:
        return kernel.T, recurrent_kernel.T
    return kernel, recurrent_kernel


def whose_weights(kernel, recurrent_kernel, bias, x, h):
    kernel, recurrent_kernel = unlike(kernel, recurrent_kernel, x)
    zero = np.zeros_like(h[0])
    for order in permutations("ifgo"):
        W, U, b = (reordered(array, order, "ifgo") for array in (kernel, recurrent_kernel, bias))
        if np.allclose(forward(x @ W + b, zero, zero, U)[1][1:], h):
            return W, U, b


def whose_by_one_step(kernel, recurrent_kernel, bias, x, h):
    """One step in plain equations: the first h does not need U, the second does."""
    kernel, recurrent_kernel = unlike(kernel, recurrent_kernel, x)
    for order in permutations(range(4)):
        before = c = np.zeros_like(h[0])
        for t in range(2):
            z = np.split(x[t] @ kernel + before @ recurrent_kernel + bias, 4, axis=1)
            i, f, g, o = (z[n] for n in order)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            before = sigmoid(o) * np.tanh(c)
        if np.abs(before - h[1]).max() < 1e-9:
            names = "".join("abcd"[n] for n in order)
            return [reordered_by_columns(array, "abcd", names) for array in (kernel, recurrent_kernel, bias)]


def whose_by_best(kernel, recurrent_kernel, bias, x, h):
    kernel, recurrent_kernel = unlike(kernel, recurrent_kernel, x)
    zero = np.zeros_like(h[0])

    def layer(order):
        return tuple(reordered_by_shape(array, order, "ifgo") for array in (kernel, recurrent_kernel, bias))

    def off(order):
        W, U, b = layer(order)
        return np.abs(forward(x @ W + b, zero, zero, U)[1][1:] - h).sum()

    return layer(min(map("".join, permutations("ifgo")), key=off))


SOLUTIONS = {
    "to_pytorch": to_pytorch,
    "from_pytorch": from_pytorch,
    "reordered": reordered,
    "wrong_array": wrong_array,
    "keras_epsilon": keras_epsilon,
    "time_axis": time_axis,
    "pytorch_parameters": pytorch_parameters,
    "perplexity": perplexity,
    "masked_mean": masked_mean,
    "last_outputs": last_outputs,
    "gru_step": gru_step,
    "attention": attention,
    "whose_weights": whose_weights,
}

ALSO_RIGHT = {
    "to_pytorch": [bias_in_the_second, half_in_each],
    "from_pytorch": [from_pytorch_in_place, from_pytorch_by_einsum],
    "reordered": [reordered_by_columns, reordered_by_shape],
    "wrong_array": [wrong_array_from_there, wrong_array_in_place],
    "keras_epsilon": [keras_epsilon_by_power, keras_epsilon_as_vector],
    "time_axis": [time_axis_by_the_other, time_axis_by_slices],
    "pytorch_parameters": [parameters_of_shapes, parameters_at_once],
    "perplexity": [perplexity_of_probability, perplexity_in_bits],
    "masked_mean": [masked_mean_row_by_row, masked_mean_in_place],
    "last_outputs": [last_outputs_row_by_row, last_outputs_by_mask],
    "gru_step": [gru_step_by_columns, gru_step_row_by_row],
    "attention": [attention_step_by_step, attention_by_weights],
    "whose_weights": [whose_by_one_step, whose_by_best],
}


def reset_before_the_product(x, h, W, U, b, d):
    r, k, g = np.split(x @ W + b, 3, axis=1)
    U_r, U_k, U_g = np.split(U, 3, axis=1)
    d_r, d_k, d_g = np.split(d, 3)
    r, k = sigmoid(r + h @ U_r + d_r), sigmoid(k + h @ U_k + d_k)
    return k * h + (1 - k) * np.tanh(g + (r * h) @ U_g + d_g)


def by_gate_names(array, order, wanted):
    """Where the pieces go, taken for where they come from."""
    pieces = np.split(array, 4, axis=-1)
    return np.concatenate([pieces[wanted.index(gate)] for gate in order], axis=-1)


WRONG = {
    "to_pytorch": [
        (lambda W, U, b: dict(zip(NAMES, (W, U, b, 0 * b))), "the shape is (4, 20), it should be (20, 4)"),
        (lambda W, U, b: dict(zip(NAMES, (W.reshape(W.shape[::-1]), U.T, b, 0 * b))), "weight_ih_l0: "),
        (lambda W, U, b: dict(zip(NAMES, (W.T, U.T, b, b))), "the sum of the two biases"),
        (lambda W, U, b: dict(zip(NAMES[:3], (W.T, U.T, b))), "names weight_ih_l0"),
    ],
    "from_pytorch": [
        (lambda w: (w["weight_ih_l0"].T, w["weight_hh_l0"].T, w["bias_ih_l0"]), "beside PyTorch's h"),
        (lambda w: (w["weight_ih_l0"], w["weight_hh_l0"], w["bias_ih_l0"] + w["bias_hh_l0"]), "kernel: the shape"),
        (lambda w: (w["weight_ih_l0"].T, w["weight_hh_l0"].reshape(5, 20), w["bias_ih_l0"] + w["bias_hh_l0"]),
         "beside PyTorch's h"),
        (lambda w: tuple(w.values()), "3 values"),
    ],
    "reordered": [
        (lambda array, order, wanted: array, "ifgo -> iofg"),
        (by_gate_names, "ifgo -> iofg"),
        (lambda array, order, wanted: reordered(array, "ifgo", wanted), "iofg -> ifgo"),
        (lambda array, order, wanted: reordered(array.T, order, wanted), "the shape is"),
    ],
    "wrong_array": [
        (lambda W, U, b, p: next((n for n, a in to_pytorch(W, U, b).items() if not np.allclose(a, p[n])), None),
         "in two parts"),
        (lambda W, U, b, p: "weight_hh_l0", "nothing is wrong"),
        (lambda W, U, b, p: None, "one array is wrong"),
        (lambda W, U, b, p: next((n for n, a in to_pytorch(W, U, b).items() if a.shape != p[n].shape), None),
         "one array is wrong"),
    ],
    "keras_epsilon": [
        (lambda epsilon, t, b2: epsilon, "31.6 times"),
        (lambda epsilon, t, b2: epsilon / np.sqrt(1 - b2**t), "times what it should be"),
        (lambda epsilon, t, b2: epsilon * (1 - b2**t), "times what it should be"),
        (lambda epsilon, t, b2: epsilon * np.sqrt(1 - b2), "t = 100"),
    ],
    "time_axis": [
        (lambda read, shape: 0, "it says 0"),
        (lambda read, shape: int(shape[1] > shape[0]), "it says"),
        (lambda read, shape: 1 - time_axis(read, shape), "it says 1"),
        (lambda read, shape: read(np.zeros(shape)).shape, "0 or 1"),
    ],
    "pytorch_parameters": [
        (lambda E, H, L: sum(4 * H * ((H if n else E) + H + 1) for n in range(L)), "E = 1, H = 1, L = 1"),
        (lambda E, H, L: L * 4 * H * (E + H + 2), "E = 4, H = 5, L = 2"),
        (lambda E, H, L: pytorch_parameters(E, H, L) + 2 * H, "not what nn.LSTM has"),
    ],
    "perplexity": [
        (lambda nats: np.exp(nats).mean(), "losses of all sizes"),
        (lambda nats: 2 ** nats.mean(), "knows nothing"),
        (lambda nats: nats.mean(), "knows nothing"),
        (lambda nats: np.exp(nats.sum()), "knows nothing"),
        (lambda nats: np.exp(nats), "the shape is"),
    ],
    "masked_mean": [
        (lambda nats, lengths: nats.mean(), "(6, 2, 4)"),
        (lambda nats, lengths: (nats * (np.arange(7)[:, None] < lengths)).mean(), "(6, 2, 4)"),
        (lambda nats, lengths: np.mean([nats[:n, b].mean() for b, n in enumerate(lengths)]), "(6, 2, 4)"),
        (lambda nats, lengths: nats[np.arange(7)[:, None] <= lengths].mean(), "(6, 2, 4)"),
    ],
    "last_outputs": [
        (lambda h, lengths: h[-1], "packed h_n"),
        (lambda h, lengths: h[lengths - 2, np.arange(len(lengths))], "packed h_n"),
        (lambda h, lengths: h[lengths - 1], "the shape is"),
    ],
    "gru_step": [
        (reset_before_the_product, "beside that of nn.GRU"),
        (lambda x, h, W, U, b, d: gru_step(x, h, W, U, b + d, 0 * d), "beside that of nn.GRU"),
        (lambda x, h, *p: h + gru_step(x, h, *p) * 0, "beside that of nn.GRU"),
        (lambda x, h, *p: gru_step(x, h, *(np.roll(one, 5, axis=-1) for one in p)), "beside that of nn.GRU"),
    ],
    "attention": [
        (lambda q, k, v: softmax(q @ k.T / np.sqrt(q.shape[1])) @ v, "beside PyTorch's"),
        (lambda q, k, v: attention(q * np.sqrt(q.shape[1]), k, v), "beside PyTorch's"),
        (lambda q, k, v: np.tril(softmax(q @ k.T / np.sqrt(q.shape[1]))) @ v, "beside PyTorch's"),
        (lambda q, k, v: attention(k, q, v), "beside PyTorch's"),
    ],
    "whose_weights": [
        (lambda W, U, b, x, h: (W, U, b), "transposed"),
        (lambda W, U, b, x, h: (*unlike(W, U, x), b), "iofg"),
        (lambda W, U, b, x, h: tuple(reordered(a, "iofg", "ifgo") for a in (*unlike(W, U, x), b)), "gates ifgo"),
        (lambda W, U, b, x, h: whose_weights(W, U, b, x, h)[:2], "3 values"),
    ],
}
