"""The network: ids -> embedding -> L x [LSTM -> dropout] -> dense -> logits of the next character."""

from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from lstm import cell, kernels
from lstm.engine.machine import Machine, Memory
from lstm.engine.threads import Workers, by_time, one_blas_thread
from lstm.io import SHARE, WHOLE, Bounds, InputError, check_fields, shown
from lstm.io.arrays import check_arrays, check_range
from lstm.layers import LSTM, Dense, Dropout, Embedding
from lstm.loss import cross_entropy, cross_entropy_backward
from lstm.parameters import Parameters
from lstm.vocabulary import Vocabulary

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


IDS = "ids (T, B) of whole numbers"
TARGETS = "targets (T, B) of whole numbers"
ROWS = Bounds(int, 1, 10**9)  # of a batch
SIZES = {  # what the fields of a Config may be
    "vocabulary": Bounds(int, 1, 1_114_112),  # so many characters Unicode can have
    "embedding": Bounds(int, 1, 10**6),
    "units": Bounds(int, 1, 10**6),
    "layers": Bounds(int, 1, 1000),
    "dropout": SHARE,
    "input_dropout": SHARE,
    "recurrent_dropout": SHARE,
}


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
        check_fields(self, SIZES)

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


def arrays_of(name, state):
    """The arrays of a State, as check_arrays takes them. Raises InputError for what is none."""
    if not isinstance(state, State):
        raise InputError(f"{name} {shown(state)} must be a State, h and c (L, B, H); initial_state(B) gives one")
    return {f"{name}.h (L, B, H)": state.h, f"{name}.c (L, B, H)": state.c}


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


def lengthen_memory(parameters, config, share, steps, seed=0):
    """Let the first `share` of each layer's cells begin with memories of up to so many steps, and change as slowly.

    That is chrono initialization (Tallec & Ollivier 2018, equation 16): with u drawn evenly from 1 to steps - 1, the
    forget gate's bias is log u, so that a cell keeps what it holds for about u steps, and the input gate's is -log u.
    """
    rng, cells, H = np.random.default_rng([seed, 3]), round(share * config.units), config.units
    for layer in range(1, config.layers + 1):
        bias, log_time = parameters[f"lstm_{layer}/bias"], np.log(rng.uniform(1, max(1, steps - 1), cells))
        bias[:cells], bias[H : H + cells] = -log_time, log_time


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
    first: int = 0  # which row of the whole batch is the first here, if others read the other rows


def dropout_keys(seed, step, layers, first=0):
    """The DropoutKeys of a step, a function of the seed and the step alone."""
    seed, step = WHOLE.check("seed", seed), WHOLE.check("step", step)
    layers, first = SIZES["layers"].check("layers", layers), WHOLE.check("first", first)
    keys = np.random.SeedSequence([seed, step]).generate_state(2 * layers + 1)
    return DropoutKeys(keys[:layers], keys[layers:-1], keys[-1], first)


class BatchResult(NamedTuple):
    """What one batch gave."""

    nats: float  # sum over its characters
    correct: int  # characters that were the likeliest by the model
    state: State
    gradient: Parameters  # of the mean loss


