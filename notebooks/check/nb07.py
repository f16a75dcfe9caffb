"""The exercises of notebook 07: a first loss, one batch, the weights to keep, the gap, tunes won, an experiment."""
import math

import numpy as np

from check import Wrong, close, exercise
from course.luck import surely
from lstm.model import CharRNN, Config, initial_parameters
from lstm.settings import Settings
from lstm.training import Trainer, evaluate


@exercise(hints=[
    "An untrained network knows nothing: it gives each of the V characters about the same probability.",
    "That probability is 1 / V, and a character of probability p costs -log p.",
    "The losses of this course are in nats, so the logarithm is the natural one.",
])
def first_loss(answer):
    for V in (2, 50, 1000):
        said, right = answer(V), math.log(V)
        if said == 1 / V:
            raise Wrong(f"for V = {V} this is the probability of one character; the loss is what that costs")
        if math.isclose(said, math.log2(V)):
            raise Wrong(f"for V = {V} this is off by {said - right:.3f}: it is in bits; our losses are in nats")
        close(f"the loss for V = {V}", said, right)


@exercise(hints=[
    "Each step is: the loss and the gradient by model.loss_and_gradient, then adam.step on the flat parameters.",
    "The same batch is read from the same beginning every time: state = model.initial_state(ids.shape[1]).",
    "result.nats is a sum over the characters of the batch; the loss is that divided by ids.size.",
])
def fit_batch(answer):
    steps, rate = 12, 0.02
    trainer = small_trainer(epochs=steps, learning_rate=rate, clip=0)
    ids, targets = trainer.batches[0]
    right = [record.loss for record in trainer.records()]  # an epoch of one batch: the package's own way to do this
    losses = answer(small_trainer().model, ids, targets, steps, rate)
    if np.shape(losses) != (steps,):
        raise Wrong(f"a list of {steps} losses is wanted, one for each step, and the shape is {np.shape(losses)}")
    losses = np.asarray(losses, float)
    if math.isclose(losses[0], right[0] * ids.size, rel_tol=1e-6):
        raise Wrong(f"the first loss is {ids.size} times too large: the mean over the characters is wanted")
    if abs(losses[0] - right[0]) > 1e-6:
        raise Wrong(f"the first loss, before anything is learnt, is off by {losses[0] - right[0]:.3g}")
    if np.ptp(losses) < 1e-9:
        raise Wrong("the loss does not change at all: does the step reach model.parameters.flat?")
    if losses[-1] > losses[0]:
        raise Wrong(f"the loss rises by {losses[-1] - losses[0]:.2g}; against the gradient it goes down")
    off = np.abs(losses - right)
    if off.max() > 1e-6:
        step = int(np.argmax(off > 1e-6)) + 1
        raise Wrong(
            f"the losses are right before step {step} and off by {off[step - 1]:.2g} there: is the state zero again "
            "before each step, and Adam the same one throughout?"
        )


def small_trainer(**settings):
    """A Trainer of a small float64 model whose epochs are one batch each."""
    ids = np.random.default_rng(3).integers(0, 9, 25)
    config = Config(vocabulary=9, embedding=5, units=8, layers=1, dropout=0.0)
    model = CharRNN(config, initial_parameters(config, 4, np.float64))
    return Trainer(model, Settings(batch_size=4, seq_length=6, **settings), ids)


# What a run noted: steps, losses on the training tunes, losses on the validation tunes.
NOTED = {
    "that memorises": ([50, 100, 150, 200, 250], [2.1, 1.6, 1.1, 0.6, 0.3], [2.2, 1.8, 1.7, 1.9, 2.4]),
    "that is not through": ([100, 200, 300], [2.5, 2.0, 1.8], [2.4, 2.05, 1.9]),
    "that diverged": ([10, 20, 30, 40], [3.0, 2.0, 1.9, math.nan], [3.1, 2.3, 2.4, math.nan]),
}


