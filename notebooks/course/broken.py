"""Nine networks of notebook 09, "Find the bug", and the tools to examine them. Do not read on before you have named
the faults: the code of each is below.

    suspect("C")        a Suspect: a network, what cuts the text for it, and a learning rate
    Lab("C", corpus)    the tools for it, which count what they are used

A network has the signature of `own_network`: network(p, ids, targets, h, c) -> loss, gradient, h, c.
Most of the faults are one word in `network_with`, so that sound and broken stand beside each other.
"""

import functools
from dataclasses import dataclass
from typing import Callable

import numpy as np

from course import own_network
from course.own_network import by_the_package, config_of
from lstm.batches import Batches
from lstm.cell import sigmoid, sum_by_place
from lstm.gradcheck import numeric_gradient
from lstm.layers import rows
from lstm.model import initial_parameters

LETTERS = "ABCDEFGHI"
FAULTS = {
    "sound": "nothing is wrong in the code; the curve is bad because of the learning rate",
    "dc lost": "backward: `dc =` where `dc +=` should be, so what the next step says about c is lost",
    "dh lost": "backward: what the next step says about h is never added",
    "tanh twice": "backward: the slope of tanh is taken at tanh(c) instead of c",
    "forget gate's slope": "backward: df is multiplied by f instead of f (1 - f)",
    "embedding keeps one": "backward: of a character that comes several times one place counts",
    "not divided": "backward: the sum over all characters where the mean should be",
    "h without tanh": "forward and backward: h = o c instead of h = o tanh(c)",
    "softmax over the rows": (
        "forward and backward: what sums to 1 are the rows of a batch, not the characters"
    ),
    "state not carried": "the network begins each batch with zeros, whatever state it is given",
    "rows shuffled": "what cuts the text shuffles the rows of each batch, and the state is carried on all the same",
    "targets not shifted": "what cuts the text gives the characters read as targets too",
}
UNITS, EMBEDDED, B, T = 48, 24, 16, 32  # smaller than in notebook 04: nine are trained
STEPS, RATE, SLOW = 200, 4e-3, 3e-4
FLOOR = 1e-3  # most slopes have a norm of 0.01 to 1


def forward(z, h0, c0, U, tanh=np.tanh):
    """One layer of cells over time, as `cell.forward`; tanh is the one that the cell's output goes through."""
    (steps, _, _), gates = z.shape, np.empty_like(z)
    h, c = [h0], [c0]
    for t in range(steps):
        i, f, g, o = np.split(z[t] + h[t] @ U, 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c.append(f * c[t] + i * g)
        h.append(o * tanh(c[-1]))
        gates[t] = np.concatenate((i, f, g, o), axis=1)
    return gates, np.array(h), np.array(c)


def backward(dh, gates, c, U, fault):
    """Back through the cells: dz (T, B, 4H). With the fault "" it is `cell.backward`."""
    dz, dh_next, dc_next = np.empty_like(gates), 0, 0
    for t in reversed(range(len(dh))):
        i, f, g, o = np.split(gates[t], 4, axis=1)
        shown = c[t + 1] if fault == "h without tanh" else np.tanh(c[t + 1])
        slope = 1 - (np.tanh(shown) if fault == "tanh twice" else shown) ** 2
        if fault == "h without tanh":
            slope = 1
        dh_t = dh[t] + dh_next
        dc = dh_t * o * slope
        if fault != "dc lost":
            dc = dc + dc_next
        slope_f = f if fault == "forget gate's slope" else f * (1 - f)
        gates_before = dc * g * i * (1 - i), dc * c[t] * slope_f, dc * i * (1 - g**2), dh_t * shown * o * (1 - o)
        dz[t] = np.concatenate(gates_before, axis=1)
        dh_next = 0 if fault == "dh lost" else dz[t] @ U.T
        dc_next = dc * f
    return dz


def surprise(logits, targets, axis=-1):
    """Mean surprise and its gradient by the logits (T, B, V), if softmax goes over that axis: it should be the last."""
    log_p = logits - logits.max(axis=axis, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=axis, keepdims=True))
    one_hot = np.eye(logits.shape[-1], dtype=logits.dtype)[targets]
    loss = -(one_hot * log_p).sum() / targets.size
    # over the last axis one_hot sums to 1, and this is p - one_hot; over another one this is the true gradient too
    return loss, (np.exp(log_p) * one_hot.sum(axis=axis, keepdims=True) - one_hot) / targets.size


