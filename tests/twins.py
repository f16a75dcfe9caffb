"""One network three times, ours, PyTorch's and Keras's, and the cases in which parity.py compares them.

Needs the extra `peers`. A twin has `weights`, PyTorch's tensors in the order of our arrays, `forward` and `loss`. Keras
runs on PyTorch here, so that the gradients of both are PyTorch's.
"""

import os
from pathlib import Path
from typing import NamedTuple

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import torch
from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE
from torch.nn.functional import cross_entropy as torch_cross_entropy

from lstm import cell
from lstm.engine.threads import Workers
from lstm.io.places import USUAL_INPUT
from lstm.loss import cross_entropy, cross_entropy_backward
from lstm.model import CharRNN, Config, State, dropout_keys, initial_parameters
from lstm.notation.tunes import split_tunes
from lstm.storage.checkpoint import find_weights, pretrained
from lstm.storage.imported import load

BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # else its matmul rounds to float32, unless TensorFlow is below it
PYTORCH, KERAS = ("PyTorch", torch.__version__), ("Keras", keras.__version__)
SHIPPED = load(find_weights(pretrained()))


class Case(NamedTuple):
    """What is compared: sizes, and whether a state comes in, and a gradient from beyond the last character."""

    T: int
    B: int
    config: Config
    carried: bool = False


CASES = {
    "all sizes 1": Case(1, 1, Config(2, 1, 1, 1, dropout=0.0)),
    "odd sizes": Case(7, 3, Config(11, 5, 9, 2, dropout=0.0)),
    "3 layers": Case(8, 4, Config(11, 6, 9, 3, dropout=0.0)),
    "carried state": Case(8, 4, Config(11, 6, 9, 2, dropout=0.0), carried=True),
    "dropout": Case(8, 4, Config(11, 6, 9, 2, dropout=0.3, input_dropout=0.2, recurrent_dropout=0.2), carried=True),
    "300 steps": Case(300, 2, Config(31, 8, 17, 1, dropout=0.0)),
    "the model that ships": Case(64, 4, SHIPPED.model.config),
}


def problem(name, dtype):
    """(model, DropoutKeys or None, ids, targets, state, dstate) of a case.

    The model that ships has its weights, and reads how tunes begin. It is no measure on characters in no order, which
    it has never met: those make all rounding grow, so that three float32 gradients are up to 9e-5 apart, and here 4e-6.
    """
    T, B, config, carried = CASES[name]
    rng = np.random.default_rng(5)
    if name == "the model that ships":
        parameters = SHIPPED.model.parameters
        tunes = split_tunes(Path(USUAL_INPUT).read_text(encoding="utf-8"))[:B]
        read = np.array([SHIPPED.vocabulary.encode(tune)[: T + 1] for tune in tunes], np.int64).T
        ids, targets = read[:-1].copy(), read[1:].copy()
    else:
        parameters = initial_parameters(config, 5, np.float64)
        parameters.flat += rng.normal(0, 0.2, parameters.flat.size)
        ids, targets = rng.integers(0, config.vocabulary, (2, T, B))
    shape = 2, config.layers, B, config.units
    state, dstate = (State(*rng.normal(size=shape).astype(dtype) * carried) for _ in range(2))
    keys = dropout_keys(1, 2, config.layers) if name == "dropout" else None
    return CharRNN(config, parameters.astype(dtype)), keys, ids, targets, state, dstate


def ours(model, backend, keys, ids, targets, state, dstate):
    """What is compared -> its arrays. The gradients are those of every parameter and of the state before."""
    model = CharRNN(model.config, model.parameters, backend)
    logits, after, cache = model.forward(ids, state, keys)
    nats, log_p = cross_entropy(logits, targets)
    gradient = model.parameters.like()
    before = model.backward(cross_entropy_backward(log_p, targets, ids.size), dstate, cache, gradient)
    gradients = [array for _, array in gradient.items()]
    return {"logits": [logits], "loss": [nats.mean()], "state after": after, "gradients": [*gradients, *before]}