@exercise(hints=[
    "The weights to keep are those that do best on tunes they have not learnt from.",
    "np.argmin finds the place of the smallest number; what does it do with one that is not a number?",
])
def keep(answer):
    for run, (steps, losses, val_losses) in NOTED.items():
        kept = answer(list(steps), list(losses), list(val_losses))
        if kept not in steps:
            raise Wrong(f"in the run {run} you keep {kept!r}; the steps there are {', '.join(map(str, steps))}")
        loss = val_losses[steps.index(kept)]
        if math.isnan(loss):
            raise Wrong(f"in the run {run} you keep step {kept}, whose loss is not a number any more")
        if loss > np.nanmin(val_losses):
            way = "; it has the lowest training loss" if losses[steps.index(kept)] == np.nanmin(losses) else ""
            more = loss - np.nanmin(val_losses)
            raise Wrong(f"in the run {run} another step costs {more:.2f} less on the validation tunes than {kept}{way}")


@exercise(hints=[
    "The loss of the history was noted along the way, with dropout on and weights that were still changing.",
    "Measure both sides alike: lstm.training.evaluate, on trainer.validation and on trainer.training.",
])
def gap(answer):
    rng = np.random.default_rng(8)
    ids = np.concatenate([rng.permutation(6)[rng.integers(0, 4, 40)] for _ in range(16)])
    config = Config(vocabulary=6, embedding=8, units=16, layers=1, dropout=0.5)
    settings = Settings(epochs=3, batch_size=4, seq_length=8, learning_rate=0.03)
    trainer = Trainer(CharRNN(config, initial_parameters(config, 2)), settings, ids[:480], ids[480:])
    noted = list(trainer.records())[-1]
    sides = [evaluate(trainer.model, part, 8, trainer.workers)[0] for part in (trainer.validation, trainer.training)]
    right, said = sides[0] - sides[1], answer(trainer)
    if np.shape(said) != ():
        raise Wrong(f"one number is wanted, and the shape is {np.shape(said)}")
    off = said - right
    if abs(off) <= 1e-6:
        return
    if math.isclose(said, noted.val_loss - noted.loss, abs_tol=1e-9):
        raise Wrong(
            f"off by {off:+.3f}: the loss that the history notes for training is of another kind: dropout was on, and "
            "the weights were still moving"
        )
    if math.isclose(said, -right, abs_tol=1e-6):
        raise Wrong("the sign is the other way round: what the validation tunes cost *more* is wanted")
    raise Wrong(f"off by {off:+.3g}")


@exercise(hints=[
    "A tune is won by all its characters together: add up what they cost before you compare.",
    "np.bincount(tune_of, ours) adds up the nats of each tune.",
])
def tunes_won(answer):
    rng = np.random.default_rng(6)
    for tunes in (1, 12, 40):
        tune_of = np.repeat(np.arange(tunes), rng.integers(30, 90, tunes))
        ours = rng.exponential(1.5, tune_of.size)
        theirs = ours + rng.normal(0.02, 0.5, tune_of.size) + rng.normal(0, 0.2, tunes)[tune_of]
        right = float((np.bincount(tune_of, ours) < np.bincount(tune_of, theirs)).mean())
        said = answer(ours.copy(), theirs.copy(), tune_of.copy())
        if np.shape(said) != ():
            raise Wrong(f"one number is wanted, a share from 0 to 1, and the shape is {np.shape(said)}")
        if abs(said - right) <= 1e-9:
            continue
        if math.isclose(said, (ours < theirs).mean()):
            raise Wrong(f"with {tunes} tunes off by {said - right:+.3f}: this is the share of the characters")
        if math.isclose(said, 1 - right):
            raise Wrong(f"with {tunes} tunes off by {said - right:+.3f}: this is the share that the other model wins")
        raise Wrong(f"with {tunes} tunes off by {said - right:+.3f}")


