"""The study that workers share: who tries what, what is behind at equal epochs, and what is taken up again.

Optuna keeps the trials and draws new ones (TPE, Bergstra et al. 2011). A trial that is behind others at equal epochs is
stopped, as in asynchronous successive halving (Li et al. 2020). The best ones, and the usual preset beside them, are
then trained from other seeds; these runs have a study of their own, so that they change nothing in the search.

A worker holds a lock file. Where it can be locked by another process of the machine, its worker has died, and its trial
is taken up again at once; a worker elsewhere has died if it gives no sign of life for SILENCE seconds.
"""

import json
import os
import secrets
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm.exploration.space import LOGARITHMIC, Range, is_in, rounded
from lstm.exploration.storage import optuna
from lstm.io import InputError
from lstm.io.locks import held, open_locked, this_machine

SIGN = 60  # seconds between two signs of life
SILENCE = 600  # ... without one, after which a worker of another machine counts as dead
FACTOR = 2  # one of so many trials goes on to so many times the epochs
BEST = 5  # trials that are trained from other seeds too
SEEDS = 3  # for each of these, its own among them
TRIES = 3  # of a trial whose process dies
USUAL = -1  # the number of the usual preset, where the space does not have it
COMPLETE, STOPPED, FAILED, RUNNING = "complete", "stopped", "failed", "running"  # what a trial is
LOCK = ".lstm-explore-{}.lock"


class Budget(NamedTuple):
    """What a search may take; the first of them that is given holds."""

    trials: int | None
    epochs: int | None  # in all, those of other seeds too
    deadline: float | None  # as time.time() has it
    workers: int  # that share what is left


class Task(NamedTuple):
    """A trial that a worker has taken."""

    study: object
    trial: object
    options: dict
    seed: int
    may_stop: bool  # where it is behind


class Run(NamedTuple):
    """What is known of a trial."""

    number: int  # of the trial, the same for all its seeds
    options: dict  # all of them
    seed: int
    usual: bool  # whether these are the options of the usual preset
    state: str  # one of those above
    curve: list  # a dict for each epoch, of figures as in a Record
    parameters: int
    threads: int
    why: str  # it failed

    @property
    def name(self):
        """What it is called in a report."""
        return "the usual preset" if self.usual else f"trial {self.number}"

    @property
    def loss(self):
        """After its last epoch."""
        return self.curve[-1]["val_loss"]


def rungs(epochs):
    """After which epochs trials are compared, and so many more go on: 1, 2, 4 .."""
    steps = [1]
    while steps[-1] * FACTOR < epochs:
        steps.append(steps[-1] * FACTOR)
    return [step for step in steps if step < epochs]


