"""Standard output and error that are closed, full, or read by somebody who has seen enough; damaged machine code.

No traceback, no word of Python's, no status 0 where something is lost, and what was trained is kept.
"""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults.runs import Training, assert_no_word_of_python, directory_in, ended

from commands import ENVIRONMENT, ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("no_pictures"),
    pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full"),
]
STREAMS = {  # how a shell starts the command -> the statuses that it may end with
    "2>&-": {0, 2},
    "2>/dev/full": {0, 2},
    ">&-": {2},
    ">/dev/full": {2},
    ">&- 2>&-": {2},
    "<&-": {0},
    ">/dev/full 2>/dev/full": {2},
    "| head -c 1": {0, 2, 130, 141},
    "2>&1 >/dev/null | head -c 1": {0, 2, 130, 141},
    ">&- <&- 2>/dev/full": {2},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    training = Training(tmp_path_factory.mktemp("whole"))
    training.go_on()
    return training


def shell(command, redirection, directory, environment=ENVIRONMENT):
    """Run a command with its streams redirected; the status is its own, not that of what reads it."""
    line = 'exec "$0" "$@" ' + redirection
    if "|" in redirection:
        before, after = redirection.split("|")
        line = f'{{ "$0" "$@" {before}; echo $? > status; }} | {after}'
    argv = ["sh", "-c", line, *map(str, command)]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    told = ended(subprocess.Popen(argv, cwd=directory, env=environment, **streams), 60)
    status = Path(directory, "status")
    return told._replace(status=int(status.read_text())) if status.exists() else told


@pytest.mark.parametrize("name", ["train", "sample", "gradcheck"])
def test_streams_that_do_not_work(table, whole, tmp_path, name):
    with table.row(f"standard output or error of {name} closed, full or not read") as row:
        for n, (redirection, statuses) in enumerate(STREAMS.items()):
            with row.case(redirection):
                training = Training(directory_in(tmp_path, n))
                command = {
                    "train": [ROOT / "train.py", *training.begin],
                    "sample": [ROOT / "sample.py", "--model-dir", whole.model, "--random-seed", 1],
                    "gradcheck": ["-m", "lstm.gradcheck", "--backend", "numpy", "--units", 1, "--seq-length", 2],
                }[name]
                environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
                told = shell([sys.executable, *command], redirection, training.directory, environment)
                assert_no_word_of_python(told.out, told.err)
                assert told.status in statuses, f"status {told.status}: {told.err[-300:]}"
                row.took(told.seconds)
                if name == "train":
                    if told.status == 0:
                        assert training.weights() == whole.weights(), "status 0, and epochs are lost"
                    training.assert_nothing_lost(whole.weights())


# -- the cache of machine code

DAMAGES = {
    "empty": lambda path, rng: path.write_bytes(b""),
    "cut": lambda path, rng: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "another byte": lambda path, rng: change_byte(path, rng),
    "noise": lambda path, rng: path.write_bytes(rng.randbytes(1000)),
    "a directory": lambda path, rng: (path.unlink(), path.mkdir()),
    "a link to itself": lambda path, rng: (path.unlink(), path.symlink_to(path)),
}


def change_byte(path, rng):
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 255
    path.write_bytes(data)


@pytest.fixture(scope="module")
def cache(whole, tmp_path_factory):
    """A warm cache of what sample.py needs, and what it then says."""
    directory = tmp_path_factory.mktemp("cache")
    return directory, composed(whole, directory)


def composed(whole, cache):
    command = [sys.executable, ROOT / "sample.py", "--model-dir", whole.model, "--random-seed", 1, "--length", 40]
    return shell(command, "", whole.directory, ENVIRONMENT | {"NUMBA_CACHE_DIR": str(cache)})


def test_a_damaged_cache(table, size, seed, whole, cache, tmp_path):
    warm, told = cache
    assert told.status == 0, told.err
    rng = random.Random(seed)
    with table.row("the cache of machine code damaged", seconds=60) as row:
        for n in range(size(6, 48)):
            name = list(DAMAGES)[n % len(DAMAGES)]
            copy = shutil.copytree(warm, tmp_path / str(n))
            path = rng.choice(sorted(path for path in copy.rglob("*") if path.is_file()))
            with row.case(f"{name}: {path.name}"):
                DAMAGES[name](path, rng)
                again = composed(whole, copy)
                assert_no_word_of_python(again.err)
                assert (again.status, again.out) == (0, told.out), again.err[-300:]
                row.took(again.seconds)