def network_with(fault, p, ids, targets, h, c):
    """The network of notebook 04, with a fault or with none (""). Arrays as there."""
    W, U, table, V = p["lstm_1/kernel"], p["lstm_1/recurrent_kernel"], p["embedding/embedding"], p["dense/kernel"]
    if fault == "state not carried":
        h, c = np.zeros_like(h), np.zeros_like(c)
    x = table[ids]
    unchanged = (lambda c: c) if fault == "h without tanh" else np.tanh
    gates, h, c = forward(x @ W + p["lstm_1/bias"], h, c, U, unchanged)
    logits = h[1:] @ V + p["dense/bias"]
    loss, dlogits = surprise(logits, targets, axis=1 if fault == "softmax over the rows" else -1)
    if fault == "not divided":
        dlogits = dlogits * np.asarray(targets.size, dlogits.dtype)
    dz = backward(dlogits @ V.T, gates, c, U, fault)
    dx = (dz @ W.T).reshape(ids.size, -1)
    if fault == "embedding keeps one":
        dtable = np.zeros_like(table)
        dtable[ids.ravel()] = dx
    else:
        dtable = sum_by_place(dx, ids.ravel(), len(table))
    gradient = {
        "embedding/embedding": dtable,
        "lstm_1/kernel": rows(x).T @ rows(dz),
        "lstm_1/recurrent_kernel": rows(h[:-1]).T @ rows(dz),
        "lstm_1/bias": rows(dz).sum(axis=0),
        "dense/kernel": rows(h[1:]).T @ rows(dlogits),
        "dense/bias": rows(dlogits).sum(axis=0),
    }
    return loss, gradient, h[-1], c[-1]


def network(fault=""):
    """`network_with` that fault as a function of (p, ids, targets, h, c)."""
    return functools.partial(network_with, fault)


class Shuffled(Batches):
    """Batches whose rows stand in another order each time: no row goes on where it ended in the batch before."""

    def __getitem__(self, i):
        inputs, targets = super().__getitem__(i)
        order = np.random.default_rng(i).permutation(inputs.shape[1])
        return inputs[:, order], targets[:, order]


class NotShifted(Batches):
    """Batches whose targets are the characters read."""

    def __getitem__(self, i):
        inputs, _ = super().__getitem__(i)
        return inputs, inputs


READERS = {"rows shuffled": Shuffled, "targets not shifted": NotShifted}


@dataclass(frozen=True)
class Suspect:
    """One of the nine. reader: `Batches`, or what is in its place."""

    letter: str
    network: Callable
    reader: type
    learning_rate: float

    def __repr__(self):
        return f"suspect {self.letter}"


def in_order():
    """The faults of A, B, .. I."""
    return ("dc lost", "sound", "softmax over the rows", "h without tanh", "rows shuffled", "tanh twice",
            "targets not shifted", "not divided", "state not carried")


def suspect(letter):
    """The Suspect of that letter, A to I."""
    if letter not in LETTERS or len(letter) != 1:
        raise ValueError(f"there is no suspect {letter!r}; there are {', '.join(LETTERS)}")
    fault = in_order()[LETTERS.index(letter)]
    return Suspect(letter, network(fault), READERS.get(fault, Batches), SLOW if fault == "sound" else RATE)


def curve(one, ids, vocabulary, seed=0, learning_rate=None, steps=STEPS):
    """The loss of each training step of a Suspect, (steps,), from the seed's first parameters."""
    parameters = initial_parameters(config_of(vocabulary, EMBEDDED, UNITS), seed)
    batches = one.reader(ids, B, T)
    return own_network.train(one.network, parameters, ids, steps, batches, learning_rate or one.learning_rate)


SOUND = Suspect("of yours", network(), Batches, RATE)


# -- the tools


