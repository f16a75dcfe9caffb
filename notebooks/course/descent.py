"""Experiments with optimizers: on a landscape of two numbers that can be drawn, and on a network.

On the network an optimizer is tried by a Trainer with it in Adam's place: `trainer.adam = SGD(size)`.
"""

from dataclasses import dataclass, replace

import numpy as np

from course.optimizers import SGD, Momentum, RMSProp
from lstm.adam import Adam, gradient_norm
from lstm.engine.threads import Workers
from lstm.io import InputError
from lstm.model import CharRNN, Config, initial_parameters
from lstm.settings import Settings
from lstm.training import Trainer

OPTIMIZERS = {"SGD": SGD, "momentum": Momentum, "RMSProp": RMSProp, "Adam": Adam}


@dataclass(frozen=True)
class Valley:
    """A landscape (p curvature p) / 2 over two numbers p: a valley with its lowest point at 0."""

    curvature: np.ndarray  # (2, 2), symmetric; its eigenvalues say how steep the sides are and how flat the floor

    @classmethod
    def of(cls, steep, flat=1.0, degrees=0.0):
        """A valley whose floor runs along the first axis, turned by so many degrees."""
        angle = np.radians(degrees)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return cls(turn @ np.diag([flat, steep]) @ turn.T)

    def height(self, p):
        """p (..., 2) -> (...)."""
        return 0.5 * np.einsum("...i,ij,...j", p, self.curvature, p)

    def gradient(self, p):
        """p (2,) -> (2,)."""
        return self.curvature @ p


def path(landscape, optimizer, start, learning_rate, steps):
    """The places an optimizer goes through from `start`, float64 (steps + 1, 2)."""
    p, workers = np.array(start, np.float64), Workers()
    places = [p.copy()]
    for _ in range(steps):
        optimizer.step(p, landscape.gradient(p), learning_rate, 1.0, workers)
        places.append(p.copy())
    return np.array(places)


def losses(trainer, steps):
    """Train so many steps: the loss of each batch, nats per character. Raises InputError where training diverges."""
    return [trainer.step() for _ in range(steps)]


def range_test(trainer, rates, stop=3.0):
    """The loss of each batch as the learning rate goes through `rates`, a step each (Smith 2017, section 3.3).

    Ends where the loss is `stop` nats above the lowest so far, or not finite: so there may be fewer than rates.
    """
    measured = []
    for rate in rates:
        trainer.settings = replace(trainer.settings, learning_rate=float(rate))
        try:
            measured.append(trainer.step())
        except InputError:  # it diverged
            break
        if measured[-1] > min(measured) + stop:
            break
    return np.array(measured)


def update_ratios(trainer, steps):
    """How far each matrix moves in a step, as a share of its own length: {name: (steps,)}.

    Biases are left out: many of them start at 0, and a share of nothing says nothing.
    """
    parameters = trainer.model.parameters
    ratios = {name: [] for name, array in parameters.items() if array.ndim > 1}
    for _ in range(steps):
        before = parameters.astype(parameters.flat.dtype)
        trainer.step()
        for name, values in ratios.items():
            values.append(np.linalg.norm(parameters[name] - before[name]) / np.linalg.norm(before[name]))
    return {name: np.array(values) for name, values in ratios.items()}


def small_trainer(corpus, name="Adam", learning_rate=1e-3, clip=5.0, seq_length=32, H=64, seed=1):
    """A Trainer of a small network on the training tunes, with one of OPTIMIZERS in Adam's place."""
    config = Config(len(corpus.vocabulary), 32, H, 1, dropout=0.0)
    settings = Settings(seq_length=seq_length, learning_rate=learning_rate, clip=clip)
    trainer = Trainer(CharRNN(config, initial_parameters(config, seed)), settings, corpus.training)
    trainer.adam = OPTIMIZERS[name](trainer.model.parameters.flat.size)
    return trainer


def gradient_norms(trainer, steps):
    """Train so many steps: the norm of each batch's gradient before it is clipped, (steps,). For no dropout."""
    norms = []
    for _ in range(steps):
        result = trainer.model.loss_and_gradient(*trainer.batches[trainer.position], trainer.state)
        norms.append(gradient_norm(result.gradient.flat, trainer.workers))
        trainer.step()
    return np.array(norms)
