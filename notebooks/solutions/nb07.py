"""Solutions of notebook 07, right answers in other styles, and wrong ones with words that the check must say."""
import math

import numpy as np

from course.luck import surely
from lstm.adam import Adam
from lstm.engine.threads import Workers
from lstm.loss import cross_entropy
from lstm.settings import Settings
from lstm.training import Trainer, character_losses, evaluate


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


def does_it_help(train, change, seeds=range(6), limit=None):
    differences = np.array([train(seed, **change) - train(seed) for seed in seeds])
    error = differences.std(ddof=1) / math.sqrt(len(differences))
    return differences.mean(), abs(differences.mean()) > (limit or surely(len(differences))) * error


def helps_by_lists(train, change):
    without = [train(seed) for seed in range(10, 20)]
    differences = [train(seed, **change) - loss for seed, loss in zip(range(10, 20), without)]
    mean = sum(differences) / 10
    variance = sum((difference - mean) ** 2 for difference in differences) / 9
    return [mean, bool(mean**2 > 2.262**2 * variance / 10)]


def helps_by_interval(train, change):
    pairs = np.array([(train(seed, **change), train(seed)) for seed in (3, 1, 4, 15, 9, 2, 6, 5)])
    difference = pairs[:, 0] - pairs[:, 1]
    half = 2.365 * np.sqrt(np.var(difference, ddof=1) / 8)
    low, high = difference.mean() - half, difference.mean() + half
    return difference.mean(), not low <= 0 <= high


def spread_without_root(train, change):
    differences = np.array([train(seed, **change) - train(seed) for seed in range(6)])
    return differences.mean(), abs(differences.mean()) > 2 * differences.std(ddof=1)


def divided_by_n(train, change):
    differences = np.array([train(seed, **change) - train(seed) for seed in range(6)])
    return differences.mean(), abs(differences.mean()) > 2.57 * differences.std() / 6


def all_of_one_sign(train, change):
    differences = np.array([train(seed, **change) - train(seed) for seed in range(6)])
    return differences.mean(), abs(np.sign(differences).sum()) == 6


def fixed_threshold(train, change):
    difference = does_it_help(train, change)[0]
    return difference, abs(difference) > 0.01


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


def fit_batch_without_workers_kept(model, ids, targets, steps, learning_rate):
    adam, workers, losses = Adam(model.parameters.flat.size, model.parameters.flat.dtype), Workers(), np.empty(steps)
    for step in range(steps):
        result = model.loss_and_gradient(ids, targets, model.initial_state(targets.shape[1]))
        losses[step] = result.nats / targets.size
        adam.step(model.parameters.flat, result.gradient.flat, learning_rate, 1.0, workers)
    return losses


def fit_batch_with_the_formula(model, ids, targets, steps, learning_rate):
    p, m, v, losses = model.parameters.flat, 0, 0, ()
    while len(losses) < steps:
        t = len(losses) + 1
        result = model.loss_and_gradient(ids, targets, model.initial_state(ids.shape[1]))
        g = result.gradient.flat
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        p -= learning_rate * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        losses += (result.nats / np.prod(ids.shape),)
    return losses


def another_adam_each_time(model, ids, targets, steps, learning_rate):
    losses = []
    for _ in range(steps):
        losses += fit_batch(model, ids, targets, 1, learning_rate)
    return losses


def losses_after_each_step(model, ids, targets, steps, learning_rate):
    return fit_batch(model, ids, targets, steps + 1, learning_rate)[1:]


def keep_by_loop(steps, losses, val_losses):
    best = None
    for step, loss in zip(steps, val_losses):
        if not math.isnan(loss) and (best is None or loss < best[0]):
            best = loss, step
    return best[1]


def gap_by_characters(trainer):
    mean = [character_losses(trainer.model, ids, 5, trainer.workers)[0].mean(dtype=float)
            for ids in (trainer.validation, trainer.training)]
    return mean[0] - mean[1]


