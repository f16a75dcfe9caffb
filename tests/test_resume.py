"""A run that was stopped goes on to the same end; one that cannot is refused."""

import itertools
import os
import re
import shlex
import signal
from pathlib import Path

import pytest

from commands import TINY, call, ended, last_line, parameters, start, train
from lstm.storage.checkpoint import epochs
from lstm.training import Trainer

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def stop_after(monkeypatch):
    """A function that has a signal come after so many more steps of training."""
    real = Trainer.step

    def arrange(steps, number=signal.SIGINT):
        left = itertools.count(steps, -1)

        def step(trainer):
            loss = real(trainer)
            if next(left) == 1:
                signal.raise_signal(number)
            return loss

        monkeypatch.setattr(Trainer, "step", step)

    return arrange


def next_command(err):
    """The arguments of the command that a stopped run names."""
    return shlex.split(last_line(err).partition("to go on: ")[2])


def test_a_run_stopped_within_its_first_step_has_nothing_to_lose_and_says_so(training, tmp_path, stop_after):
    stop_after(1)  # as a Ctrl-C while Numba compiles
    status, _, err = call(train, *training)
    assert status == 130
    assert last_line(err) == "stopped before the first step was done; the same command begins there again\n"
    assert [path.name for path in (tmp_path / "my model").iterdir()] == []
    assert call(train, *training)[0] == 0


@pytest.mark.parametrize("steps, epoch", [(2, 1), (5, 1), (13, 1), (14, 2), (20, 2)])
def test_a_stopped_run_goes_on_as_it_says_to_the_same_end(
    training, tmp_path, monkeypatch, stop_after, text, steps, epoch
):
    monkeypatch.chdir(tmp_path)
    stop_after(steps)
    status, out, err = call(train, *training)
    assert status == 130
    assert re.fullmatch(rf"stopped in epoch {epoch}, nothing is lost; to go on: python .*--resume.*\n", last_line(err))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert epochs("my model") == list(range(1, epoch))
    _, command, *arguments = next_command(err)
    assert Path(command).name == "train.py"
    assert call(train, *arguments, "--threads", 2)[0] == 0
    assert Path("my logs/training_log.csv").read_text().count("\n") == 3
    elsewhere = ["--model-dir", "whole", "--log-dir", "whole logs"]
    assert call(train, "--input", text, *elsewhere, *TINY)[0] == 0
    for epoch in (1, 2):
        assert parameters("my model", epoch) == parameters("whole", epoch)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_polite_kill_and_a_terminal_that_closes_stop_a_run_as_ctrl_c_does(training, stop_after, name):
    stop_after(3, getattr(signal, name))
    status, _, err = call(train, *training)
    assert status == 130
    assert "nothing is lost" in last_line(err)


def test_ctrl_c_stops_a_real_run_which_goes_on_from_another_directory(training, places, tmp_path, text):
    (tmp_path / "here").mkdir()
    run = start("train.py", *training, "--backend", "numpy", cwd=tmp_path / "here")
    for line in run.stdout:
        if line.startswith(b"epoch 1:"):
            break
    run.send_signal(signal.SIGINT)
    status, _, err = ended(run)
    assert status == 130, err
    assert re.fullmatch("stopped in epoch 2, nothing is lost; to go on: .*--resume.*\n", last_line(err))
    (tmp_path / "there").mkdir()
    status, out, err = ended(start("train.py", "--resume", *places, cwd=tmp_path / "there"))
    assert (status, last_line(err)) == (0, "")
    assert [line[:8] for line in out.splitlines() if re.match(r"epoch \d", line)] == ["epoch 2:"]
    elsewhere = ["--model-dir", tmp_path / "whole", "--log-dir", tmp_path / "whole logs"]
    assert call(train, "--input", text, *elsewhere, *TINY, "--backend", "numpy")[0] == 0
    assert parameters(tmp_path / "my model", 2) == parameters(tmp_path / "whole", 2)
    assert list((tmp_path / "here").iterdir()) == list((tmp_path / "there").iterdir()) == []


def test_a_finished_run_is_not_resumed_but_with_more_epochs(training, places, tmp_path):
    assert call(train, *training, "--epochs", 1)[0] == 0
    status, _, err = call(train, "--resume", *places)  # which is no mistake
    assert status == 0 and "1 epochs; --epochs 11" in last_line(err)
    assert call(train, "--resume", *places, "--epochs", 2)[0] == 0
    elsewhere = ["--model-dir", tmp_path / "whole", "--log-dir", tmp_path / "whole logs"]
    assert call(train, *training[:2], *elsewhere, *TINY)[0] == 0
    assert parameters(tmp_path / "my model", 2) == parameters(tmp_path / "whole", 2)


def test_a_directory_with_a_run_is_refused_unless_it_is_to_be_overwritten(training, places, refused, tmp_path):
    assert call(train, *training)[0] == 0
    old = parameters(tmp_path / "my model", 1)
    refused(train, *training, says="weights.1.h5 .*--resume .*--overwrite")
    refused(train, *training, "--resume", "--units", "7", says="--units 7 .*leave --units out")
    assert call(train, *training, "--seed", 4, "--epochs", 1, "--overwrite")[0] == 0
    assert epochs(tmp_path / "my model") == [1]
    assert parameters(tmp_path / "my model", 1) != old
