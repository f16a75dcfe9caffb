"""The learner's own network: one layer of LSTM cells and all that is around it, trained on the tunes and heard.

A network is a function of the learner's, `network(p, ids, targets, h, c)`:

    p: {name: array}, the parameters by the names that `shapes` has.
    ids, targets: (T, B), the characters read and those that follow.
    h, c: (B, H), the state before the first character.
    It returns the mean loss in nats, {name: gradient} for all of p, and the state after the last character.

`by_the_package` is one, made of the package's layers.
"""

import numpy as np

from lstm import kernels
from lstm.adam import Adam, clip_scale, gradient_norm
from lstm.batches import Batches
from lstm.engine.threads import Workers, one_blas_thread
from lstm.model import CharRNN, Config, State, initial_parameters

UNITS, EMBEDDED = 64, 32  # H and E, small: a step takes some milliseconds
B, T = 32, 64  # rows and time steps of a batch
LEARNING_RATE, CLIP = 4e-3, 5.0


def config_of(vocabulary, embedding=EMBEDDED, units=UNITS):
    """The Config of such a network for so many characters: one layer, no dropout."""
    return Config(vocabulary, embedding, units, layers=1, dropout=0.0)


def by_the_package(p, ids, targets, h, c, backend=kernels):
    """The network as the package has it, from its parameters alone: what another one is compared with."""
    (V, E), H = p["embedding/embedding"].shape, len(p["dense/kernel"])
    model = CharRNN(config_of(V, E, H), initial_parameters(config_of(V, E, H), dtype=h.dtype), backend)
    for name, array in p.items():
        model.parameters[name] = array
    result = model.loss_and_gradient(ids, targets, State(h[None], c[None]))
    return result.nats / ids.size, dict(result.gradient.items()), result.state.h[0], result.state.c[0]


def train(network, parameters, ids, steps, batches=None, learning_rate=LEARNING_RATE):
    """Train Parameters in place on a text by Adam: the loss of each step, (steps,).

    As the package trains: the state goes from batch to batch, and begins anew with the text; the gradient is clipped.
    batches: what cuts the text, `Batches` of B rows and T steps by default; then ids are not looked at.
    """
    batches, workers, losses = batches or Batches(ids, B, T), Workers(), []
    adam, gradient = Adam(parameters.flat.size), parameters.like()
    rows = batches[0][0].shape[1]
    nothing = np.zeros((rows, len(parameters["dense/kernel"])), np.float32)
    with one_blas_thread():  # the matrices are too small to be shared out
        for step in range(steps):
            place = step % len(batches)
            if not place:
                h = c = nothing
            loss, found, h, c = network(dict(parameters.items()), *batches[place], h, c)
            for name in gradient:
                gradient[name] = found[name]
            scale = clip_scale(gradient_norm(gradient.flat, workers), CLIP)
            adam.step(parameters.flat, gradient.flat, learning_rate, scale, workers)
            losses.append(float(loss))
    return np.array(losses)
