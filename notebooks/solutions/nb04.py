"""Solutions of notebook 04, right answers in other styles, and wrong ones with words that the check must say."""

import numpy as np

from lstm import cell
from lstm.layers import rows
from solutions.nb03 import my_backward, my_forward


def matrix_product(x, W, dy):
    return dy @ W.T, x.T @ dy


def product_in_loops(x, W, dy):
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for m in range(len(x)):
        for k in range(len(W)):
            for n in range(W.shape[1]):
                dx[m, k] += dy[m, n] * W[k, n]
                dW[k, n] += x[m, k] * dy[m, n]
    return [dx, dW]


def product_by_einsum(x, W, dy):
    return np.einsum("mn,kn->mk", dy, W), np.einsum("mk,mn->kn", x, dy)


def dense_forward(h, W, b):
    return h @ W + b


def dense_step_by_step(h, W, b):
    return [[row @ W + b for row in step] for step in h]


def dense_in_place(h, W, b):
    y = np.einsum("tbh,hv->tbv", h, W)
    y += b
    return y


def dense_backward(dlogits, h, W):
    return dlogits @ W.T, rows(h).T @ rows(dlogits), rows(dlogits).sum(axis=0)


def dense_backward_by_einsum(dlogits, h, W):
    return np.einsum("tbv,hv->tbh", dlogits, W), np.einsum("tbh,tbv->hv", h, dlogits), dlogits.sum(axis=(0, 1))


def dense_backward_step_by_step(dlogits, h, W):
    dW, db, dh = np.zeros_like(W), np.zeros(W.shape[1]), np.empty_like(h)
    for t in reversed(range(len(h))):
        dh[t] = dlogits[t] @ W.T
        dW += h[t].T @ dlogits[t]
        db += dlogits[t].sum(axis=0)
    return [dh, dW, db]


def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_in_place(logits):
    logits -= logits.max(axis=-1)[..., None]
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=-1)[..., None]
    return logits


def softmax_in_loops(logits):
    return [[np.exp(z - np.logaddexp.reduce(z)) for z in step] for step in logits]


def log_softmax(logits):
    z = logits - logits.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def surprise(logits, targets):
    return -np.take_along_axis(log_softmax(logits), targets[..., None], axis=-1)[..., 0]


def surprise_by_one_hot(logits, targets):
    one_hot = np.eye(logits.shape[-1])[targets]
    return np.logaddexp.reduce(logits, axis=-1) - (one_hot * logits).sum(axis=-1)


def surprise_in_loops(logits, targets):
    T, B = targets.shape
    return [[-log_softmax(logits[t, b])[targets[t, b]] for b in range(B)] for t in range(T)]


def logits_gradient(logits, targets):
    return (softmax(logits) - np.eye(logits.shape[-1])[targets]) / targets.size


def gradient_in_place(logits, targets):
    p = softmax(logits)
    t, b = np.indices(targets.shape)
    p[t, b, targets] -= 1
    p /= targets.size
    return p


def gradient_in_loops(logits, targets):
    d = softmax(logits)
    for t in range(len(d)):
        for b in range(len(d[t])):
            d[t, b, targets[t, b]] -= 1
    return d / np.prod(targets.shape)


def embed(ids, table):
    return table[ids]


def embedding_gradient(dx, ids, V):
    dtable = np.zeros((V, dx.shape[-1]))
    np.add.at(dtable, ids, dx)
    return dtable


def embedding_gradient_in_loops(dx, ids, V):
    dtable = np.zeros((V, dx.shape[-1]))
    for place in np.ndindex(ids.shape):
        dtable[ids[place]] += dx[place]
    return dtable


def last_one_counts(dx, ids, V):
    dtable = np.zeros((V, dx.shape[-1]))
    dtable[ids] += dx
    return dtable


def mean_of_the_places(dx, ids, V):
    return embedding_gradient(dx, ids, V) / np.maximum(np.bincount(ids.ravel(), minlength=V), 1)[:, None]


def stack_backward(dh, layers, caches, backward):
    gradients = []
    for layer, cache in zip(reversed(layers), reversed(caches)):
        dh, gradient = backward(dh, layer, cache)
        gradients.insert(0, gradient)
    return dh, gradients


def stack_by_number(dh, layers, caches, backward):
    gradients = [None] * len(layers)
    for n in range(len(layers) - 1, -1, -1):
        dh, gradients[n] = backward(dh, layers[n], caches[n])
    return [dh, tuple(gradients)]


def stack_by_recursion(dh, layers, caches, backward):
    if not layers:
        return dh, []
    dh, gradient = backward(dh, layers[-1], caches[-1])
    dx, below = stack_by_recursion(dh, layers[:-1], caches[:-1], backward)
    return dx, below + [gradient]