class TorchTwin:
    """The same network of PyTorch's layers. weights: in the order of our arrays."""

    peer, kernels_are_transposed, loss = PYTORCH, True, staticmethod(torch_cross_entropy)

    def __init__(self, config, dtype):
        V, E, H, L = config.vocabulary, config.embedding, config.units, config.layers
        kind = getattr(torch, dtype)
        self.embedding, self.dense = torch.nn.Embedding(V, E, dtype=kind), torch.nn.Linear(H, V, dtype=kind)
        self.lstm = [torch.nn.LSTM(H if n else E, H, dtype=kind) for n in range(L)]
        self.weights = [self.embedding.weight]
        for lstm in self.lstm:  # PyTorch has two biases that are added; ours is the sum
            torch.nn.init.zeros_(lstm.bias_hh_l0)
            self.weights += [lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0]
        self.weights += [self.dense.weight, self.dense.bias]

    def forward(self, ids, h0, c0, masks):
        """ids (T, B), state (L, B, H), a mask (T, B, H) for each layer -> logits (T, B, V), the state after."""
        x, last = self.embedding(ids), []
        for lstm, h, c, mask in zip(self.lstm, h0, c0, masks):
            x, state = lstm(x, (h[None], c[None]))
            x = x * mask
            last.append(state)
        return self.dense(x), *(torch.cat(states) for states in zip(*last))


class KerasTwin:
    """The same network of Keras's layers, which are batch first."""

    peer, kernels_are_transposed = KERAS, False

    def __init__(self, config, dtype):
        self.embedding = keras.layers.Embedding(config.vocabulary, config.embedding, dtype=dtype)
        how = {"return_sequences": True, "return_state": True, "dtype": dtype}
        self.lstm = [keras.layers.LSTM(config.units, **how) for _ in range(config.layers)]
        self.dense = keras.layers.Dense(config.vocabulary, dtype=dtype)
        x = self.embedding(torch.zeros((1, 1), dtype=int))
        for lstm in self.lstm:
            x, *_ = lstm(x)
        self.dense(x)
        self.weights = [weight.value for layer in (self.embedding, *self.lstm, self.dense) for weight in layer.weights]

    @staticmethod
    def loss(logits, targets):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype=logits.dtype)(targets, logits)

    def forward(self, ids, h0, c0, masks):
        x, last = self.embedding(ids.T), []
        for lstm, h, c, mask in zip(self.lstm, h0, c0, masks):
            x, *state = lstm(x, initial_state=[h, c])
            x = x * mask.swapaxes(0, 1)
            last.append(state)
        return self.dense(x).swapaxes(0, 1), *(torch.stack(states) for states in zip(*last))


def in_layout(twin, name, array):
    """Our array in the layout of a twin, and back."""
    return array.T if twin.kernels_are_transposed and name.endswith("kernel") else array


def set_weights(twin, arrays):
    with torch.no_grad():
        for weight, (name, array) in zip(twin.weights, arrays.items(), strict=True):
            weight.copy_(torch.tensor(in_layout(twin, name, array)))


def theirs(twin, model, keys, ids, targets, state, dstate):
    """The same of a twin. Dropout of weights: it has the weights that are left, and its gradient has their mask."""
    set_weights(twin, dict(model.parameters.items()) | model.drop_weights(model.parameters, keys, Workers()))
    masks = [np.ones((*ids.shape, model.config.units), state.h.dtype) for _ in twin.lstm]
    if keys is not None:
        masks = [cell.dropout(mask, model.config.dropout, key) for mask, key in zip(masks, keys.output)]
    h0, c0 = (torch.tensor(array, requires_grad=True) for array in state)
    logits, h, c = twin.forward(torch.tensor(ids), h0, c0, [torch.tensor(mask) for mask in masks])
    loss = twin.loss(logits.reshape(-1, logits.shape[-1]), torch.tensor(targets).reshape(-1))
    (loss + (h * torch.tensor(dstate.h)).sum() + (c * torch.tensor(dstate.c)).sum()).backward()
    gradient = model.parameters.like()
    for name, weight in zip(gradient, twin.weights):
        gradient[name] = in_layout(twin, name, weight.grad.numpy())
    for name, array in model.drop_weights(gradient, keys, Workers()).items():
        gradient[name] = array
    gradients = [*(array for _, array in gradient.items()), h0.grad, c0.grad]
    found = {"logits": [logits], "loss": [loss], "state after": [h, c], "gradients": gradients}
    return {what: [np.array(torch.as_tensor(array).detach()) for array in arrays] for what, arrays in found.items()}
