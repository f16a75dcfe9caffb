"""A worker of a search: it takes one trial after another and trains it. Several share a study, here or elsewhere."""

import os
import threading
import time
from dataclasses import asdict
from multiprocessing import get_context
from types import SimpleNamespace
from typing import NamedTuple

from lstm.corpus import Corpus
from lstm.exploration.storage import check_installed, open_storage, optuna, said_plainly_of
from lstm.exploration.study import Budget, Exploration
from lstm.io import InputError
from lstm.io.command_line import say
from lstm.storage.session import config_for, new_trainer, settings_for

WAIT = 0.5  # seconds between two looks whether others have done what comes first
KEPT = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")  # of a Record


class Job(NamedTuple):
    """All that a worker needs."""

    storage: str  # a path or a URL
    name: str  # of the study
    plan: dict
    space: dict
    usual: dict  # options, as Exploration has them
    log_dir: str
    corpus: Corpus
    threads: int
    budget: Budget

    def exploration(self):
        """The study, opened."""
        with said_plainly_of(self.storage):
            return Exploration(open_storage(self.storage), self.name, self.plan, self.space, self.usual, self.log_dir)


class Stopped(Exception):
    """The worker was asked to stop."""


def work(job, exploration, stop, show=lambda share: None):
    """Take trials and train them until nothing is left to do, or until it is asked to stop.

    show: is called with the share of the epoch under way that is done.
    """
    with said_plainly_of(job.storage), exploration.at_work():
        while not stop.requested:
            task = exploration.take(job.budget)
            if task is None:
                return
            if task == "wait":
                time.sleep(WAIT)
            else:
                run(job, exploration, task, stop, show)


def run(job, exploration, task, stop, show):
    """Train one trial, and tell the study what became of it."""
    try:
        train(job, exploration, task, stop, show)
    except Stopped:
        exploration.give_up(task.study, task.study.trials[task.trial.number], "stopped")
    except InputError as error:
        exploration.fail(task, str(error))
    except MemoryError:
        exploration.fail(task, "there was not enough memory")
    except optuna.exceptions.UpdateFinishedTrialError:
        pass  # another worker took us for dead


def train(job, exploration, task, stop, show):
    """Train it to its end, or until it is behind."""
    options = exploration.full(task.options) | {"epochs": exploration.epochs, "seed": task.seed}
    config = config_for(options, len(job.corpus.vocabulary))
    trainer = new_trainer(config, settings_for(options), job.corpus, "numba", job.threads)
    task.trial.set_user_attr("parameters", int(trainer.model.parameters.flat.size))
    task.trial.set_user_attr("threads", job.threads)
    curve = []
    while len(curve) < exploration.epochs:
        for _ in trainer.steps():
            if stop.requested:
                raise Stopped
            show(trainer.position / len(trainer.batches))
            exploration.sign(task)
        record = asdict(trainer.finish_epoch())
        curve.append({name: round(record[name], 6) for name in KEPT})
        if not exploration.report(task, curve):
            return
    exploration.complete(task, curve)


# -- several processes


def start(jobs):
    """Start a process for each Job: (the processes, what ends them all, once closed). A process ends with us, too."""
    context, processes, lines = get_context("spawn"), [], []
    for job in jobs:
        theirs, ours = context.Pipe(duplex=False)
        process = context.Process(target=child, args=(job, theirs), daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
        lines.append(ours)
    return processes, lines


def child(job, line):
    """What such a process does. line: ends when it is to stop, or when who started it has died."""
    stop = SimpleNamespace(requested=False)

    def listen():
        try:
            line.recv()
        except (EOFError, OSError):
            stop.requested = True

    threading.Thread(target=listen, daemon=True).start()
    try:
        check_installed()
        work(job, job.exploration(), stop)
    except InputError as error:
        say(f"worker, process {os.getpid()}: {error}")
        os._exit(2)
