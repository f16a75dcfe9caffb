"""Errors of the disk, at every call that writes, and seven sizes of a full one. The old files stay, one line says why,
and the run goes on to the same bits."""

import errno
import os
import random
import resource
import signal

import pytest
from faults.inject import CALLS, injected
from faults.runs import Training, assert_no_word_of_python, assert_refused, directory_in, ended

from commands import call, start, train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pictures")]
ERRORS = ("ENOSPC", "EIO", "EROFS")
KEPT = []  # (call, which, error) of cases that once did not hold


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The weights of an undisturbed run."""
    training = Training(tmp_path_factory.mktemp("whole"))
    training.go_on()
    return training.weights()


def failing(name):
    def act():
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))

    return act


@pytest.mark.parametrize("name", CALLS)
def test_an_error_of_the_disk_at_any_call(table, size, seed, whole, tmp_path, monkeypatch, name):
    count = run_with(directory_in(tmp_path, "count"), monkeypatch, name, 0, None)[1]
    cases = [(nth, error) for nth in range(1, count + 1) for error in ERRORS]
    some = random.Random(f"{seed} {name}").sample(cases, min(len(cases), size(30, len(cases))))
    kept = [(nth, error) for call_, nth, error in KEPT if call_ == name]
    with table.row(f"{', '.join(ERRORS)} from {name}() on") as row:
        for nth, error in [*kept, *some]:
            with row.case(f"{error} at call {nth}"):
                directory = directory_in(tmp_path, f"{nth} {error}")
                (status, _, err), _, training = run_with(directory, monkeypatch, name, nth, error)
                if status:  # else it could do without
                    assert_refused("train.py", status, err)
                training.assert_nothing_lost(whole)


def run_with(directory, monkeypatch, name, nth, error):
    """A run with errors from the nth call on: (how it ended, how many calls it made, the Training)."""
    training = Training(directory)
    monkeypatch.chdir(directory)
    with injected(name, nth, failing(error) if error else None, again=error != "EIO") as calls:
        told = call(train, *training.begin)
    return told, calls.count, training


def test_seven_sizes_of_a_full_disk(table, whole, tmp_path):
    with table.row("a disk that is full, of seven sizes", memory=1000) as row:
        for limit in (0, 1, 512, 2048, 20_000, 40_000, 10**9):
            with row.case(f"{limit:,} bytes of a file"):
                training = Training(directory_in(tmp_path, limit))
                told = ended(start("train.py", *training.begin, cwd=tmp_path, preexec_fn=lambda: fill_up(limit)))
                assert_no_word_of_python(told.out, told.err)
                if limit < 10**9:
                    assert_refused("train.py", told.status, told.err)
                training.assert_nothing_lost(whole)
                row.took(told.seconds, told.megabytes)


def fill_up(limit):
    """No file of this process gets longer than that."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
