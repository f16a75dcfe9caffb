"""Training: stateful truncated backpropagation through time, step by step, with validation each epoch.

Nothing here prints or writes a file. `Trainer.steps()` runs an epoch, `finish_epoch()` closes it with a
`Record`; between any two steps `snapshot()` holds all that is needed to go on bit for bit.
"""

import math
import time
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from lstm.adam import Adam, clip_scale, decay, gradient_norm, update_average
from lstm.batches import Batches
from lstm.corpus import shuffled
from lstm.engine.machine import Machine
from lstm.engine.threads import Workers, one_blas_thread
from lstm.io import InputError, shown
from lstm.io.arrays import check_arrays, check_range
from lstm.loss import cross_entropy
from lstm.model import CharRNN, State, dropout_keys
from lstm.ranks import Alone
from lstm.settings import Settings, learning_rate_at

VALIDATION_ROWS = 16  # fixed, so that the validation loss does not depend on the batch size
MOST_NATS = 2.0**24  # beyond it float32 has no digit left for a single nat


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


def to_bits(nats):
    """Nats in bits."""
    return nats / math.log(2)


def best(history):
    """The record with the lowest validation loss (training loss where nothing is held out)."""
    return min(history, key=lambda r: r.loss if math.isnan(r.val_loss) else r.val_loss)


def character_losses(model, ids, seq_length, workers, ranks=Alone()):
    """What each character of `ids` costs, without dropout: (nats, whether it was the likeliest), (n,) each.

    The ids are read as up to VALIDATION_ROWS rows side by side, each from the zero state to its end. The results
    are of ids[1 : n + 1], in the order of the text: nothing predicts the first, and rows of equal length leave a few.
    """
    B = min(VALIDATION_ROWS, max(1, len(ids) - 1))
    batches, rows = Batches(ids, B, seq_length, remainder=True), ranks.rows(B)
    if rows.start == rows.stop:  # there are more ranks than rows
        parts = [(np.zeros((0, batches.length), model.dtype), np.zeros((0, batches.length), bool))]
    else:
        parts = list(_losses(model, batches, rows, workers))
    return tuple(ranks.joined(np.concatenate(mine, axis=1), 0).ravel() for mine in zip(*parts))


def _losses(model, batches, rows, workers):
    """(nats, whether it was the likeliest) of some rows of batch after batch, (rows, steps) each."""
    machine, state = Machine(model.backend, workers), model.initial_state(rows.stop - rows.start)
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):  # the caller notices what is not finite
        for inputs, targets in batches:
            inputs, targets = (np.ascontiguousarray(ids[:, rows]) for ids in (inputs, targets))
            logits, state, _ = model.forward(inputs, state, machine=machine)
            yield cross_entropy(logits, targets)[0].T, (logits.argmax(axis=-1) == targets).T


def evaluate(model, ids, seq_length, workers, ranks=Alone()):
    """Loss in nats per character and accuracy over `ids`, without dropout: means of `character_losses`."""
    nats, correct = character_losses(model, ids, seq_length, workers, ranks)
    return float(nats.mean(dtype=np.float64)), float(correct.mean())