class CharRNN:
    """A character-level LSTM: its config, its parameters, and the backend that runs the loop over time.

    The state goes in and comes out of each call; the model itself remembers nothing. What does not fit, in shape, type
    or range, raises InputError before anything is computed.
    """

    def __init__(self, config, parameters=None, backend=kernels):
        if not isinstance(config, Config):
            raise InputError(f"config {shown(config)} must be a Config")
        self.config, self.sizes = config, {"V": config.vocabulary, "L": config.layers, "H": config.units}
        self.parameters = parameters if parameters is not None else initial_parameters(config)
        self.check_parameters("parameters", self.parameters)
        self.network = Network.of(self.parameters)
        self.backend = backend_of(backend)
        self._gradient, self._memory = None, Memory()  # of a training step: see `loss_and_gradient`

    def __setattr__(self, name, value):
        # because the layers are views into these parameters, and compiled code trusts the sizes of this config
        if name in ("config", "sizes", "parameters", "network") and name in vars(self):
            raise InputError(f"a model's {name} cannot be replaced; write into parameters.flat, or make another model")
        super().__setattr__(name, value)

    @property
    def dtype(self):
        """float32 or float64."""
        return self.parameters.flat.dtype

    def copy(self):
        """The model as it is now: a copy that stays so while training goes on."""
        return CharRNN(self.config, self.parameters.astype(self.dtype), self.backend)

    def __repr__(self):
        c = self.config
        sizes = f"V={c.vocabulary}, E={c.embedding}, H={c.units}, L={c.layers}"
        return f"CharRNN({sizes}: {self.parameters.flat.size:,} parameters)"

    def initial_state(self, B=1):
        """The state before the first character: zero, for B rows."""
        shape = self.config.layers, ROWS.check("B", B), self.config.units
        return State(np.zeros(shape, self.dtype), np.zeros(shape, self.dtype))

    def check_parameters(self, name, parameters):
        """Raise InputError unless Parameters, or a gradient, are of this model's names, shapes and dtype."""
        if not isinstance(parameters, Parameters):
            raise InputError(f"{name} {shown(parameters)} must be Parameters, as initial_parameters gives them")
        for wanted, found in zip_longest(self.config.shapes.items(), parameters.shapes.items()):
            if wanted != found:
                raise InputError(f"{name} have {found}, and must have {wanted} by {self.config}")
        if parameters.flat.dtype != self.dtype:
            raise InputError(f"{name} hold {parameters.flat.dtype}, not {self.dtype}; .astype makes it so")

    def check_vocabulary(self, vocabulary):
        """Raise InputError unless a vocabulary has a character for each id of this model."""
        if not isinstance(vocabulary, Vocabulary):
            raise InputError(f"vocabulary {shown(vocabulary)} must be a Vocabulary")
        if len(vocabulary) != self.config.vocabulary:
            raise InputError(f"the vocabulary has {len(vocabulary)} characters, and the model {self.config.vocabulary}")

    def check_keys(self, keys):
        """Raise InputError unless these are DropoutKeys for so many layers, or None."""
        if keys is None:
            return
        if not isinstance(keys, DropoutKeys):
            raise InputError(f"keys {shown(keys)} must be None or DropoutKeys; dropout_keys gives some")
        of_layers = {"keys.output (L,)": keys.output, "keys.recurrent (L,)": keys.recurrent}
        check_arrays({f"{name} of whole numbers": array for name, array in of_layers.items()}, L=self.config.layers)

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
        check_arrays({IDS: ids} | arrays_of("state", state), self.dtype, **self.sizes)
        self.check_keys(keys)
        machine = machine or Machine(self.backend)
        network, rate = self.dropped(keys, machine.workers), self.config.dropout
        x, where, present = network.embedding.forward(ids)
        dropout, last, caches = None, [], []
        for n, lstm in enumerate(network.lstm):
            x, after, cache = lstm.forward(x, state.h[n], state.c[n], where, dropout, machine)
            where = None  # only the embedding's output is by character, not by place
            # of what comes out
            dropout = Dropout(rate, keys.output[n], keys.first) if keys is not None and rate else None
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
        T, B, _ = cache[2][-1][-1].shape  # (T+1, B, H), the cells of the last layer
        arrays = {"dlogits (T, B, V)": dlogits} | arrays_of("dstate", dstate)
        check_arrays(arrays, self.dtype, T=T - 1, B=B, **self.sizes)
        self.check_parameters("into", into)
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
        check_arrays({IDS: ids, TARGETS: targets})
        check_range("targets", targets, self.config.vocabulary)
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
        rows = check_arrays({IDS: ids})["B"]
        _, _, (_, _, caches, _, _) = self.forward(ids, self.initial_state(rows) if state is None else state)
        traces = []
        for *_, gates, h, c in caches:
            i, f, g, o = np.split(gates, 4, axis=-1)
            traces.append({"i": i, "f": f, "g": g, "o": o, "c": c[1:], "h": h[1:]})
        return traces