def from_the_first(dh, layers, caches, backward):
    gradients = []
    for layer, cache in zip(layers, caches):
        dh, gradient = backward(dh, layer, cache)
        gradients.append(gradient)
    return dh, gradients


def same_for_all(dh, layers, caches, backward):
    both = [backward(dh, layer, cache) for layer, cache in zip(layers, caches)]
    return both[0][0], [gradient for _, gradient in both]


def drop(x, keep, rate):
    return x * keep / (1 - rate)


def drop_in_place(x, keep, rate):
    x[~keep] = 0
    x /= 1 - rate
    return x


def own_network(p, ids, targets, h, c, forward=my_forward, backward=my_backward):
    W, U, V = p["lstm_1/kernel"], p["lstm_1/recurrent_kernel"], p["dense/kernel"]
    x = embed(ids, p["embedding/embedding"])
    gates, h, c = forward(x @ W + p["lstm_1/bias"], h, c, U)
    logits = dense_forward(h[1:], V, p["dense/bias"])
    loss = surprise(logits, targets).mean()
    dh, dV, db = dense_backward(logits_gradient(logits, targets), h[1:], V)
    dz, _, _ = backward(dh, np.zeros_like(h[0]), np.zeros_like(h[0]), gates, c, U)
    gradient = {
        "embedding/embedding": embedding_gradient(dz @ W.T, ids, len(p["embedding/embedding"])),
        "lstm_1/kernel": rows(x).T @ rows(dz),
        "lstm_1/recurrent_kernel": rows(h[:-1]).T @ rows(dz),
        "lstm_1/bias": rows(dz).sum(axis=0),
        "dense/kernel": dV,
        "dense/bias": db,
    }
    return loss, gradient, h[-1], c[-1]


def with_the_textbook(p, ids, targets, h, c):
    return list(own_network(p, ids, targets, h, c, cell.forward, cell.backward))


def one_after_another(p, ids, targets, h, c):
    """The same, into one dict of zeros that is added to, as many write it."""
    loss, found, h, c = own_network(p, ids, targets, h, c)
    gradient = {name: np.zeros_like(array) for name, array in p.items()}
    for name in gradient:
        gradient[name] += found[name]
    return float(loss), gradient, h, c


def changed(**by_name):
    """The network with some of what it returns changed: {name of the gradient, or "loss": function}."""

    def network(p, ids, targets, h, c):
        loss, gradient, h, c = own_network(p, ids, targets, h, c)
        for name, change in by_name.items():
            if name == "loss":
                loss = change(loss)
            else:
                name = next(full for full in gradient if full.replace("/", "_") == name)
                gradient[name] = change(gradient[name])
        return loss, gradient, h, c

    return network


def reads_the_state_before(p, ids, targets, h, c):
    def shifted(*given):
        gates, h, c = my_forward(*given)
        return gates, np.concatenate((h[:1], h[:-1])), c

    return own_network(p, ids, targets, h, c, forward=shifted)


def gradients_in_a_list(*given):
    loss, gradient, h, c = own_network(*given)
    return loss, list(gradient.values()), h, c


SOLUTIONS = {
    "matrix_product": matrix_product,
    "dense_forward": dense_forward,
    "dense_backward": dense_backward,
    "softmax": softmax,
    "surprise": surprise,
    "logits_gradient": logits_gradient,
    "embed": embed,
    "embedding_gradient": embedding_gradient,
    "stack_backward": stack_backward,
    "drop": drop,
    "drop_backward": drop,
    "own_network": own_network,
}

ALSO_RIGHT = {
    "matrix_product": [product_in_loops, product_by_einsum],
    "dense_forward": [dense_step_by_step, dense_in_place],
    "dense_backward": [dense_backward_by_einsum, dense_backward_step_by_step],
    "softmax": [softmax_in_place, softmax_in_loops],
    "surprise": [surprise_by_one_hot, surprise_in_loops],
    "logits_gradient": [gradient_in_place, gradient_in_loops],
    "embed": [lambda ids, table: np.take(table, ids, axis=0), lambda ids, table: np.eye(len(table))[ids] @ table],
    "embedding_gradient": [
        embedding_gradient_in_loops,
        lambda dx, ids, V: rows(np.eye(V)[ids]).T @ rows(dx),
    ],
    "stack_backward": [stack_by_number, stack_by_recursion],
    "drop": [drop_in_place, lambda x, keep, rate: np.where(keep, x / (1 - rate), 0)],
    "drop_backward": [drop_in_place, lambda dy, keep, rate: np.where(keep, dy / (1 - rate), 0)],
    "own_network": [with_the_textbook, one_after_another],
}

