"""A training shared out over processes: the mathematics of it without MPI, and real ranks where mpi4py and mpiexec are.
"""

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import ROOT, TEXT
from helpers import model_of

from lstm import cell, kernels
from lstm.engine.threads import Workers, pieces
from lstm.io import InputError
from lstm.model import CharRNN, Config, State, dropout_keys, initial_parameters
from lstm.ranks import Alone
from lstm.settings import Settings
from lstm.storage.imported import load
from lstm.training import Trainer, character_losses, evaluate

MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
missing = "mpi4py" if importlib.util.find_spec("mpi4py") is None else None if MPIEXEC else "mpiexec"
needs_mpi = pytest.mark.skipif(missing is not None, reason=f"needs {missing}")
SMALL = "--embedding 3 --units 6 --layers 2 --dropout 0.3 --input-dropout 0.1 --recurrent-dropout 0.2 --batch-size 6 "
SMALL += "--seq-length 8 --averaging 0.9 --schedule constant --warmup 0 --threads 1 --validation 0.2"
# Open MPI refuses root and more ranks than cores unless asked to allow them
ALLOWED = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
ALLOWED |= {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}


class Of(Alone):
    """One of several ranks that hear nothing of each other."""

    def __init__(self, rank, size):
        super().__init__()
        self.rank, self.size = rank, size

    def rows(self, B):
        return pieces(B, self.size)[self.rank]


# -- without MPI


@pytest.mark.parametrize("backend", [cell, kernels], ids=["numpy", "numba"])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_gradients_of_the_ranks_rows_weighted_are_that_of_the_whole_batch(backend, size):
    config = Config(7, 3, 5, 2, 0.4, 0.2, 0.3)
    model = CharRNN(config, initial_parameters(config, 1, np.float64), backend)
    rng = np.random.default_rng(0)
    ids, targets = rng.integers(0, 7, (2, 9, 5))
    state = State(*rng.normal(size=(2, 2, 5, 5)))
    whole = model.copy().loss_and_gradient(ids, targets, state, dropout_keys(3, 8, 2), Workers(1))
    gradient, nats, correct, h = 0, 0, 0, []
    for rank in range(size):
        rows = Of(rank, size).rows(5)
        part = [np.ascontiguousarray(array[:, rows]) for array in (ids, targets, *state)]
        keys = dropout_keys(3, 8, 2, rows.start)
        mine = model.copy().loss_and_gradient(*part[:2], State(*part[2:]), keys, Workers(1))
        gradient = gradient + mine.gradient.flat * (rows.stop - rows.start) / 5
        nats, correct, h = nats + mine.nats, correct + mine.correct, [*h, mine.state.h]
    np.testing.assert_allclose(gradient, whole.gradient.flat, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(np.concatenate(h, axis=1), whole.state.h, rtol=1e-12)
    assert (round(nats, 9), correct) == (round(whole.nats, 9), whole.correct)


@pytest.mark.parametrize("size", [2, 3, 20])
def test_validation_shared_out_is_that_of_one(monkeypatch, size):
    model, ids = model_of((7, 3, 5, 1), cell, np.float64), np.random.default_rng(0).integers(0, 7, 500)
    parts = []
    for rank in range(size):
        alone = Of(rank, size)
        monkeypatch.setattr(alone, "joined", lambda array, axis: parts.append(array) or array)
        character_losses(model, ids, 9, Workers(1), alone)
    nats, correct = np.concatenate(parts[::2]), np.concatenate(parts[1::2])
    np.testing.assert_allclose((nats.mean(), correct.mean()), evaluate(model, ids, 9, Workers(1)), rtol=1e-12)


def test_more_ranks_than_rows_are_refused():
    model, ids = model_of((7, 3, 5, 1), cell), np.arange(500) % 7
    with pytest.raises(InputError, match="--batch-size 2 has too few rows for 3 ranks; start at most 2"):
        Trainer(model, Settings(batch_size=2), ids, ranks=Of(0, 3))


# -- with MPI


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "tunes.abc"
    path.write_text(TEXT * 3, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def mpiexec():
    """The launcher. Skips where it does not get two processes to know each other, as without a name for the machine."""
    program = [sys.executable, "-c", "from mpi4py import MPI; assert MPI.COMM_WORLD.size == 2"]
    done = subprocess.run([MPIEXEC, "-n", "2", *program], env=os.environ | ALLOWED, capture_output=True, text=True,
                          timeout=120)
    if done.returncode:
        pytest.skip(f"{MPIEXEC} does not work here: {done.stderr.strip()[-300:]}")
    return MPIEXEC


@pytest.fixture
def mpi(tmp_path, text, mpiexec):
    """A function: (number of ranks, name of the run, options) -> the process that trains there."""

    def start(ranks, name, options="--epochs 2", resume=False):
        places = ["--model-dir", tmp_path / name, "--log-dir", tmp_path / name]
        own = [sys.executable, "-m", "lstm.train", "--mpi", *places]
        own += options.split() if resume else ["--input", text, *SMALL.split(), *options.split()]
        command = [mpiexec, "-n", ranks, *own]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*map(str, command)], cwd=ROOT, env=os.environ | ALLOWED, **pipes)

    return start


