"""Solutions of notebook 07, and wrong answers that must be refused: {name: [(answer, words of the message), ...]}."""
import math

import numpy as np

from lstm.adam import Adam
from lstm.engine.threads import Workers
from lstm.training import evaluate


def fit_batch(model, ids, targets, steps, learning_rate, direction=1, carried=False, update=True):
    adam = Adam(model.parameters.flat.size, model.parameters.flat.dtype)
    state, losses = model.initial_state(ids.shape[1]), []
    for _ in range(steps):
        result = model.loss_and_gradient(ids, targets, state)
        losses.append(result.nats / ids.size)
        parameters = model.parameters.flat if update else model.parameters.flat.copy()
        adam.step(parameters, direction * result.gradient.flat, learning_rate, 1.0, Workers())
        if carried:
            state = result.state
    return losses


def gap(trainer):
    seq_length, workers = trainer.settings.seq_length, trainer.workers
    unseen, _ = evaluate(trainer.model, trainer.validation, seq_length, workers)
    learnt, _ = evaluate(trainer.model, trainer.training, seq_length, workers)
    return unseen - learnt


def tunes_won(ours, theirs, tune_of):
    return (np.bincount(tune_of, ours) < np.bincount(tune_of, theirs)).mean()


def does_it_help(train, change, seeds=range(6)):
    differences = np.array([train(seed, **change) - train(seed) for seed in seeds])
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    return differences.mean(), abs(differences.mean()) > 2 * error


def one_run_each(train, change):
    difference = train(1, **change) - train(1)
    return difference, difference < 0


def other_seeds(train, change):
    difference = np.mean([train(seed, **change) for seed in range(5)]) - np.mean([train(seed) for seed in range(5, 10)])
    return difference, abs(difference) > 0.01


def always_sure(train, change):
    return does_it_help(train, change)[0], True


def not_in_pairs(train, change):
    changed, plain = ([train(seed, **choice) for seed in range(6)] for choice in (change, {}))
    difference = np.mean(changed) - np.mean(plain)
    return difference, abs(difference) > 2 * math.sqrt((np.var(changed, ddof=1) + np.var(plain, ddof=1)) / 6)


SOLUTIONS = {
    "first_loss": lambda V: math.log(V),
    "fit_batch": fit_batch,
    "keep": lambda steps, losses, val_losses: steps[int(np.nanargmin(val_losses))],
    "gap": gap,
    "tunes_won": tunes_won,
    "does_it_help": does_it_help,
}

WRONG = {
    "first_loss": [
        (lambda V: 1 / V, "the probability of one character"),
        (lambda V: math.log2(V), "in bits"),
        (lambda V: 4.4, "off by"),
    ],
    "fit_batch": [
        (lambda *batch: fit_batch(*batch, carried=True), "is the state zero again"),
        (lambda *batch: fit_batch(*batch, update=False), "does not change at all"),
        (lambda *batch: fit_batch(*batch, direction=-1), "rises"),
        (lambda *batch: [24 * loss for loss in fit_batch(*batch)], "24 times too large"),
        (lambda *batch: fit_batch(*batch)[-1], "a list of 12 losses"),
    ],
    "keep": [
        (lambda steps, losses, val_losses: steps[-1], "another step costs 0.70 less"),
        (lambda steps, losses, val_losses: steps[int(np.nanargmin(losses))], "it has the lowest training loss"),
        (lambda steps, losses, val_losses: steps[int(np.argmin(val_losses))], "not a number"),
        (lambda steps, losses, val_losses: int(np.nanargmin(val_losses)), "the steps there are"),
    ],
    "gap": [
        (lambda trainer: trainer.history[-1].val_loss - trainer.history[-1].loss, "dropout was on"),
        (lambda trainer: -gap(trainer), "the sign"),
        (lambda trainer: trainer.history[-1].val_loss, "off by"),
    ],
    "tunes_won": [
        (lambda ours, theirs, tune_of: (ours < theirs).mean(), "the share of the characters"),
        (lambda ours, theirs, tune_of: 1 - tunes_won(ours, theirs, tune_of), "that the other model wins"),
        (lambda ours, theirs, tune_of: np.bincount(tune_of, ours) < np.bincount(tune_of, theirs), "one number"),
    ],
    "does_it_help": [
        (one_run_each, "may be luck"),
        (other_seeds, "different seeds"),
        (always_sure, "you are sure of it"),
        (not_in_pairs, "you are not sure of it"),
        (lambda train, change: does_it_help(train, change)[0], "return two things"),
    ],
}
