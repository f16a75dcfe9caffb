"""Training: stateful truncated backpropagation through time, step by step, with validation each epoch.

Nothing here prints or writes a file. `Trainer.steps()` runs an epoch, `finish_epoch()` closes it with a
`Record`; between any two steps `snapshot()` holds all that is needed to go on bit for bit.
"""

import math
import time
from dataclasses import asdict, dataclass

import numpy as np

from lstm.adam import Adam, clip_scale, gradient_norm
from lstm.batches import Batches
from lstm.errors import InputError
from lstm.loss import cross_entropy
from lstm.model import State, dropout_keys
from lstm.shards import Workers, shards

VALIDATION_ROWS = 16  # fixed, so that the validation loss does not depend on the batch size


@dataclass(frozen=True)
class Settings:
    """How to train, apart from the sizes of the model."""

    epochs: int = 12
    batch_size: int = 16  # B
    seq_length: int = 64  # T
    learning_rate: float = 1e-3
    clip: float = 5.0  # largest norm of the gradient; 0 is no limit
    validation: float = 0.1  # share of the tunes that is held out
    seed: int = 1


# Named starting points: what they change in Config and in Settings.
PRESETS = {
    "classic": ({}, {}),
    "tiny": ({"embedding": 64, "units": 128, "layers": 1, "dropout": 0.0}, {"epochs": 4, "learning_rate": 3e-3}),
}