class Trainer:
    """A model, its optimizer, and its place in the text."""

    def __init__(self, model, settings, training, validation=(), workers=None, edges=(), transposer=None, ranks=None):
        """training, validation: ids. Without at least two ids of validation nothing is validated.

        edges: see Corpus; needed to shuffle. transposer: a Transposer; needed to transpose. ranks: the processes that
        train together; each has a Trainer.
        """
        for name, value, kind in (("model", model, CharRNN), ("settings", settings, Settings)):
            if not isinstance(value, kind):
                raise InputError(f"{name} {shown(value)} must be of type {kind.__name__}")
        for name, ids in (("training", training), ("validation", validation)):
            if name == "training" or len(ids):
                check_arrays({f"{name} (N,) of whole numbers": ids})
                check_range(name, ids, model.config.vocabulary)
        if settings.transpose and transposer is None:
            raise InputError(f"transpose {settings.transpose:g} needs a Transposer; give one as transposer")
        if settings.shuffle and not len(edges):
            raise InputError("shuffle needs the edges of the tunes; give those of a Corpus as edges")
        self.model, self.settings, self.ranks = model, settings, ranks or Alone()
        if self.ranks.size > settings.batch_size:
            raise InputError(f"--batch-size {settings.batch_size} has too few rows for {self.ranks.size} ranks; start "
                             f"at most {settings.batch_size}, or choose a larger --batch-size")
        self.rows = self.ranks.rows(settings.batch_size)  # those of the batch that are read here
        self.training, self.edges, self.transposer = training, edges, transposer
        self.validation = validation
        self.workers = workers or Workers()
        self.adam = Adam(model.parameters.flat.size, model.parameters.flat.dtype)
        self.ema_model = model.copy() if settings.averaging else model  # the model to validate and to keep
        self.history = []
        self.cycle_start = 0  # epochs before the cycle of the schedule that is under way
        self._start_epoch()

    @cached_property
    def batches(self):
        """The batches of the epoch under way, made when they are first asked for: after the last epoch nobody asks."""
        ids, edges, settings = self.training, self.edges, self.settings
        if settings.transpose:
            ids, edges = self.transposer.text(settings.transpose, settings.seed, self.epoch)
        if settings.shuffle:
            ids = shuffled(ids, edges, settings.seed, self.epoch)
        # In another key a tune may be some characters longer or shorter. All epochs have the same number of batches
        # all the same: what is too much at the end is left out, what is missing is taken from the beginning.
        if len(ids) != len(self.training):
            ids = np.resize(ids, len(self.training))
        return Batches(ids, settings.batch_size, settings.seq_length)

    def _start_epoch(self):
        """Each epoch reads the text from its start, with nothing remembered."""
        self.__dict__.pop("batches", None)  # those of the epoch before
        self.state = self.model.initial_state(self.rows.stop - self.rows.start)
        self.position, self.nats, self.correct, self.seconds = 0, 0.0, 0, 0.0

    @property
    def epoch(self):
        """The epoch under way, counted from 1."""
        return len(self.history) + 1

    @property
    def learning_rate(self):
        """The learning rate of the next step."""
        first = self.cycle_start * len(self.batches)
        steps = self.settings.epochs * len(self.batches) - first
        return learning_rate_at(self.adam.t - first, steps, self.settings)

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

        Raises InputError where the loss is beyond all use or the gradient not finite, before any parameter is touched.
        """
        started, batch = time.perf_counter(), self.batches[self.position]
        ids, targets = (np.ascontiguousarray(ids[:, self.rows]) for ids in batch)
        keys = dropout_keys(self.settings.seed, self.adam.t, self.model.config.layers, self.rows.start)
        result = self.model.loss_and_gradient(ids, targets, self.state, keys, self.workers)
        share = ids.size / batch[0].size
        nats, correct = self.ranks.add(result.gradient.flat, share, result.nats, result.correct)
        loss, norm = nats / batch[0].size, gradient_norm(result.gradient.flat, self.workers)
        if not (loss <= MOST_NATS and math.isfinite(norm)):
            raise self._diverged(f"loss {loss:.4g}, gradient norm {norm:.4g}", self.adam.t + 1)
        with np.errstate(over="ignore", invalid="ignore"):  # it is noticed by the next loss, or before anything is kept
            self._update(result.gradient.flat, clip_scale(norm, self.settings.clip))
        self.state = result.state
        self.position += 1
        self.nats += nats
        self.correct += int(correct)
        self.seconds += time.perf_counter() - started
        return loss

    def _update(self, gradient, scale):
        """Move the parameters against `scale * gradient`, and their average after them."""
        settings, parameters, rate = self.settings, self.model.parameters, self.learning_rate
        if settings.weight_decay:  # not of biases: it would pull the forget gate's from 1 to 0, that is to forgetting
            matrices = [array for _, array in parameters.items() if array.ndim > 1]
            decay(matrices, rate * settings.weight_decay, self.workers)
        self.adam.step(parameters.flat, gradient, rate, scale, self.workers)
        if settings.averaging:
            average = self.ema_model.parameters.flat
            update_average(average, parameters.flat, settings.averaging, self.adam.t, self.workers)

    def _diverged(self, what, step):
        """The error for a training that is of no more use, as `what` shows."""
        return InputError(
            f"training diverged at step {step} (epoch {self.epoch}): {what}, learning rate {self.learning_rate:g}; "
            "the last complete epoch is kept; try a smaller --learning-rate or a smaller --clip"
        )

    def finish_epoch(self):
        """Validate, and add the epoch's Record to the history. Raises InputError where training has diverged."""
        self.ranks.stay_equal(f"weights after epoch {self.epoch}", self.model.parameters.flat)
        self._arrays()  # because what overflowed in the last step has shown nowhere yet
        loss, accuracy = self.nats / self.characters, self.correct / self.characters
        guessing = math.log(self.model.config.vocabulary)
        if loss > 2 * guessing and len(self.batches) > 1:  # one batch is but a step, and the next may be better
            what = f"the epoch's loss {loss:.4g} is above twice that of guessing, {guessing:.4g}"
            raise self._diverged(what, self.adam.t)
        val_loss, val_accuracy = math.nan, math.nan
        if len(self.validation) > 1:
            val_loss, val_accuracy = evaluate(
                self.ema_model, self.validation, self.settings.seq_length, self.workers, self.ranks
            )
            if not math.isfinite(val_loss):
                raise self._diverged(f"validation loss {val_loss:.4g}", self.adam.t)
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

    def begin_cycle(self):
        """Begin the schedule again for the epochs that are left: a warm restart (Loshchilov & Hutter 2017, SGDR).

        It starts from the averaged weights, because these are what the cycle before was for. Adam's moments stay, and
        so does its count of steps, by which dropout is keyed: to begin them anew made no difference (a validation
        loss of 1.3855 either way after 6 + 6 epochs, the mean of three seeds on a quarter of data/input.txt).
        """
        self.cycle_start = len(self.history)
        self.model.parameters.flat[:] = self.ema_model.parameters.flat

    def _arrays(self):
        """The arrays of a snapshot. Raises InputError where one is not finite: it is not to be kept."""
        arrays = {"parameters": self.model.parameters.flat, "m": self.adam.m, "v": self.adam.v}
        arrays |= {name: self.ranks.joined(array, 1) for name, array in self.state._asdict().items()}  # (L, B, H)
        if self.settings.averaging:
            arrays["average"] = self.ema_model.parameters.flat
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise self._diverged("weights that are not finite", self.adam.t)
        return arrays

    def snapshot(self):
        """All that changes in training, as (arrays, numbers). Raises InputError where training has diverged."""
        arrays = self._arrays()
        numbers = {"t": self.adam.t, "position": self.position, "nats": self.nats, "correct": self.correct}
        numbers |= {"seconds": self.seconds, "history": [asdict(record) for record in self.history]}
        numbers["cycle_start"] = self.cycle_start
        return arrays, numbers

    def restore(self, arrays, numbers):
        """Go on from a snapshot."""
        self.model.parameters.flat[:] = arrays["parameters"]
        if self.settings.averaging:
            self.ema_model.parameters.flat[:] = arrays["average"]
        self.adam.m[:], self.adam.v[:], self.adam.t = arrays["m"], arrays["v"], numbers["t"]
        self.state = State(*(np.ascontiguousarray(arrays[name][:, self.rows]) for name in State._fields))
        self.position, self.nats, self.correct = numbers["position"], numbers["nats"], numbers["correct"]
        self.seconds = numbers["seconds"]
        self.history = [Record(**record) for record in numbers["history"]]
        self.cycle_start = numbers.get("cycle_start", 0)  # files from before there were cycles have none
        self.__dict__.pop("batches", None)  # those of the epoch before