def ended(process, timeout=120):
    """(status, standard output, standard error)."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def weights(folder, epoch=2):
    """All weights that an epoch left."""
    return load(folder / f"weights.{epoch}.h5").model.parameters.flat


@needs_mpi
@pytest.mark.slow
def test_one_rank_is_a_training_without_mpi_bit_for_bit(mpi, text, tmp_path):
    assert ended(mpi(1, "one"))[0] == 0
    places = ["--model-dir", tmp_path / "none", "--log-dir", tmp_path / "none", "--input", text]
    run = [sys.executable, "-m", "lstm.train", *SMALL.split(), "--epochs", "2", *map(str, places)]
    assert subprocess.run(run, cwd=ROOT, capture_output=True).returncode == 0
    assert (tmp_path / "one/weights.2.h5").read_bytes() == (tmp_path / "none/weights.2.h5").read_bytes()


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_give_the_same_bits_each_time_and_nearly_those_of_one(mpi, tmp_path, ranks):
    for name, count in (("a", ranks), ("b", ranks), ("one", 1)):
        status, out, err = ended(mpi(count, name))
        assert status == 0, err
        assert out.count("epoch 2: ") == 1  # one rank alone prints
    assert (tmp_path / "a/weights.2.h5").read_bytes() == (tmp_path / "b/weights.2.h5").read_bytes()
    np.testing.assert_allclose(weights(tmp_path / "a"), weights(tmp_path / "one"), atol=2e-4)


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("before, after", [(3, 2), (2, 1), (1, 3)])
def test_a_run_goes_on_with_another_number_of_ranks(mpi, tmp_path, before, after):
    assert ended(mpi(before, "run", "--epochs 1"))[0] == 0
    status, _, err = ended(mpi(after, "run", "--resume --epochs 2", resume=True))
    assert status == 0, err
    assert ended(mpi(1, "straight"))[0] == 0
    np.testing.assert_allclose(weights(tmp_path / "run"), weights(tmp_path / "straight"), atol=2e-4)


def until_it_trains(folder, process):
    """Wait until its first epoch is saved."""
    until = time.monotonic() + 90
    while not (folder / "weights.1.h5").exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)


@needs_mpi
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for the ranks in /proc")
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_is_killed_ends_the_others_within_ten_seconds(mpi, tmp_path, rank):
    process = mpi(2, "killed", "--epochs 100000")
    until_it_trains(tmp_path / "killed", process)
    name = str(tmp_path / "killed").encode()
    ranks = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and is_rank(entry, name)]
    assert len(ranks) == 2
    os.kill(sorted(ranks)[rank], signal.SIGKILL)
    status, _, _ = ended(process, timeout=10)
    assert status != 0
    assert not [number for number in ranks if is_rank(Path(f"/proc/{number}"), name)]


def is_rank(entry, name):
    """Whether a folder of /proc is of a process that trains there, and no launcher."""
    try:
        words = (entry / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return name in words and words[1] == b"-m"


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("others, said", [
    (["--units", "7"], "rank 1 on .* has --units 7, and rank 0 on .* 6; all ranks must have the same"),
    (["--seed", "9"], "rank 1 on .* has --seed 9"),
    (["--encoding", "latin-1", "--validation", "0.3"], "rank 1 on .* has --validation 0.3"),
    (["--input", "nothing.abc"], "rank 1 on .* has ended: .*nothing.abc"),
])
def test_ranks_that_differ_are_refused_at_the_start(tmp_path, text, mpiexec, others, said):
    own = ["--model-dir", tmp_path / "m", "--log-dir", tmp_path / "m", "--epochs", 1]
    each = [[sys.executable, "-m", "lstm.train", "--mpi", *own, *given] for given in parted(text, others)]
    command = [mpiexec, "-n", 1, *each[0], ":", "-n", 1, *each[1]]
    done = subprocess.run([*map(str, command)], cwd=ROOT, env=os.environ | ALLOWED, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if re.search("rank 1 on .* has", line)]  # a launcher has its own
    assert len(lines) == 1 and "Traceback" not in done.stderr
    assert re.search(said, lines[0])
    assert not (tmp_path / "m/weights.1.h5").exists()


def parted(text, others):
    """The options of two ranks; those of the second have others in the place of some."""
    first = {"--input": str(text)} | dict(zip(SMALL.split()[::2], SMALL.split()[1::2]))
    second = first | dict(zip(others[::2], others[1::2]))
    return [[word for pair in options.items() for word in pair] for options in (first, second)]


@needs_mpi
@pytest.mark.slow
def test_processors_of_two_kinds_are_refused_with_a_remedy(tmp_path, text, mpiexec):
    each = [sys.executable, "-m", "lstm.train", "--mpi", "--input", text, "--model-dir", tmp_path, "--epochs", 1]
    command = [mpiexec, "-n", 1, *each, ":", "-n", 1, "env", "NUMBA_CPU_NAME=haswell", *each]
    environment = os.environ | ALLOWED | {"NUMBA_CPU_NAME": "generic"}
    done = subprocess.run([*map(str, command)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "has the processor haswell" in done.stderr and "NUMBA_CPU_NAME=haswell makes them equal" in done.stderr


@needs_mpi
@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_first_rank_that_cannot_print_ends_all(tmp_path, text, mpiexec):
    places = ["--input", text, "--model-dir", tmp_path / "m", "--log-dir", tmp_path / "m"]
    own = [*map(str, [sys.executable, "-m", "lstm.train", "--mpi", *places, *SMALL.split(), "--epochs", 100000])]
    command = [mpiexec, "-n", "1", "sh", "-c", f"exec {shlex.join(own)} > /dev/full", ":", "-n", "1", *own]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ALLOWED, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert re.search("rank 0 on .* has ended: .*No space left", done.stderr) and "Traceback" not in done.stderr


@needs_mpi
@pytest.mark.slow
def test_what_all_ranks_refuse_is_one_line(mpi, tmp_path):
    status, out, err = ended(mpi(3, "wrong", "--epochs 0"))
    assert status == 2 and not out
    assert err.count("argument --epochs") == 1
    assert ended(mpi(2, "twice", "--epochs 1"))[0] == 0
    status, out, err = ended(mpi(2, "twice", "--epochs 1"))
    assert status == 2 and err.count("is there from an earlier run") == 1


def is_mpich():
    """Whether `mpiexec` is that of MPICH, which hands a Ctrl-C on."""
    return "HYDRA" in subprocess.run([MPIEXEC, "--version"], capture_output=True, text=True, timeout=60).stdout


@needs_mpi
@pytest.mark.slow
def test_ctrl_c_stops_all_at_the_same_step_and_one_rank_goes_on(mpi, tmp_path):
    process = mpi(2, "stopped", "--epochs 100000")
    until_it_trains(tmp_path / "stopped", process)
    process.send_signal(signal.SIGINT)
    status, _, err = ended(process, timeout=20)
    assert status != 0
    if is_mpich():  # another launcher may end its ranks, which keep the last epoch then
        assert "nothing is lost; to go on: mpiexec -n 2 " in err and "--resume" in err and "--mpi" in err
    goes_on = mpi(1, "stopped", "--resume", resume=True)
    epochs = len([*(tmp_path / "stopped").glob("weights.*.h5")])
    until = time.monotonic() + 60
    while len([*(tmp_path / "stopped").glob("weights.*.h5")]) <= epochs:
        assert goes_on.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    goes_on.kill()
    goes_on.communicate()
