"""The network: ids -> embedding -> L x [LSTM -> dropout] -> dense -> logits of the next character."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lstm import cell, kernels
from lstm.engine.machine import Machine, Memory
from lstm.engine.threads import Workers, by_time, one_blas_thread
from lstm.io import InputError
from lstm.layers import LSTM, Dense, Dropout, Embedding
from lstm.loss import cross_entropy, cross_entropy_backward
from lstm.parameters import Parameters

# What runs the loop over time: modules with the same functions.
BACKENDS = {"numba": kernels, "numpy": cell}
FUNCTIONS = ("forward", "backward", "sum_by_place", "dropout")  # that a backend has


def backend_of(backend):
    """The backend of that name, or `backend` itself if it is one: anything with the functions of cell.py.

    Raises InputError for a name that there is not, and where a function is missing.
    """
    if isinstance(backend, str):
        if backend not in BACKENDS:
            known = " or ".join(map(repr, BACKENDS))
            raise InputError(f"backend {backend!r} must be {known}, or a module like cell.py")
        return BACKENDS[backend]
    missing = [name for name in FUNCTIONS if not callable(getattr(backend, name, None))]
    if missing:
        raise InputError(f"backend {backend!r} has no {', '.join(missing)}; it needs all functions that cell.py has")
    return backend


@dataclass(frozen=True)
class Config:
    """The sizes of a model, V, E, H and L, and the dropout rates."""

    vocabulary: int  # V, how many different characters there are
    embedding: int = 512  # E, numbers that describe a character
    units: int = 256  # H, cells in each LSTM layer
    layers: int = 3  # L
    dropout: float = 0.2  # share of each LSTM layer's output that is zeroed in training
    input_dropout: float = 0.0  # the same of the embedding: for each character, some of its numbers
    recurrent_dropout: float = 0.0  # the same of each recurrent kernel

    def __post_init__(self):
        for name in ("vocabulary", "embedding", "units", "layers"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"{name} {value!r} must be a whole number of at least 1")
        for name in ("dropout", "input_dropout", "recurrent_dropout"):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not 0 <= value < 1:
                raise InputError(f"{name} {value!r} must be a number of at least 0 and less than 1")

    @property
    def shapes(self):
        """Name -> shape of every parameter array, in the order of the flat vector."""
        V, E, H = self.vocabulary, self.embedding, self.units
        shapes = {"embedding/embedding": (V, E)}
        for layer in range(1, self.layers + 1):
            shapes[f"lstm_{layer}/kernel"] = (E if layer == 1 else H, 4 * H)
            shapes[f"lstm_{layer}/recurrent_kernel"] = (H, 4 * H)
            shapes[f"lstm_{layer}/bias"] = (4 * H,)
        return shapes | {"dense/kernel": (H, V), "dense/bias": (V,)}


class State(NamedTuple):
    """What the network remembers between two calls; also the gradient of that. Each is (L, B, H)."""

    h: np.ndarray
    c: np.ndarray

    def rows(self, part):
        """The state of some rows of the batch."""
        return State(self.h[:, part], self.c[:, part])


class Network(NamedTuple):
    """The layers as views into one flat vector: that of the parameters, or that of a gradient."""

    embedding: Embedding
    lstm: list[LSTM]
    dense: Dense

    @classmethod
    def of(cls, p):
        """The layers over the arrays of `p`, a `Parameters`."""
        names = [name.split("/")[0] for name in p if name.endswith("recurrent_kernel")]
        lstm = [LSTM(p[f"{n}/kernel"], p[f"{n}/recurrent_kernel"], p[f"{n}/bias"]) for n in names]
        return cls(Embedding(p["embedding/embedding"]), lstm, Dense(p["dense/kernel"], p["dense/bias"]))


def initial_parameters(config, seed=0, dtype=np.float32):
    """Parameters to start from.

    As in Keras: kernels (Glorot & Bengio 2010) uniform within sqrt(6 / (inputs + outputs)); recurrent kernels
    orthogonal (Saxe et al. 2014), so that h @ U keeps the length of h; biases 0, but 1 for the forget gate
    (Jozefowicz et al. 2015), so that a new cell remembers before it has learnt to.
    As in PyTorch: embeddings from the standard normal distribution. Within 0.05 of zero, as in Keras, the first
    layer would see next to nothing for the first hundreds of steps.
    """
    rng = np.random.default_rng(seed)
    p = Parameters(config.shapes, dtype)
    for name, array in p.items():
        if name.endswith("/recurrent_kernel"):
            array[:] = orthogonal(rng, array.shape)
        elif name.endswith("/kernel"):
            limit = np.sqrt(6 / sum(array.shape))
            array[:] = rng.uniform(-limit, limit, array.shape)
        elif name.endswith("/embedding"):
            array[:] = rng.standard_normal(array.shape)
        elif name.startswith("lstm"):
            array[config.units : 2 * config.units] = 1  # the forget gate's share of the bias
    return p


def orthogonal(rng, shape):
    """A random (H, 4H) matrix with orthonormal rows: the Q of a QR decomposition, its signs made unique."""
    with one_blas_thread():  # because the last bits may depend on how BLAS cuts the work
        q, r = np.linalg.qr(rng.standard_normal(shape[::-1]))
    return (q * np.sign(np.diag(r))).T


class DropoutKeys(NamedTuple):
    """What decides the dropout of one step: uint32 each."""

    output: np.ndarray  # (L,), of each layer's output
    recurrent: np.ndarray  # (L,), of each recurrent kernel
    input: np.uint32  # of the embedding


def dropout_keys(seed, step, layers):
    """The DropoutKeys of a step, a function of the seed and the step alone."""
    keys = np.random.SeedSequence([seed, step]).generate_state(2 * layers + 1)
    return DropoutKeys(keys[:layers], keys[layers:-1], keys[-1])


class BatchResult(NamedTuple):
    """What one batch gave."""

    nats: float  # sum over its characters
    correct: int  # characters that were the likeliest by the model
    state: State
    gradient: Parameters  # of the mean loss


class CharRNN:
    """A character-level LSTM: its config, its parameters, and the backend that runs the loop over time.

    The state goes in and comes out of each call; the model itself remembers nothing.
    """

    def __init__(self, config, parameters=None, backend=kernels):
        self.config = config
        self.parameters = parameters if parameters is not None else initial_parameters(config)
        self.network = Network.of(self.parameters)
        self.backend = backend_of(backend)
        self._gradient, self._memory = None, Memory()  # of a training step: see `loss_and_gradient`

    def copy(self):
        """The model as it is now: a copy that stays so while training goes on."""
        return CharRNN(self.config, self.parameters.astype(self.parameters.flat.dtype), self.backend)

    def __repr__(self):
        c = self.config
        sizes = f"V={c.vocabulary}, E={c.embedding}, H={c.units}, L={c.layers}"
        return f"CharRNN({sizes}: {self.parameters.flat.size:,} parameters)"

    def initial_state(self, B=1):
        """The state before the first character: zero, for B rows."""
        shape = (self.config.layers, B, self.config.units)
        return State(np.zeros(shape, self.parameters.flat.dtype), np.zeros(shape, self.parameters.flat.dtype))

    def drop_weights(self, arrays, keys, workers):
        """Name -> array with dropout, for those of `arrays` (parameters or their gradient) that have dropout.

        They are the embedding (Gal & Ghahramani 2016) and the recurrent kernels (DropConnect; Merity et al. 2018).
        Theirs is one mask a step, the same at all times and in all rows: what is dropped from a weight is dropped
        from its gradient.
        """
        rate, rates = self.config.recurrent_dropout, {}
        if keys is not None and self.config.input_dropout:
            rates["embedding/embedding"] = self.config.input_dropout, keys.input
        if keys is not None and rate:
            rates |= {f"lstm_{n}/recurrent_kernel": (rate, key) for n, key in enumerate(keys.recurrent, 1)}

        def drop(name):
            return self.backend.dropout(arrays[name][None], *rates[name])[0]  # as one time step

        return dict(zip(rates, workers.map(drop, rates))) if rates else {}

    def dropped(self, keys, workers):
        """The layers as they are in one step of training: the network's, with dropout in their weights."""
        dropped = self.drop_weights(self.parameters, keys, workers)
        return Network.of(dict(self.parameters.items()) | dropped) if dropped else self.network

    def forward(self, ids, state, keys=None, machine=None):
        """ids (T, B), state -> logits (T, B, V), the state after the last character, cache.

        keys: the DropoutKeys, or None to switch dropout off.
        machine: what to compute on; one thread by default.
        """
        machine = machine or Machine(self.backend)
        network, rate = self.dropped(keys, machine.workers), self.config.dropout
        x, where, present = network.embedding.forward(ids)
        dropout, last, caches = None, [], []
        for n, lstm in enumerate(network.lstm):
            x, after, cache = lstm.forward(x, state.h[n], state.c[n], where, dropout, machine)
            where = None  # only the embedding's output is by character, not by place
            dropout = Dropout(rate, keys.output[n]) if keys is not None and rate else None  # of what comes out
            last.append(after)
            caches.append(cache)
        logits, of_dense = network.dense.forward(x, dropout, machine)
        h, c = zip(*last)
        return logits, State(np.stack(h), np.stack(c)), (network, present, caches, of_dense, keys)

    def backward(self, dlogits, dstate, cache, into, machine=None):
        """dlogits (T, B, V), the gradient of the last state -> that of the first. Writes the gradient of every
        parameter into `into`, a `Parameters`.

        The cache is used up: the backend may have written over it.
        """
        machine = machine or Machine(self.backend)
        network, present, caches, of_dense, keys = cache
        gradient, before = Network.of(into), []
        dx = network.dense.backward(dlogits, of_dense, gradient.dense, machine)
        for n in reversed(range(len(caches))):
            of_lstm = caches[n], gradient.lstm[n], machine
            dx, of_state = network.lstm[n].backward(dx, dstate.h[n], dstate.c[n], *of_lstm)
            before.insert(0, of_state)
        network.embedding.backward(dx, present, gradient.embedding)
        for name, array in self.drop_weights(into, keys, machine.workers).items():
            into[name] = array
        dh0, dc0 = zip(*before)
        return State(np.stack(dh0), np.stack(dc0))

    def loss_and_gradient(self, ids, targets, state, keys=None, workers=None):
        """One batch, ids and targets (T, B), forward and backward: a BatchResult.

        Backpropagation is truncated: no gradient comes from beyond the last character. The gradient is kept in
        the model: the next call overwrites it.
        """
        machine = Machine(self.backend, workers or Workers(), self._memory.reuse().empty)
        if self._gradient is None:
            self._gradient = self.parameters.like()

        def loss(t):
            nats, log_p = cross_entropy(logits[t], targets[t])
            dlogits[t] = cross_entropy_backward(log_p, targets[t], ids.size)
            return nats.sum(dtype=np.float64), (logits[t].argmax(axis=-1) == targets[t]).sum()

        # Where training diverges numbers overflow; it is noticed by the loss, not by a warning here.
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            logits, after, cache = self.forward(ids, state, keys, machine)
            dlogits = machine.empty(logits.shape, logits.dtype)
            nats, correct = zip(*machine.workers.run(by_time(loss, *ids.shape)))
            self.backward(dlogits, self.initial_state(ids.shape[1]), cache, self._gradient, machine)
        return BatchResult(float(sum(nats)), int(sum(correct)), after, self._gradient)

    def trace(self, ids, state=None):
        """What happens inside while the model reads ids (T, B): for each layer a dict of its gates and cells.

        The keys are i, f, g, o, c and h, each (T, B, H).
        """
        _, _, (_, _, caches, _, _) = self.forward(ids, state or self.initial_state(ids.shape[1]))
        traces = []
        for *_, gates, h, c in caches:
            i, f, g, o = np.split(gates, 4, axis=-1)
            traces.append({"i": i, "f": f, "g": g, "o": o, "c": c[1:], "h": h[1:]})
        return traces
