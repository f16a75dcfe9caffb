"""The directories of a run: one training at a time, and nothing left by those that were killed."""

import os
import re
import signal
import subprocess
import sys

import pytest

from commands import ENVIRONMENT, ROOT, TINY, call, parameters, sample, start, train
from helpers import tree
from lstm.io import InputError
from lstm.io.files import write_bytes
from lstm.storage.checkpoint import epochs
from lstm.storage.run import LOCK, Run

pytestmark = [
    pytest.mark.usefixtures("no_pictures"),
    pytest.mark.skipif(os.name != "posix", reason="locks and signals of POSIX"),
]
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d"
REMEDY = "; stop it, or choose another --model-dir and --log-dir"


def whole(tmp_path, text, *more):
    """A run that nothing interrupts, elsewhere: the directory of its models."""
    elsewhere = ["--model-dir", tmp_path / "whole", "--log-dir", tmp_path / "whole logs"]
    assert call(train, "--input", text, *elsewhere, *TINY, *more)[0] == 0
    return tmp_path / "whole"


# -- one at a time


@pytest.fixture
def under_way(training, tmp_path):
    """A real training that has written its first epoch, and is halted for as long as others try."""
    process = start("train.py", *training, "--epochs", 1000, cwd=tmp_path)
    for line in process.stdout:
        if line.startswith(b"epoch 2:"):
            break
    process.send_signal(signal.SIGSTOP)
    yield process
    process.kill()
    process.communicate()


def test_a_second_training_is_refused_and_the_first_loses_nothing(
    under_way, training, places, refused, tmp_path, text
):
    model = re.escape(str(tmp_path / "my model"))
    says = rf"^train\.py: {model} is in use by process {under_way.pid} since {TIME}{REMEDY}\n$"
    for arguments in (training, [*training, "--overwrite"], ["--resume", *places], ["--resume", "--seed", 1, *places]):
        refused(train, *arguments, says=says)
    other = start("train.py", *training, "--overwrite", cwd=tmp_path)
    _, err = other.communicate(timeout=60)
    assert other.returncode == 2 and re.fullmatch(says[1:-1], err.decode())
    status, out, err = call(sample, 1, "--model-dir", tmp_path / "my model", "--length", 5)
    assert (status, len(out)) == (0, len("X:") + 5), err
    under_way.kill()
    under_way.wait()
    assert (tmp_path / "my model" / LOCK).exists()  # and keeps nobody out
    last = max(epochs(tmp_path / "my model"))
    assert call(train, "--resume", *places, "--epochs", last + 1)[0] == 0
    assert not list(tmp_path.rglob(".*"))
    assert parameters(tmp_path / "my model", 2) == parameters(whole(tmp_path, text), 2)


@pytest.mark.parametrize(
    "model, logs, shared",
    [("a", "b", "a"), ("a", "c", "a"), ("c", "b", "b"), ("b", "a", "b"), ("c", "a", "a"), ("b", "b", "b")],
)
def test_each_directory_has_one_run_at_a_time(tmp_path, monkeypatch, model, logs, shared):
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (tmp_path / name).mkdir()
    with Run("a", "b").alone():
        before = tree(tmp_path)
        with pytest.raises(InputError) as error, Run(model, logs).alone():
            pytest.fail("both are there")
        this = rf"{shared} is in use by process {os.getpid()} \(this one\) since {TIME}{REMEDY}"
        assert re.fullmatch(this, str(error.value))
        assert tree(tmp_path) == before
    with Run(model, logs).alone():
        pass
    assert not list(tmp_path.rglob(".*"))


def test_directories_that_are_made_later_are_guarded_too(tmp_path):
    run = Run(tmp_path / "new" / "model", tmp_path / "logs")
    with run.alone():
        assert list(tmp_path.iterdir()) == []
        run.begin()
        for other in (Run(tmp_path / "other", run.log_dir), Run(run.model_dir, tmp_path / "other")):
            with pytest.raises(InputError, match="is in use by"), other.alone():
                pytest.fail("both are there")
    assert list(run.model_dir.iterdir()) == list(run.log_dir.iterdir()) == []


def test_a_run_that_another_trained_to_its_end_meanwhile_is_not_mixed_with(tmp_path, monkeypatch):
    run, make = Run(tmp_path / "model", tmp_path / "logs"), Run.make_directories

    def make_directories(run):
        make(run)
        write_bytes(run.resume_path, b"of another run")

    monkeypatch.setattr(Run, "make_directories", make_directories)
    with run.alone(), pytest.raises(InputError, match="is there from an earlier run"):
        run.begin()
    assert run.resume_path.read_bytes() == b"of another run"


def test_models_and_log_may_be_in_one_directory_also_by_another_name(training, tmp_path, text):
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "one")
    same = ["--model-dir", tmp_path / "one", "--log-dir", tmp_path / "link"]
    for _ in range(2):  # in one process, as in a notebook
        assert call(train, *training, *same, "--overwrite")[0] == 0
    names = ["resume.h5", "training_log.csv", "training_log.png", "weights.1.h5", "weights.2.h5"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names


# -- what the killed leave

KILLED = """
import os, signal, sys
from pathlib import Path
name, *sys.argv = sys.argv[1:]
fsync = os.fsync
os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL) if [*Path().rglob(f".{name}.*")] else fsync(number)
exec(compile(Path(sys.argv[0]).read_text(), sys.argv[0], "exec"))
"""


@pytest.mark.parametrize("name", ["weights.1.h5", "weights.2.h5", "resume.h5", "training_log.csv"])
def test_what_a_kill_within_a_write_leaves_is_removed_by_the_next_start(training, places, tmp_path, text, name):
    argv = [sys.executable, "-c", KILLED, name, ROOT / "train.py", *training]
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*map(str, argv)], cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    directory = tmp_path / ("my logs" if name.endswith("csv") else "my model")
    (left,) = directory.glob(f".{name}.*")
    assert left.stat().st_size > 0
    alike = directory / f".{name}.bak"
    alike.write_text("mine")
    resumable = (tmp_path / "my model" / "resume.h5").exists()
    assert call(train, *(["--resume", *places] if resumable else [*training, "--overwrite"]))[0] == 0
    assert list(tmp_path.rglob(".*")) == [alike] and alike.read_text() == "mine"
    for epoch in (1, 2):
        assert parameters(tmp_path / "my model", epoch) == parameters(whole(tmp_path, text, "--overwrite"), epoch)


def test_a_start_that_is_refused_removes_nothing(training, places, refused, tmp_path):
    assert call(train, *training)[0] == 0
    (tmp_path / "my model" / ".weights.2.h5.lstm-unfinished-0123456789abcdef").write_text("left")
    refused(train, *training, says="is there from an earlier run")
    refused(train, "--resume", *places, "--seed", 9, says="--seed 9 would change the run")
    refused(train, *training, "--overwrite", "--warmup", 10**6, says="--warmup")