def small(steps=4, rows=3, V=7, seed=0):
    """A problem for a gradient check, in float64: p, ids, targets, h, c of a network of 4 units."""
    rng = np.random.default_rng(seed)
    p = dict(initial_parameters(config_of(V, 3, 4), seed, np.float64).items())
    p["dense/bias"] += 0.1 * rng.normal(size=V)  # away from zero, where a slip could hide
    ids, targets = rng.integers(V, size=(2, steps, rows))
    return p, ids, targets, 0.5 * rng.normal(size=(rows, 4)), 0.5 * rng.normal(size=(rows, 4))


class Table(dict):
    """{row: (numbers)} that is shown as a table."""

    def __init__(self, head, rows):
        super().__init__(rows)
        self.head = head

    def __repr__(self):
        width = max(map(len, [*self, self.head[0]]))
        lines = [f"{self.head[0]:<{width}}  " + "  ".join(f"{name:>14}" for name in self.head[1:])]
        for name, numbers in self.items():
            lines.append(f"{name:<{width}}  " + "  ".join(f"{number:>14}" for number in numbers))
        return "\n".join(lines)


def slopes(network, steps=4, recurrent=True, seed=0):
    """{array, that of a gate: (how far off, how many times the measured slope)} of a network's gradient.

    How far off: the norm of the difference over that of the slopes that were measured; where all of these are zero,
    over FLOOR. recurrent: False sets the recurrent kernel to zero, so that nothing goes from h to the next step, and
    only the cell goes on.
    """
    p, ids, targets, h, c = small(steps, seed=seed)
    if not recurrent:
        p["lstm_1/recurrent_kernel"][:] = 0
    _, gradient, _, _ = network(p, ids, targets, h, c)
    found = {}
    for name, array in p.items():
        right = numeric_gradient(lambda: float(network(p, ids, targets, h, c)[0]), array, 1e-4)
        parts = [("", gradient[name], right)]
        if name.startswith("lstm"):
            both = np.split(gradient[name], 4, axis=-1), np.split(right, 4, axis=-1)
            parts = [(f", gate {gate}", mine, its) for gate, mine, its in zip("ifgo", *both)]
        for part, mine, its in parts:
            norm = max(np.linalg.norm(its), FLOOR)
            found[name + part] = float(np.linalg.norm(mine - its) / norm), float(np.vdot(mine, its) / norm**2)
    return found


class Lab:
    """The tools for one suspect. Each use is counted in `Lab.spent`, {letter: uses}; those of `price` count more."""

    spent = {}
    price = {"against_the_package": 3}  # one seldom has another implementation at hand

    def __init__(self, letter, corpus):
        self._suspect, self._corpus, self.letter = suspect(letter), corpus, letter
        self._V = len(corpus.vocabulary)

    def _pay(self, tool):
        Lab.spent[self.letter] = Lab.spent.get(self.letter, 0) + self.price.get(tool, 1)

    def curve(self, seed=0, learning_rate=None):
        """The loss of 200 steps of training, (200,), at the suspect's own rate or at another."""
        self._pay("curve")
        return curve(self._suspect, self._corpus.training, self._V, seed, learning_rate)

    def look(self):
        """What the first row of the first two batches reads, and its targets: a table of texts."""
        self._pay("look")
        batches, rows = self._suspect.reader(self._corpus.training, B, T), {}
        for n in range(2):
            for kind, ids in zip(("reads", "targets"), batches[n]):
                rows[f"batch {n + 1} {kind}"] = (repr(self._corpus.vocabulary.decode(ids[:, 0])),)
        return Table(("first row", ""), rows)

    def first_loss(self, seed=0):
        """The loss of the first batch before any training, and ln V."""
        self._pay("first_loss")
        return Table(("", "nats"), {"loss": (round(first_loss(self._suspect, self._corpus, seed), 3),),
                                    "ln V": (round(float(np.log(self._V)), 3),)})

    def by_heart(self, seed=0):
        """The loss after 200 steps on one and the same batch of 4 rows of 16 characters, at a usual rate."""
        self._pay("by_heart")
        return Table(("", "nats"), {"after 200 steps": (round(by_heart(self._suspect, self._corpus, seed), 3),)})

    def in_chunks(self, seed=0):
        """The loss of eight time steps read at once, and in two chunks of four with the state carried."""
        self._pay("in_chunks")
        whole, chunks = in_chunks(self._suspect.network, seed)
        return Table(("", "nats"), {"at once": (f"{whole:.9f}",), "in two chunks": (f"{chunks:.9f}",)})

    def gradient_check(self, steps=4, recurrent=True, seed=0):
        """The network's gradient against the slopes of its own loss, by array and gate: see `slopes`."""
        self._pay("gradient_check")
        found = slopes(self._suspect.network, steps, recurrent, seed)
        return Table(("gradient of", "off", "times"), {name: (f"{off:.0e}", f"{ratio:.3f}")
                                                       for name, (off, ratio) in found.items()})

    def against_the_package(self, steps=4, seed=0):
        """How far loss, state and gradient are from those of the package's network, with the same parameters."""
        self._pay("against_the_package")
        return Table(("", "off"), {name: (f"{off:.0e}",) for name, off in parity(self._suspect.network, steps,
                                                                                 seed).items()})


