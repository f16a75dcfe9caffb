"""The network: ids -> embedding -> L x [LSTM -> dropout] -> dense -> logits of the next character."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lstm import cell, kernels
from lstm.engine.buffers import Buffers
from lstm.engine.threads import Workers, one_blas_thread, shards
from lstm.io import InputError
from lstm.layers import LSTM, Dense, Dropout, Embedding
from lstm.loss import cross_entropy, cross_entropy_backward
from lstm.parameters import Parameters

# What runs the loop over time: modules with the same functions.
BACKENDS = {"numba": kernels, "numpy": cell}
FUNCTIONS = ("empty", "forward", "backward", "add_product", "sum_by_place", "dropout")  # that a backend has


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
        self.dropout = Dropout(config.dropout)
        self.backend = backend_of(backend)
        self._gradient, self._buffers = None, []  # the memory of a training step: see `loss_and_gradient`

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
            rate, key = rates[name]
            return Dropout(rate).forward(arrays[name][None], key, backend=self.backend)[0]  # as one time step

        return dict(zip(rates, workers.map(drop, rates))) if rates else {}

    def dropped(self, keys, workers):
        """The layers as they are in one step of training: the network's, with dropout in their weights."""
        dropped = self.drop_weights(self.parameters, keys, workers)
        return Network.of(dict(self.parameters.items()) | dropped) if dropped else self.network

    def forward(self, ids, state, keys=None, first_row=0, network=None, backend=None):
        """ids (T, B), state -> logits (T, B, V), the state after the last character, caches.

        keys: the DropoutKeys, or None to switch dropout off.
        first_row: where these rows stand in the whole batch (dropout depends on it).
        network: `dropped(keys)`, where the caller has it already.
        backend: the model's own, or Buffers for it.
        """
        network, backend = network or self.dropped(keys, Workers()), backend or self.backend
        x, where, present = network.embedding.forward(ids)
        last, caches = [], []
        for layer, lstm in enumerate(network.lstm):
            key = None if keys is None else keys.output[layer]
            h, after, cache = lstm.forward(x, state.h[layer], state.c[layer], where, backend)
            where = None  # only the embedding's output is by character, not by place
            x = self.dropout.forward(h, key, first_row, backend)  # (T, B, H)
            last.append(after)
            caches.append((lstm, cache, key, first_row))
        logits, x = network.dense.forward(x, backend)
        h, c = zip(*last)
        return logits, State(np.stack(h), np.stack(c)), (present, caches, x)

    def backward(self, dlogits, dstate, cache, backend=None):
        """dlogits (T, B, V), the gradient of the last state -> that of the first, and the parts for `gradients`.

        The cache is used up: the backend may have written over it.
        """
        backend = backend or self.backend
        present, caches, x = cache
        parts, before = [], []
        dx, of_dense = self.network.dense.backward(dlogits, x, backend)
        for layer in reversed(range(len(caches))):
            lstm, cache, key, first_row = caches[layer]
            dh = self.dropout.backward(dx, key, first_row, backend)
            dx, dstate0, of_lstm = lstm.backward(dh, dstate.h[layer], dstate.c[layer], cache, backend)
            before.insert(0, dstate0)
            parts.insert(0, of_lstm)
        dh0, dc0 = zip(*before)
        of_embedding = self.network.embedding.backward(dx, present)
        return State(np.stack(dh0), np.stack(dc0)), (of_embedding, parts, of_dense)

    def gradients(self, parts, into, workers, keys=None):
        """Write the gradient of every parameter into `into`, a `Parameters`. parts: of each shard, from `backward`."""
        of_embedding, of_lstms, of_dense = zip(*parts)
        network = Network.of(into)
        tasks = []
        for lstm, of_lstm in zip(network.lstm, zip(*of_lstms)):
            tasks += lstm.gradients(of_lstm, self.backend)
        tasks += network.dense.gradients(of_dense, self.backend)
        tasks += network.embedding.gradients(of_embedding)
        workers.map(lambda task: task(), tasks)
        for name, array in self.drop_weights(into, keys, workers).items():
            into[name] = array

    def loss_and_gradient(self, ids, targets, state, keys=None, workers=None):
        """One batch, ids and targets (T, B), forward and backward, its rows cut into shards: a BatchResult.

        Backpropagation is truncated: no gradient comes from beyond the last character. The gradient is kept in
        the model: the next call overwrites it.
        """
        workers = workers or Workers()
        if self._gradient is None:
            self._gradient = self.parameters.like()

        network, slices = self.dropped(keys, workers), shards(ids.shape[1])
        self._buffers += [Buffers(self.backend) for _ in slices[len(self._buffers) :]]

        def shard(rows, buffers):
            # Where training diverges numbers overflow; it is noticed by the loss, not by a warning here.
            with np.errstate(over="ignore", invalid="ignore"):
                logits, after, cache = self.forward(ids[:, rows], state.rows(rows), keys, rows.start, network, buffers)
                nats, log_p = cross_entropy(logits, targets[:, rows])
                dlogits = cross_entropy_backward(log_p, targets[:, rows], ids.size)
                _, shard_parts = self.backward(dlogits, self.initial_state(after.h.shape[1]), cache, buffers)
                correct = (logits.argmax(axis=-1) == targets[:, rows]).sum()
                return nats.sum(dtype=np.float64), correct, after, shard_parts

        results = workers.map(lambda n: shard(slices[n], self._buffers[n].reuse()), range(len(slices)))
        nats, correct, states, all_parts = zip(*results)
        self.gradients(all_parts, self._gradient, workers, keys)
        h, c = zip(*states)
        state = State(np.concatenate(h, axis=1), np.concatenate(c, axis=1))
        return BatchResult(float(sum(nats)), int(sum(correct)), state, self._gradient)

    def trace(self, ids, state=None):
        """What happens inside while the model reads ids (T, B): for each layer a dict of its gates and cells.

        The keys are i, f, g, o, c and h, each (T, B, H).
        """
        _, _, (_, caches, _) = self.forward(ids, state or self.initial_state(ids.shape[1]))
        traces = []
        for _, (_, _, gates, h, c), _, _ in caches:
            i, f, g, o = np.split(gates, 4, axis=-1)
            traces.append({"i": i, "f": f, "g": g, "o": o, "c": c[1:], "h": h[1:]})
        return traces