FEWEST = 4  # seeds in each arm of an experiment
EFFECTS = 0.0, -0.1, 0.03, 0.008, -0.006  # of the change; a pair's own luck has a standard deviation of 0.0057
TRIES, NULLS = 30, 3000  # experiments for each effect, and those in which the change does nothing
# The share of NULLS in which a rule may be sure. Student's t is so in 4.3 to 5.1 % of them (4 to 20 seeds; in 4.9 to
# 5.1 % of 100,000), two standard errors in 14.8 % with 4 seeds, 9.9 with 6, 8.8 with 8, 7.4 with 10.
MOST_SURE = 0.066


class Runs:
    """Stands in for `train`: losses with the luck of a seed, the same luck with a change and without, and an effect."""

    def __init__(self, effect, number):
        self.effect, self.rng = effect, np.random.default_rng(number)  # number: of the experiment; each has its luck
        self.luck, self.noted = {}, {}  # seed -> what both of its runs share; (seed, whether changed) -> loss

    def __call__(self, seed, **changes):
        if changes not in ({}, {"dropout": 0.3}):
            raise Wrong(f"a run was trained with {changes}: the one change asked about is {{'dropout': 0.3}}")
        seed, changed = int(seed), bool(changes)
        if seed not in self.luck:
            self.luck[seed] = self.rng.normal(0, 0.04)
        if (seed, changed) not in self.noted:
            self.noted[seed, changed] = 1.5 + self.luck[seed] + self.rng.normal(0, 0.004) + changed * self.effect
        return self.noted[seed, changed]

    def seeds(self, changed):
        """The seeds that were tried with the change, or without it."""
        return sorted(seed for seed, arm in self.noted if arm == changed)

    def differences(self):
        """With the change minus without, for each seed."""
        return np.array([self.noted[seed, True] - self.noted[seed, False] for seed in self.seeds(True)])


@exercise(hints=[
    "Train with the change and without it, each with the same seeds: train(seed) and train(seed, **change).",
    "Subtract within each pair, and the luck that both runs of a seed share goes away.",
    "The standard error of a mean of n differences is their standard deviation (ddof=1) divided by sqrt(n).",
    "How many standard errors it takes to be sure depends on n: look at the cell above, or at scipy.stats.t.ppf.",
])
def does_it_help(answer):
    for effect in EFFECTS:
        for number in range(TRIES):
            runs, said = one_experiment(answer, effect, number)
            judge_experiment(runs, said)
    sure = np.mean([bool(one_experiment(answer, 0.0, number)[1][1]) for number in range(TRIES, NULLS)])
    if sure > MOST_SURE:
        raise Wrong(f"in {NULLS:,} experiments with a change that does nothing your rule is sure of it in {sure:.1%}; "
                    "5% is what one allows for")


def one_experiment(answer, effect, number):
    """The Runs of one experiment and what the answer says about it."""
    runs = Runs(effect, number)
    said = answer(runs, {"dropout": 0.3})
    if not isinstance(said, (tuple, list, np.ndarray)) or len(said) != 2:
        raise Wrong("return two things: the mean difference, and whether you are sure of it")
    return runs, said


def judge_experiment(runs, said):
    """Raise Wrong where the seeds are not paired, the mean is off, or a clear case is decided otherwise."""
    arms = runs.seeds(True), runs.seeds(False)
    if min(map(len, arms)) < FEWEST:
        raise Wrong(f"runs of one side: {min(map(len, arms))}; that may be luck: take {FEWEST} seeds or more")
    if arms[0] != arms[1]:
        raise Wrong("the two sides have different seeds: then they differ in luck as well as in the change")
    differences = runs.differences()
    mean, error = differences.mean(), differences.std(ddof=1) / math.sqrt(len(differences))
    close("the mean difference, with the change minus without,", said[0], mean)
    share = abs(mean) / error / surely(len(differences))
    if 0.75 < share < 1.25:
        return  # near the edge another good rule may decide otherwise
    if bool(said[1]) != (share > 1):
        doubt = "you are sure of it" if said[1] else "you are not sure of it"
        raise Wrong(f"with {len(differences)} seeds the mean difference is {abs(mean) / error:.1f} standard errors, "
                    f"pair by pair, and {doubt}")