def first_loss(one, corpus, seed=0):
    p = dict(initial_parameters(config_of(len(corpus.vocabulary), EMBEDDED, UNITS), seed).items())
    nothing = np.zeros((B, UNITS), np.float32)
    return float(one.network(p, *one.reader(corpus.training, B, T)[0], nothing, nothing)[0])


def by_heart(one, corpus, seed=0, steps=200, learning_rate=1e-2):
    parameters = initial_parameters(config_of(len(corpus.vocabulary), EMBEDDED, UNITS), seed)
    start = 5000 + 100 * seed
    batches = one.reader(corpus.training[start : start + 4 * 16 + 1], 4, 16)
    return float(own_network.train(one.network, parameters, None, steps, batches, learning_rate)[-1])


def in_chunks(network, seed=0):
    p, ids, targets, h, c = small(8, seed=seed)
    whole, total = float(network(p, ids, targets, h, c)[0]), 0
    for chunk in (slice(4), slice(4, 8)):
        loss, _, h, c = network(p, ids[chunk], targets[chunk], h, c)
        total += float(loss) / 2
    return whole, total


def parity(network, steps=4, seed=0):
    """{"loss", "h", "c", name of a gradient: norm of the difference over that of the package's}."""
    given = small(steps, seed=seed)
    loss, gradient, h, c = network(*given)
    right, gradients, right_h, right_c = by_the_package(*given)
    both = {"loss": (loss, right), "h": (h, right_h), "c": (c, right_c)}
    both |= {f"gradient of {name}": (gradient[name], gradients[name]) for name in gradients}
    return {name: float(np.linalg.norm(a - b) / np.linalg.norm(b)) for name, (a, b) in both.items()}


# -- what a sound network and the broken ones are told apart by; `python notebooks/margins.py 09` prints the margins


GAPS = {  # where the late loss less the sound network's lies; E and I stand at the band's edge, D is chaotic
    "A": (-0.1, 0.1), "B": (0.5, np.inf), "C": (-np.inf, -0.3), "F": (0.25, np.inf), "G": (-np.inf, -1.0),
    "H": (-0.1, 0.1),
}
SPIKE, TOO_GOOD = 1.5, -0.1  # D has a loss above 1.5 ln V, or its late loss is lower than the sound one's by 0.1
CALM = 1.1  # times ln V: no other has a loss above this
BY_HEART = 0.5  # nats after `by_heart`; measured: 0.0006 to 0.18
FIRST_NEAR, FIRST_TOO_LOW = 0.1, -1.0  # nats, the first loss less ln V
CLEAN, DIRTY = 1e-6, 0.02  # how far off a sound gradient is at most, and a broken one at least (2e-8, 0.06)
IN_BACKWARD = ("dc lost", "dh lost", "tanh twice", "forget gate's slope", "embedding keeps one", "not divided")


def late(losses):
    """The mean loss of the last 50 steps: by this number two curves are compared."""
    return float(np.mean(losses[-50:]))
