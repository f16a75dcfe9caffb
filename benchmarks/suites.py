"""The suites of a run: each measures one thing and returns rows."""

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benchmarks import cold_start, roofline
from benchmarks.ablations import ABLATIONS
from benchmarks.cases import GROWTH, REFERENCE, SAMPLING, TRAINING, Case
from benchmarks.machine import progress
from benchmarks.products import PEAK, PRODUCTS
from benchmarks.results import Row
from benchmarks.rounds import Participant, take_rounds
from lstm.corpus import Corpus
from lstm.io.files import read_text
from lstm.io.places import INPUT
from lstm.model import CharRNN, Config
from lstm.storage.checkpoint import Checkpoint, save_weights

PEERS = ("ours", "PyTorch", "Keras")


class Effort(NamedTuple):
    """How much to measure."""

    rounds: int
    seconds: float  # a turn
    fresh_rounds: int  # rounds of what starts processes anew
    threads: tuple  # numbers of threads
    environment: dict
    quick: bool = False


def row(suite, label, name, threads, taken):
    """A Row from [(value, foreign share) of each round]."""
    return Row(suite, label, name, threads, *map(list, zip(*taken)))


class Entry(NamedTuple):
    """Who takes part in what."""

    label: str  # the case's
    case: Case  # or Product
    name: str
    threads: int
    without: str = None  # an idea to be taken away


def compete(suite, entries, effort, environments=None):
    """Rows of participants that take turns; who is not installed is left out with a line that says so.

    environments: {entry: its own}, where they differ.
    """
    with ExitStack() as stack:
        running = {}
        for entry in entries:
            environment = (environments or {}).get(entry, effort.environment)
            running[entry] = Participant(suite, entry.name, entry.case, entry.threads, environment, entry.without)
            stack.callback(running[entry].close)
        for entry, participant in list(running.items()):
            error = participant.ready()
            if error:
                who = f"{suite}, {entry.label}: {entry.name}, {entry.threads} threads"
                print(f"{who}, is left out: {error}", flush=True)
                del running[entry]
        turns = take_rounds(running, effort.rounds, effort.seconds)
    return [row(suite, e.label, e.without or e.name, e.threads, taken) for e, taken in turns.items()]


def training(effort):
    """A training step, by case and threads."""
    rows, most = [], effort.threads[-1]
    for label, case in TRAINING.items():
        progress("training:", label)
        entries = [Entry(label, case, name, n) for n in effort.threads for name in PEERS]
        if effort.quick or label != "reference":  # Keras takes long to start and to step
            entries = [entry for entry in entries if entry.name != "Keras" or entry.threads == most]
        if effort.quick and label != "reference":
            entries = [entry for entry in entries if entry.name != "Keras" and entry.threads == most]
        if case.recurrent_dropout:  # Keras has another one, of the state, for which it leaves its fast path
            entries = [entry for entry in entries if entry.name != "Keras"]
        if label == "reference" and not effort.quick:
            entries.append(Entry(label, case, "ours, NumPy", most))
        rows += compete("training", entries, effort)
    return rows


def sampling(effort):
    """A character, of one stream and of eight."""
    rows = []
    for label, case in SAMPLING.items():
        progress("sampling:", label)
        entries = [Entry(label, case, name, n) for n in effort.threads for name in PEERS]
        if effort.quick:
            entries = [entry for entry in entries if entry.name != "Keras"]
        for call in compete("sampling", entries, effort):
            rows.append(replace(call, values=[seconds / (case.B * case.T) for seconds in call.values]))
    return rows


def startup(effort):
    """The first training batch from a process's start, and `python sample.py --length 200` as a whole."""
    progress("startup: first batch")
    threads = effort.threads[-1]
    first = cold_start.first_batch(threads, effort.fresh_rounds, effort.environment)
    progress("startup: sample.py")
    corpus = Corpus.of(read_text(INPUT))
    checkpoint = Checkpoint(CharRNN(Config(len(corpus.vocabulary))), corpus.vocabulary, 1, {}, corpus.abc)
    with tempfile.TemporaryDirectory() as models:
        save_weights(Path(models) / "weights.1.h5", checkpoint)
        sample = cold_start.whole_sample(models, effort.fresh_rounds, effort.environment)
    cases = {"first batch": first, "sample.py --length 200": sample}
    return [row("startup", case, name, threads, t) for case, times in cases.items() for name, t in times.items()]


def memory(effort):
    """Memory above the imports in training the reference."""
    progress("memory")
    amounts = cold_start.memory_above_imports(effort.threads[-1], effort.fresh_rounds, effort.environment)
    return [Row("memory", "reference", name, effort.threads[-1], values) for name, values in amounts.items()]


def growth(effort):
    """A training step of ours and of PyTorch's as one size grows."""
    rows, names = [], ("ours",) if effort.quick else ("ours", "PyTorch")
    effort = effort._replace(seconds=effort.seconds / 2)  # many sizes
    for what, cases in list(GROWTH.items())[: 2 if effort.quick else None]:  # the two that have a target come first
        progress("growth:", what)
        entries = [
            Entry(f"{what} {size}", case, name, effort.threads[-1]) for size, case in cases.items() for name in names
        ]
        rows += compete("growth", entries, effort)
    return rows


def products(effort):
    """Each matrix product of a step, on one thread, and what one thread can do at most in the same rounds."""
    rows, effort = [], effort._replace(seconds=effort.seconds / 4)  # many shapes
    for label, product in PRODUCTS.items():
        if effort.quick and not label.startswith("reference"):
            continue
        progress("products:", label)
        names = ("ours", "NumPy", "PyTorch", PEAK)
        rows += compete("products", [Entry(label, product, name, 1) for name in names], effort)
    return rows


def limits(effort):
    """The machine's limits beside the reference's training step, all in the same rounds."""
    progress("roofline")
    names = ["ours", "PyTorch", *roofline.ROOFLINE]
    entries = [Entry("reference", REFERENCE, name, effort.threads[-1]) for name in names]
    return compete("roofline", entries, effort)


def without_each_idea(effort):
    """The reference's training step, whole and without one idea at a time."""
    progress("ablations: compiling each variant anew")
    entries = [Entry("reference", REFERENCE, "ours", effort.threads[-1], idea) for idea in (None, *ABLATIONS)]
    with ExitStack() as stack:
        caches = [stack.enter_context(tempfile.TemporaryDirectory()) for _ in entries]
        environments = {e: effort.environment | {"NUMBA_CACHE_DIR": cache} for e, cache in zip(entries, caches)}
        return compete("ablations", entries, effort, environments)


SUITES = {
    "training": training,
    "sampling": sampling,
    "startup": startup,
    "memory": memory,
    "growth": growth,
    "roofline": limits,
    "products": products,
}