@dataclass(frozen=True)
class Record:
    """One epoch: losses in nats per character, accuracies as shares. val_* are NaN where nothing is held out."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float  # spent on training steps
    chars_per_second: float


def bits(nats):
    """Nats in bits."""
    return nats / math.log(2)


def best(history):
    """The record with the lowest validation loss (training loss where nothing is held out)."""
    return min(history, key=lambda r: r.loss if math.isnan(r.val_loss) else r.val_loss)


def evaluate(model, ids, seq_length, workers):
    """Loss in nats per character and accuracy over `ids`, without dropout.

    The ids are read as up to VALIDATION_ROWS rows side by side, each from the zero state to its end.
    """
    batches = Batches(ids, min(VALIDATION_ROWS, len(ids) - 1), seq_length, remainder=True)

    def read(part):
        state, nats, correct = model.initial_state(part.stop - part.start), 0.0, 0
        with np.errstate(over="ignore", invalid="ignore"):  # a loss that is not finite is noticed by the caller
            for inputs, targets in batches:
                logits, state, _ = model.forward(inputs[:, part], state)
                nats += cross_entropy(logits, targets[:, part])[0].sum(dtype=np.float64)
                correct += (logits.argmax(axis=-1) == targets[:, part]).sum()
        return nats, correct

    nats, correct = zip(*workers.map(read, shards(batches[0][0].shape[1])))
    return float(sum(nats)) / batches.characters, float(sum(correct)) / batches.characters


class Trainer:
    """A model, its optimizer, and its place in the text."""

    def __init__(self, model, settings, training, validation=(), workers=None):
        """training, validation: ids. Without at least two ids of validation nothing is validated."""
        self.model, self.settings = model, settings
        self.batches = Batches(training, settings.batch_size, settings.seq_length)
        self.validation = validation
        self.workers = workers or Workers()
        self.adam = Adam(model.parameters.flat.size, model.parameters.flat.dtype)
        self.history = []
        self._start_epoch()

    def _start_epoch(self):
        """Each epoch reads the text from its start, with nothing remembered."""
        self.state = self.model.initial_state(self.settings.batch_size)
        self.position, self.nats, self.correct, self.seconds = 0, 0.0, 0, 0.0

    @property
    def epoch(self):
        """The epoch under way, counted from 1."""
        return len(self.history) + 1

    @property
    def characters(self):
        """How many characters of this epoch have been trained on."""
        return self.position * self.settings.batch_size * self.settings.seq_length

    def steps(self):
        """The rest of this epoch: one step of the optimizer each, yielding the epoch's mean loss so far."""
        while self.position < len(self.batches):
            self.step()
            yield self.nats / self.characters

    def step(self):
        """One batch: forward, backward, clip, Adam. Returns the batch's loss in nats per character.

        Raises InputError where loss or gradient is not finite, before any parameter is touched.
        """
        started, (ids, targets) = time.perf_counter(), self.batches[self.position]
        keys = dropout_keys(self.settings.seed, self.adam.t, self.model.config.layers)
        result = self.model.loss_and_gradient(ids, targets, self.state, keys, self.workers)
        gradient, parameters = result.gradient.flat, self.model.parameters.flat
        norm = gradient_norm(gradient, self.workers)
        if not (math.isfinite(result.nats) and math.isfinite(norm)):
            raise InputError(self._diverged(result.nats / ids.size, norm))
        scale = clip_scale(norm, self.settings.clip)
        self.adam.step(parameters, gradient, self.settings.learning_rate, scale, self.workers)
        self.state = result.state
        self.position += 1
        self.nats += result.nats
        self.correct += result.correct
        self.seconds += time.perf_counter() - started
        return result.nats / ids.size

    def _diverged(self, loss, norm):
        return (
            f"training diverged at step {self.adam.t + 1} (epoch {self.epoch}): loss {loss:.4g}, gradient norm "
            f"{norm:.4g}, learning rate {self.settings.learning_rate:g}; the last complete epoch is kept; "
            "try a smaller --learning-rate or a smaller --clip"
        )

    def finish_epoch(self):
        """Validate, and add the epoch's Record to the history. Raises InputError if the loss is not finite."""
        val_loss, val_accuracy = math.nan, math.nan
        if len(self.validation) > 1:
            val_loss, val_accuracy = evaluate(self.model, self.validation, self.settings.seq_length, self.workers)
            if not math.isfinite(val_loss):
                raise InputError(self._diverged(val_loss, math.nan))
        loss, accuracy = self.nats / self.characters, self.correct / self.characters
        speed = self.characters / self.seconds
        self.history.append(Record(self.epoch, loss, accuracy, val_loss, val_accuracy, self.seconds, speed))
        self._start_epoch()
        return self.history[-1]

    def records(self):
        """Train the epochs that are left: an iterator of their Records."""
        while len(self.history) < self.settings.epochs:
            for _ in self.steps():
                pass
            yield self.finish_epoch()

    def snapshot(self):
        """All that changes in training, as (arrays, numbers)."""
        arrays = {"parameters": self.model.parameters.flat, "m": self.adam.m, "v": self.adam.v}
        arrays |= {"h": self.state.h, "c": self.state.c}
        numbers = {"t": self.adam.t, "position": self.position, "nats": self.nats, "correct": self.correct}
        numbers |= {"seconds": self.seconds, "history": [asdict(record) for record in self.history]}
        return arrays, numbers

    def restore(self, arrays, numbers):
        """Go on from a snapshot."""
        self.model.parameters.flat[:] = arrays["parameters"]
        self.adam.m[:], self.adam.v[:], self.adam.t = arrays["m"], arrays["v"], numbers["t"]
        self.state = State(arrays["h"], arrays["c"])
        self.position, self.nats, self.correct = numbers["position"], numbers["nats"], numbers["correct"]
        self.seconds = numbers["seconds"]
        self.history = [Record(**record) for record in numbers["history"]]


def memory_needed(config, settings):
    """About how many bytes training takes above the program itself (parameters and activations)."""
    V, H, L = config.vocabulary, config.units, config.layers
    parameters = sum(math.prod(shape) for shape in config.shapes.values())
    character = 7 * H * L + 3 * H + 4 * V  # kept for backward: gates, h, c, y of each layer; then dx, logits, p
    vectors, float32 = 4, 4  # the parameters, their gradient, m and v
    return float32 * (vectors * parameters + settings.batch_size * settings.seq_length * character)