WRONG = {
    "matrix_product": [
        (lambda x, W, dy: (dy @ W.T, dy.T @ x), "dW"),
        (lambda x, W, dy: (dy @ W if len(dy) == W.shape[1] else dy @ W.T, x.T @ dy), "dx for x (3, 3)"),
        (lambda x, W, dy: (W @ dy.T, x.T @ dy), "dx"),
        (lambda x, W, dy: dy @ W.T, "dx for x"),
    ],
    "dense_forward": [
        (lambda h, W, b: h @ W, "the logits"),
        (lambda h, W, b: np.tanh(h @ W + b), "the logits"),
        (lambda h, W, b: h[-1] @ W + b, "the shape is"),
    ],
    "dense_backward": [
        (lambda d, h, W: (d @ W.T, rows(h).T @ rows(d), rows(d).mean(axis=0)), "db"),
        (lambda d, h, W: (d @ W.T, h[-1].T @ d[-1], rows(d).sum(axis=0)), "dW"),
        (lambda d, h, W: (d @ W.T, rows(h).T @ rows(d), d.sum(axis=0)), "db: the shape is"),
        (lambda d, h, W: (rows(d) @ W.T, rows(h).T @ rows(d), rows(d).sum(axis=0)), "dh: the shape is"),
    ],
    "softmax": [
        (lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True), "with logits near 1000"),
        (lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(), "usual logits"),
        (lambda z: softmax(np.clip(z, -500, 500)), "with logits near 1000"),
        (lambda z: softmax(z.reshape(-1)).reshape(z.shape), "usual logits"),
        (lambda z: np.exp(z - z.max(axis=-1, keepdims=True)), "usual logits"),
    ],
    "surprise": [
        (lambda z, y: -np.log(np.take_along_axis(softmax(z), y[..., None], -1)[..., 0]), "e^-2000"),
        (lambda z, y: -np.log(np.take_along_axis(softmax(z), y[..., None], -1)[..., 0] + 1e-12), "nats"),
        (lambda z, y: surprise(z, y).mean(), "the shape is ()"),
        (lambda z, y: surprise(z, y) / np.log(2), "usual logits"),
    ],
    "logits_gradient": [
        (lambda z, y: softmax(z) - np.eye(6)[y], "dlogits"),
        (lambda z, y: (np.eye(6)[y] - softmax(z)) / y.size, "dlogits"),
        (lambda z, y: softmax(z) * (1 - softmax(z)) / y.size, "dlogits"),
        (lambda z, y: (softmax(z) - np.eye(6)[y]) / len(y), "dlogits"),
    ],
    "embed": [
        (lambda ids, table: table[ids[:, 0]], "x: the shape is"),
        (lambda ids, table: np.eye(5)[ids], "x: the shape is"),
        (lambda ids, table: table[ids.T], "x: the shape is"),
    ],
    "embedding_gradient": [
        (last_one_counts, "several times"),
        (mean_of_the_places, "several times"),
        (lambda dx, ids, V: embedding_gradient(dx, ids, V)[ids], "the shape is"),
        (lambda dx, ids, V: embedding_gradient(dx, ids.max() - ids, V), "several times"),
        (lambda dx, ids, V: embedding_gradient(dx, np.ones_like(ids), V), "character 1, which is not in the text"),
    ],
    "stack_backward": [
        (from_the_first, "layer 3 of 3"),
        (same_for_all, "layer 2 of 3"),
        (lambda *given: (stack_backward(*given)[0], stack_backward(*given)[1][::-1]), "layer 3 of 3"),
        (lambda *given: stack_backward(*given)[1], "2 values"),
    ],
    "drop": [
        (lambda x, keep, rate: x * keep, "rate 0.25"),
        (lambda x, keep, rate: x * ~keep / (1 - rate), "rate 0"),
        (lambda x, keep, rate: x * keep * (1 - rate), "rate 0.25"),
        (lambda x, keep, rate: x * keep * x.size / keep.sum(), "rate"),
    ],
    "drop_backward": [
        (lambda dy, keep, rate: dy, "rate 0.25"),
        (lambda dy, keep, rate: dy * keep, "rate 0.25"),
        (lambda dy, keep, rate: dy * keep * (1 - rate), "rate 0.25"),
        (lambda dy, keep, rate: dy * (np.random.default_rng(0).random(dy.shape) >= rate) / (1 - rate), "rate 0.25"),
    ],
    "own_network": [
        (changed(loss=lambda loss: 12 * loss), "the loss"),
        (changed(dense_bias=lambda d: 2 * d), "the gradient of dense/bias"),
        (changed(embedding_embedding=np.zeros_like), "the gradient of embedding/embedding"),
        (changed(lstm_1_recurrent_kernel=lambda d: d[::-1]), "the gradient of lstm_1/recurrent_kernel"),
        (reads_the_state_before, "the loss"),
        (lambda *given: own_network(*given)[:2], "4 values"),
        (gradients_in_a_list, "a dict with the names of p"),
    ],
}