def gap_by_hand(trainer):
    costs = []
    for ids in (trainer.training, trainer.validation):
        row = (len(ids) - 1) // 16
        inputs, targets = (ids[n : n + 16 * row].reshape(16, row).T for n in (0, 1))
        logits, _, _ = trainer.model.forward(inputs, trainer.model.initial_state(16))
        costs.append(cross_entropy(logits, targets)[0].mean(dtype=np.float64))
    return float(np.diff(costs)[0])


def gap_with_dropout(trainer):
    one_more = Trainer(trainer.model.copy(), Settings(batch_size=4, seq_length=8, learning_rate=1e-9),
                       trainer.training, trainer.validation)
    record = list(one_more.records())[0]
    return record.val_loss - record.loss


def won_by_loop(ours, theirs, tune_of):
    won = [ours[tune_of == tune].mean() < theirs[tune_of == tune].mean() for tune in set(tune_of)]
    return sum(won) / len(won)


def won_by_lead(ours, theirs, tune_of):
    lead = np.zeros(tune_of.max() + 1)
    np.add.at(lead, tune_of, theirs - ours)
    return np.count_nonzero(lead > 0) / lead.size


SOLUTIONS = {
    "first_loss": lambda V: math.log(V),
    "fit_batch": fit_batch,
    "keep": lambda steps, losses, val_losses: steps[int(np.nanargmin(val_losses))],
    "gap": gap,
    "tunes_won": tunes_won,
    "does_it_help": does_it_help,
}

ALSO_RIGHT = {
    "first_loss": [np.log, lambda V: -np.log(1 / V), lambda V: -np.mean(np.log(np.full(V, 1 / V)))],
    "fit_batch": [fit_batch_without_workers_kept, fit_batch_with_the_formula],
    "keep": [
        keep_by_loop,
        lambda steps, losses, val_losses: min(zip(np.nan_to_num(val_losses, nan=np.inf), steps))[1],
        lambda steps, losses, val_losses: np.array(steps)[np.argsort(val_losses)[0]],  # nan is sorted to the end
    ],
    "gap": [gap_by_characters, gap_by_hand],
    "tunes_won": [won_by_loop, won_by_lead],
    "does_it_help": [
        helps_by_lists,
        helps_by_interval,
        lambda train, change: does_it_help(train, change, range(4)),
        lambda train, change: does_it_help(train, change, range(30)),
        lambda train, change: np.array(does_it_help(train, change)),
    ],
}

WRONG = {
    "first_loss": [
        (lambda V: 1 / V, "the probability of one character"),
        (lambda V: math.log2(V), "in bits"),
        (lambda V: 4.4, "off by"),
        (lambda V: math.log10(V), "off by"),
        (lambda V: V, "off by"),
    ],
    "fit_batch": [
        (lambda *batch: fit_batch(*batch, carried=True), "is the state zero again"),
        (another_adam_each_time, "the same one throughout"),
        (losses_after_each_step, "the first loss, before anything is learnt, is off"),
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
        (gap_with_dropout, "off by"),
    ],
    "tunes_won": [
        (lambda ours, theirs, tune_of: (ours < theirs).mean(), "the share of the characters"),
        (lambda ours, theirs, tune_of: 1 - tunes_won(ours, theirs, tune_of), "that the other model wins"),
        (lambda ours, theirs, tune_of: np.bincount(tune_of, ours) < np.bincount(tune_of, theirs), "one number"),
        (lambda ours, theirs, tune_of: 100 * tunes_won(ours, theirs, tune_of), "off by"),
    ],
    "does_it_help": [
        (one_run_each, "may be luck"),
        (other_seeds, "different seeds"),
        (always_sure, "you are sure of it"),
        (not_in_pairs, "you are not sure of it"),
        (lambda train, change: does_it_help(train, change)[0], "return two things"),
        (spread_without_root, "you are not sure of it"),
        (fixed_threshold, "you are not sure of it"),
        (divided_by_n, "you are sure of it"),
        (all_of_one_sign, "pair by pair, and you are"),
        (lambda train, change: does_it_help(train, change, limit=1), "you are sure of it"),
        (lambda train, change: does_it_help(train, change, limit=2), "that does nothing your rule is sure of it in"),
        (lambda train, change: does_it_help(train, change, range(10), 2), "that does nothing your rule is sure of"),
    ],
}