def is_behind(losses, loss):
    """Whether a loss is not among the best of those at equal epochs, itself one of them."""
    return loss > sorted(losses)[max(1, len(losses) // FACTOR) - 1]


def expected_epochs(trials, epochs):
    """About how many epochs so many trials take."""
    ends = [*rungs(epochs), epochs]
    return sum(trials / FACTOR**n * (end - start) for n, (start, end) in enumerate(zip([0, *ends], ends)))


class Exploration:
    """A study and that of its seeds, as one worker sees them."""

    def __init__(self, storage, name, plan, space, usual, log_dir):
        """plan: what makes up the study, as JSON can hold it. usual: the values of what the space has not, and those
        that are a trial of their own. Raises InputError where the study was begun with another plan.
        """
        self.plan, self.space, self.usual, self.log_dir = plan, space, usual, Path(log_dir)
        self.epochs, self.seed = plan["epochs"], plan["seed"]
        self.search, self.others = (
            optuna.create_study(study_name=part, storage=storage, load_if_exists=True, sampler=sampler(plan["seed"]))
            for part in (name, f"{name}, other seeds")
        )
        began = self.search.user_attrs.get("plan")
        if began is None:
            self.search.set_user_attr("plan", plan)
        elif began != json.loads(json.dumps(plan)):
            raise InputError(f"this study was begun with {differences(began, plan)}; go on with that, or begin another "
                             "with another --storage or --study")
        self.distributions = {name: distribution(name, choice) for name, choice in space.items()}
        if is_in(usual, space):
            self.search.enqueue_trial({key: usual[key] for key in space}, {"usual": True}, skip_if_exists=True)
        self.who = {"machine": this_machine(), "worker": secrets.token_hex(4), "process": os.getpid()}
        self._heard, self._signed = {}, time.monotonic()

    @contextmanager
    def at_work(self):
        """Within this context the worker is alive."""
        with held(self.log_dir / LOCK.format(self.who["worker"]), "begin again"):
            yield

    # -- what to try next

    def take(self, budget):
        """The next Task; None where all is done; "wait" where others are at what has to come first."""
        if task := self._take_search(budget):
            return task
        return self._take_other()

    def _take_search(self, budget):
        self.take_up(self.search)
        if not self._may_begin(budget):
            return "wait" if states(self.search, "RUNNING") and not over(budget.deadline) else None
        trial = self.search.ask()
        ordinal = self._ordinal(trial)
        if budget.trials and ordinal >= budget.trials:  # another worker was faster
            return self._surplus(self.search, trial)
        trial.set_user_attr("ordinal", ordinal)
        self._sign(trial, self.who)
        self.search.sampler = sampler(self.seed, ordinal)
        drawn = {name: trial._suggest(name, kind) for name, kind in self.distributions.items()}
        options = {name: rounded(value, self.space[name]) for name, value in drawn.items()}
        trial.set_user_attr("options", options)
        return Task(self.search, trial, options, self.seed, not trial.user_attrs.get("usual"))

    def _may_begin(self, budget):
        if over(budget.deadline):
            return False
        if states(self.search, "WAITING"):
            return True
        if budget.trials:
            return self.begun() < budget.trials
        runs, under_way = self.runs(), [run for run in self.all_runs() if run.state == RUNNING]
        left = sum(self.epochs for _ in self.missing(runs)) + sum(self.epochs - len(run.curve) for run in under_way)
        if budget.epochs:
            return sum(len(run.curve) for run in self.all_runs()) + left < budget.epochs
        times = [sum(epoch["seconds"] for epoch in run.curve) / len(run.curve) for run in best_runs(runs)]
        return time.time() + left * np.mean(times or [0]) / budget.workers < budget.deadline

    def begun(self):
        """How many different trials the search has begun."""
        return sum(is_first(trial) for trial in self.search.get_trials(deepcopy=False))

    def _ordinal(self, trial):
        """The place of a trial among the different ones: what it draws depends on that and on those before."""
        if "ordinal" in trial.user_attrs:
            return trial.user_attrs["ordinal"]
        return sum(is_first(one) and one.number < trial.number for one in self.search.get_trials(deepcopy=False))

    def _surplus(self, study, trial):
        trial.set_user_attr("surplus", True)
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return "wait"

    def missing(self, runs):
        """(number, options, seed) of what the comparison lacks: first of the best, then of the usual preset."""
        best = [(run.number, run.options) for run in best_runs(runs)]
        usual = next((run.number for run in runs if run.usual), USUAL), self.usual
        wanted = dict([*best[:1], usual, *best])
        done = [*(run for run in runs if run.state == COMPLETE), *self.runs(self.others)]
        there = {key_of(run.options, run.seed) for run in done}
        for number, options in wanted.items():
            for seed in range(self.seed, self.seed + SEEDS):
                if key_of(options, seed) not in there:
                    yield number, options, seed

    def full(self, options):
        """Options with all values that are held fixed."""
        return self.usual | options

    def _take_other(self):
        self.take_up(self.others)
        waiting = [key_of(t.user_attrs["options"], t.user_attrs["seed"]) for t in states(self.others, "WAITING")]
        for number, options, seed in self.missing(self.runs()):
            if key_of(options, seed) not in waiting:
                self.others.enqueue_trial({}, {"ordinal": number, "options": options, "seed": seed})
        if not states(self.others, "WAITING"):
            return "wait" if states(self.others, "RUNNING") else None
        trial = self.others.ask()
        known = trial.user_attrs
        same = [t for t in self.others.get_trials(deepcopy=False) if t.number < trial.number and is_standing(t)
                and "options" in known and t.user_attrs.get("options") == known["options"]
                and t.user_attrs["seed"] == known["seed"]]
        if same or "options" not in known:  # another worker was faster
            return self._surplus(self.others, trial)
        self._sign(trial, self.who)
        return Task(self.others, trial, known["options"], known["seed"], False)

    # -- what became of it

    def report(self, task, curve):
        """Tell the study of an epoch. Returns whether the trial goes on: it is stopped where it is behind."""
        epoch, loss = len(curve), curve[-1]["val_loss"]
        task.trial.set_user_attr("curve", curve)
        task.trial.report(loss, epoch)
        if not (task.may_stop and epoch in rungs(self.epochs)):
            return True
        trials = [trial for trial in self.search.get_trials(deepcopy=False) if is_standing(trial)]
        losses = [trial.intermediate_values[epoch] for trial in trials if epoch in trial.intermediate_values]
        if not is_behind(losses, loss):
            return True
        task.study.tell(task.trial, state=optuna.trial.TrialState.PRUNED)
        return False

    def complete(self, task, curve):
        """Tell the study that a trial has trained all its epochs."""
        task.study.tell(task.trial, curve[-1]["val_loss"])

    def fail(self, task, why):
        """Tell the study that a trial came to nothing."""
        task.trial.set_user_attr("why", why)
        task.study.tell(task.trial, state=optuna.trial.TrialState.FAIL)

    def sign(self, task):
        """Give a sign of life, now and then."""
        if time.monotonic() - self._signed > SIGN:
            self._sign(task.trial, self.who)

    def _sign(self, trial, who):
        self._signed = time.monotonic()
        trial.set_user_attr("alive", who | {"sign": secrets.token_hex(4)})

    # -- what was left

    def give_up(self, study, trial, why):
        """A trial that will not be trained to its end by who has it: it is to be taken up again, TRIES times."""
        tries = trial.user_attrs.get("tries", 0) + (why == "died")
        number, again = trial.number, tries < TRIES
        attribute = ("given_up", why) if again else ("why", f"its process died {tries} times")
        with suppress(optuna.exceptions.UpdateFinishedTrialError, ValueError):  # another worker was faster
            study._storage.set_trial_user_attr(trial._trial_id, *attribute)
            study.tell(number, state=optuna.trial.TrialState.FAIL)
            if again:
                kept = {name: trial.user_attrs[name] for name in ("ordinal", "options", "seed", "usual")
                        if name in trial.user_attrs}
                study.enqueue_trial(dict(trial.params), kept | {"again": number, "tries": tries})
            return True
        return False

    def take_up(self, study):
        """Give up the trials of workers that have died, so that they are taken up again."""
        for trial in states(study, "RUNNING"):
            if self._is_dead(study, trial):
                self.give_up(study, trial, "died")

    def _is_dead(self, study, trial):
        who = trial.user_attrs.get("alive", {})
        if who.get("worker") == self.who["worker"]:
            return False
        if who.get("machine") == self.who["machine"] and not_locked(self.log_dir / LOCK.format(who["worker"])):
            return True
        key, now = (study.study_name, trial.number), time.monotonic()
        sign, since = self._heard.get(key, (None, now))
        if sign != (said := (who.get("sign"), trial.last_step)):
            since = now
        self._heard[key] = said, since
        return now - since > SILENCE

    # -- what is known

    def runs(self, study=None):
        """The Runs of the search, or of another study, that have begun."""
        trials = (study or self.search).get_trials(deepcopy=False)
        begun = [trial for trial in trials if is_standing(trial) and trial.state.name != "WAITING"]
        return [self._run(trial) for trial in begun if "options" in trial.user_attrs]

    def _run(self, trial):
        """The Run of Optuna's trial."""
        names, known = {"COMPLETE": COMPLETE, "PRUNED": STOPPED, "FAIL": FAILED}, trial.user_attrs
        options = self.full(known["options"])
        return Run(known["ordinal"], options, known.get("seed", self.seed), options == self.usual,
                   names.get(trial.state.name, RUNNING), known.get("curve", []), known.get("parameters", 0),
                   known.get("threads", 0), known.get("why", ""))

    def all_runs(self):
        """The Runs of both studies."""
        return self.runs() + self.runs(self.others)


def plan_of(storage, name):
    """The plan of a study that was begun. Raises InputError where there is none."""
    try:
        return optuna.load_study(study_name=name, storage=storage).user_attrs["plan"]
    except KeyError:  # there is none, or it has no plan yet
        raise InputError(f"there is no search {name!r} to report on; leave --report out to begin one") from None


def best_runs(runs, count=BEST):
    """The best Runs: those that went furthest, and of these the lowest losses."""
    return sorted((run for run in runs if run.curve), key=lambda run: (-len(run.curve), run.loss))[:count]


def over(deadline):
    """Whether a deadline is past."""
    return deadline is not None and time.time() > deadline


def states(study, name):
    """The trials in a state."""
    return study.get_trials(deepcopy=False, states=(optuna.trial.TrialState[name],))


def is_standing(trial):
    """Whether a trial counts: it was neither given up nor one too many."""
    return not {"given_up", "surplus"} & trial.user_attrs.keys()


def is_first(trial):
    """Whether a trial is no other one taken up again, nor one too many."""
    return not {"again", "surplus"} & trial.user_attrs.keys()


def key_of(options, seed):
    """What tells one training from another."""
    return json.dumps([options, seed], sort_keys=True)


def not_locked(path):
    """Whether a lock file is there that nobody holds; it is removed then."""
    if not path.exists():
        return False
    try:
        number = open_locked(path)
    except OSError:
        return False
    os.close(number)
    with suppress(OSError):
        path.unlink()
    return True


def distribution(name, choice):
    """A choice as Optuna has it."""
    kinds = optuna.distributions
    if not isinstance(choice, Range):
        return kinds.CategoricalDistribution(choice)
    if isinstance(choice.least, int):
        return kinds.IntDistribution(choice.least, choice.most, step=choice.step())
    return kinds.FloatDistribution(choice.least, choice.most, log=name in LOGARITHMIC)


def sampler(seed, ordinal=0):
    """TPE for one trial: the same study draws the same, wherever it was interrupted."""
    number = int(np.random.SeedSequence([seed, ordinal]).generate_state(1)[0])
    return optuna.samplers.TPESampler(seed=number, constant_liar=True)


def differences(began, plan):
    """What differs between two plans, in words."""
    lines = []
    for name in sorted(began.keys() | plan.keys()):
        old, new = began.get(name), plan.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines.append(differences(old, new))
        elif old != json.loads(json.dumps(new)):
            lines.append(f"{name} {old}, not {new}")
    return ", ".join(filter(None, lines))
