"""How much of a gradient comes back over a lag: through a plain RNN and through an LSTM.

The loss is looked at after the last step only. So what reaches the state `lag` steps earlier has gone through `lag`
steps of backpropagation, and its length shows what they do to a gradient: equations (8) and (9) of cell.py, and
nothing else. It is measured one step at a time, which gives the same numbers as going through all steps at once.
"""

import numpy as np

from course import rnn
from lstm import cell
from lstm.model import orthogonal


def back_through_rnn(dh, h, recurrent_kernel):
    """dh (B, H), the gradient of the last hidden state; h (T+1, B, H) of rnn.forward -> (T+1, B, H).

    Row `lag` is the gradient of the hidden state that many steps before the last one; row 0 is dh.
    """
    back, nothing = [dh], np.zeros_like(dh[None])
    for t in reversed(range(len(h) - 1)):
        _, dh = rnn.backward(nothing, dh, h[t : t + 2], recurrent_kernel)
        back.append(dh)
    return np.stack(back)


def back_through_lstm(dh, gates, c, recurrent_kernel):
    """dh (B, H), the gradient of the last hidden state; gates (T, B, 4H), c (T+1, B, H) of cell.forward.

    Returns the gradients of h and of c by lag, (T+1, B, H) each. The last cell's is 0: it reaches the loss as h.
    """
    dc, nothing = np.zeros_like(dh), np.zeros_like(dh[None])
    back_h, back_c = [dh], [dc]
    for t in reversed(range(len(gates))):
        _, dh, dc = cell.backward(nothing, dh, dc, gates[t : t + 1], c[t : t + 2], recurrent_kernel)
        back_h.append(dh)
        back_c.append(dc)
    return np.stack(back_h), np.stack(back_c)


def length_by_lag(*gradients):
    """Gradients by lag, (T+1, B, H) each -> the length of all of them together, the mean over rows, (T+1,)."""
    return np.sqrt(sum((gradient**2).sum(axis=-1) for gradient in gradients)).mean(axis=-1)


def pre_activations(rng, T, B, H, width):
    """z (T, B, width) of random inputs: H standard normal numbers through a Glorot-uniform kernel, and no bias."""
    limit = np.sqrt(6 / (H + width))
    return rng.standard_normal((T, B, H)) @ rng.uniform(-limit, limit, (H, width))


def new_rnn(T=100, B=8, H=64, gain=1.0, size=1.0, seed=0):
    """The length of the gradient by lag, (T+1,), in a plain RNN as it is before training.

    Its recurrent kernel is `gain` times a random orthogonal matrix. size: the standard deviation of the inputs' share
    of z, x W.
    """
    rng = np.random.default_rng(seed)
    recurrent_kernel = gain * orthogonal(rng, (H, H))
    h = rnn.forward(size * pre_activations(rng, T, B, H, H), np.zeros((B, H)), recurrent_kernel)
    return length_by_lag(back_through_rnn(unit_rows(rng, B, H), h, recurrent_kernel))


def new_lstm(forget_bias, T=100, B=8, H=64, seed=0):
    """The same in an LSTM as it is before training: first parameters as in model.py, but for the forget bias."""
    rng = np.random.default_rng(seed)
    recurrent_kernel = orthogonal(rng, (H, 4 * H))
    z = pre_activations(rng, T, B, H, 4 * H)
    z[..., H : 2 * H] += forget_bias
    gates, _, c = cell.forward(z, *np.zeros((2, B, H)), recurrent_kernel)
    return length_by_lag(*back_through_lstm(unit_rows(rng, B, H), gates, c, recurrent_kernel))


def in_reader(reader, ids, seed=0):
    """The same in a Reader of the copy task as it is, over the ids (T, B) that it reads: (T+1,)."""
    rng, U = np.random.default_rng(seed), reader.parameters["recurrent_kernel"].astype(np.float64)
    _, (_, h, cache) = reader.forward(ids)
    dh = unit_rows(rng, ids.shape[1], len(U))
    if not reader.gated:
        return length_by_lag(back_through_rnn(dh, h.astype(np.float64), U))
    gates, c = (array.astype(np.float64) for array in cache)
    return length_by_lag(*back_through_lstm(dh, gates, c, U))


def unit_rows(rng, B, H):
    """Random gradients of length 1, (B, H): so a length by lag is the share that has come back."""
    dh = rng.standard_normal((B, H))
    return dh / np.linalg.norm(dh, axis=1, keepdims=True)


def in_model(model, ids, dh=None, seed=0):
    """The gradients of h and c by lag in the last layer of a model that reads ids (T, B): (T+1, B, H) each.

    dh: the gradient of the last hidden state, (B, H); random, of length 1, unless given.
    """
    trace, n = model.trace(ids)[-1], model.config.layers
    gates = np.concatenate([trace[gate] for gate in "ifgo"], axis=-1).astype(np.float64)
    c = np.concatenate([np.zeros_like(trace["c"][:1]), trace["c"]]).astype(np.float64)
    if dh is None:
        dh = unit_rows(np.random.default_rng(seed), *c.shape[1:])
    recurrent_kernel = model.parameters[f"lstm_{n}/recurrent_kernel"].astype(np.float64)
    return back_through_lstm(dh.astype(np.float64), gates, c, recurrent_kernel)
