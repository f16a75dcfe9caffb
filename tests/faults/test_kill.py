"""Kills, at any moment and within any call that writes: the run goes on to the same bits, and leaves nothing behind."""

import random
import signal
import time

import pytest
from faults.inject import CALLS, injected
from faults.runs import Training, assert_no_word_of_python, directory_in, ended, start_module

from commands import ROOT, call, start, train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pictures")]
KEPT = {"SIGKILL": [], "SIGTERM": [], "SIGINT": [], "SIGINT twice": []}  # moments, as shares of an undisturbed run
PYTHONS_OWN = 0.1  # seconds in which Python itself starts, and no program can answer
WAIT = 2.0  # seconds until a run has answered a polite signal


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An undisturbed run: its weights, and how long a process needs for it once all is compiled."""
    for name in ("compiling", "whole"):
        training = Training(tmp_path_factory.mktemp(name))
        begun = ended(start("train.py", *training.begin, cwd=training.directory), 120)
        assert begun.status == 0, begun.err
    return training.weights(), begun.seconds


@pytest.mark.parametrize("name", KEPT)
def test_a_signal_at_a_random_moment(table, size, seed, whole, tmp_path, name):
    signals = [getattr(signal, word) for word in name.replace(" twice", " SIGINT").split()]
    rng, (weights, seconds) = random.Random(f"{seed} {name}"), whole
    moments = KEPT[name] + [rng.random() for _ in range(size(6, 200) if name == "SIGKILL" else size(3, 50))]
    with table.row(f"{name} at a random moment of a training", seconds=WAIT, memory=1000) as row:
        for n, moment in enumerate(moments):
            with row.case(f"at {moment:.4f}"):
                training = Training(directory_in(tmp_path, n))
                process = start("train.py", *training.begin, cwd=training.directory)
                time.sleep(PYTHONS_OWN + moment * seconds)
                for number in signals:
                    process.send_signal(number)
                    time.sleep(0.1 * (len(signals) > 1))
                told = ended(process)
                # A shell calls -SIGINT 130 too. What comes after the end of a run finds it at its end: 0.
                assert told.status in (0, 130, -signals[0]), f"status {told.status}: {told.err[-300:]}"
                assert_no_word_of_python(told.out, told.err)
                training.assert_nothing_lost(weights)
                row.took(told.seconds, told.megabytes)


@pytest.mark.parametrize("name", CALLS)
def test_a_kill_within_a_call(table, size, seed, whole, tmp_path, monkeypatch, name):
    count = calls_of_a_run(directory_in(tmp_path, "count"), monkeypatch, name)
    places = range(1, count + 1)
    places = sorted(random.Random(f"{seed} {name}").sample(places, min(count, size(2, count))))
    with table.row(f"SIGKILL within {name}() of a training", memory=1000) as row:
        for nth in places:
            with row.case(f"call {nth}"):
                training = Training(directory_in(tmp_path, nth))
                argv = ["faults.inject", name, nth, ROOT / "train.py", *training.begin]
                told = ended(start_module(*argv, cwd=training.directory))
                assert told.status in (0, -signal.SIGKILL), told.err
                training.assert_nothing_lost(whole[0])
                row.took(told.seconds, told.megabytes)


def calls_of_a_run(directory, monkeypatch, name):
    """How often an undisturbed run makes this call."""
    training = Training(directory)
    monkeypatch.chdir(directory)
    with injected(name, 0, None) as calls:
        assert call(train, *training.begin)[0] == 0
    return calls.count
