"""Machines as they are: containers, read-only images, notebooks, threads, shells that ignore signals, other systems."""

import errno
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import redirect_stdout
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

import lstm
from commands import assert_one_line, call, ended, start, train
from lstm.engine import threads
from lstm.io import command_line, files, places
from lstm.notation import abc2midi
from lstm.storage import session

ROOT = Path(__file__).resolve().parent.parent
MODULES = "card", "compose", "evaluate", "export", "gradcheck", "page", "train"
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def run(*command, timeout=120, **options):
    """A process that ended: (status, standard output, standard error)."""
    command = [sys.executable, *map(str, command)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    return done.returncode, done.stdout, done.stderr


# -- where little is installed, or nothing can be written


@pytest.mark.parametrize("name", ["train.py", "sample.py"])
def test_a_command_before_any_install_says_in_one_line_what_to_install(name):
    status, out, err = run("-S", ROOT / name)
    assert (status, out) == (2, "")
    assert_one_line(name.removesuffix(".py"), err, "numpy, .*tqdm are not installed for this Python; README.md has .*")


@pytest.fixture
def sealed(tmp_path):
    """The package where compiled code cannot be kept beside it, nor in the user's folder: (where, environment).

    A file stands where the folder would be made: that stops the superuser too.
    """
    shutil.copytree(ROOT / "lstm", tmp_path / "lstm", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "lstm" / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    environment = os.environ | {"HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""}
    environment |= {"USERPROFILE": environment["HOME"], "NUMBA_CACHE_DIR": str(tmp_path / "home" / "cache")}
    return tmp_path, environment


def test_without_a_place_for_compiled_code_it_is_said_in_one_line_and_all_works(sealed):
    where, environment = sealed
    program = "from lstm import kernels; import numpy as np; z = np.zeros((1, 1, 4)); h = np.zeros((1, 1))\n"
    program += "print(kernels.forward(z, h, h, np.zeros((1, 4)))[1].shape)"
    status, out, err = run("-c", program, cwd=where, env=environment)
    assert (status, out) == (0, "(2, 1, 1)\n")
    assert re.fullmatch("compiled code cannot be kept, .*; NUMBA_CACHE_DIR names a place for it\n", err)


def test_that_there_is_no_temporary_folder_is_not_blamed_on_standard_output(capsys):
    error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/var/tmp']")
    assert command_line.status_of(error, "sample.py") == 2
    assert "no place for temporary files" in capsys.readouterr().err


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_file_system_that_cannot_flush_loses_nothing(monkeypatch, tmp_path, code):
    def fsync(number):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_bytes(tmp_path / "weights", b"all of them")
    assert (tmp_path / "weights").read_bytes() == b"all of them"


def test_a_hint_of_a_checkout_holds_from_any_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert places.how_to_install("onnx", "exchange") == 'python -m pip install -e ".[exchange]"'
    monkeypatch.chdir(tmp_path)
    assert places.how_to_install("onnx", "exchange") == f'python -m pip install -e "{ROOT}[exchange]"'


def test_a_hint_of_a_folder_that_was_copied_names_the_library_that_is_missing(monkeypatch):
    def requires(project):
        raise metadata.PackageNotFoundError(project)

    monkeypatch.setattr(places, "IS_CHECKOUT", False)
    monkeypatch.setattr(metadata, "requires", requires)
    assert places.how_to_install("onnx", "exchange") == "python -m pip install onnx"


# -- containers


def groups(tmp_path, limits, own="0::/a/b\n"):
    """A tree of control groups with {file: text}, and the arguments that make `least_limit` look there."""
    for name, text in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "own").write_text(own)
    return tmp_path, tmp_path / "own"


def test_the_least_limit_of_a_container_counts(tmp_path):
    limits = {"memory.max": "max\n", "a/memory.max": "3000\n", "a/b/memory.max": "5000\n", "c/memory.max": "1\n"}
    limits |= {"a/b/cpu.max": "150000 100000\n", "a/cpu.max": "max 100000\n"}
    where = groups(tmp_path, limits)
    assert threads.least_limit("memory.max", *where) == 3000
    assert threads.least_limit("cpu.max", *where) == 1.5


def test_the_least_limit_counts_in_the_first_version_of_control_groups_too(tmp_path):
    limits = {"memory/memory.limit_in_bytes": "9223372036854771712\n", "memory/a/memory.limit_in_bytes": "5000\n"}
    limits |= {"cpu/a/cpu.cfs_quota_us": "250000\n", "cpu/a/cpu.cfs_period_us": "100000\n"}
    limits |= {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}
    where = groups(tmp_path, limits, "9:memory:/a\n8:cpu,cpuacct:/a/b\n1:name=systemd:/c\n")
    assert threads.least_limit("memory.max", *where) == 5000
    assert threads.least_limit("cpu.max", *where) == 2.5
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("4000\n")
    (tmp_path / "own").write_text("9:memory:/docker/1234\n")  # what stands there is seen from outside the container
    assert threads.least_limit("memory.max", *where) == 4000
    assert threads.least_limit("cpu.max", *where) is None


def test_within_a_container_the_groups_root_is_its_own(tmp_path):
    assert threads.least_limit("memory.max", *groups(tmp_path, {"memory.max": "7\n"}, "0::/\n")) == 7
    assert threads.least_limit("memory.max", *groups(tmp_path, {}, "3:memory:/old\n")) == 7
    assert threads.least_limit("memory.max", tmp_path, tmp_path / "not there") is None


def test_threads_are_those_that_a_container_has_a_share_of(monkeypatch):
    for share, cores in ((None, 8), (1.5, 2), (0.2, 1), (64, 8)):
        monkeypatch.setattr(threads, "least_limit", lambda name: share)
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
        assert threads.default_threads() == cores


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="the system does not say how much memory there is")
def test_training_that_a_containers_memory_does_not_hold_is_refused(training, refused, monkeypatch):
    monkeypatch.setattr(session, "least_limit", lambda name: 10_000)
    refused(train, *training, says="training this needs .* GB of memory, and there are 0.0; .*")


# -- memory

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the memory of a process")
MEMORY = """
import os, re, sys, time
from pathlib import Path
begun = time.time()

def memory(kind):
    return int(re.search(kind + r":\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e3  # in MB
"""
STEPS = MEMORY + """
import lstm
text = Path(sys.argv[1]).read_text()[:30_000]
training = lstm.train(text, units=32, layers=2, epochs=10**4, batch_size=8, seq_length=32)
count = before = 0
while count < 2300:
    for _ in training.trainer.steps():
        count += 1
        before = before or count == 300 and memory("VmRSS")
    training.trainer.finish_epoch(), training.trainer.snapshot()
print(before, memory("VmRSS"))
"""
CHARACTERS = MEMORY + """
import lstm
from lstm.streams import generate_many, generators, in_order
model = lstm.load(sys.argv[1])
for tunes, length in ((True, 400), (False, 220_000)):
    count = before = 0
    streams = generators(1, 10**6 if tunes else 1)
    for chunk in in_order(generate_many(model.model, model.vocabulary, "X:", streams, length, tunes=tunes)):
        count += len(chunk.text)
        before = before or count > 20_000 and memory("VmRSS")
        if count >= 220_000:
            break
    print(before, memory("VmRSS"))
"""
FIRST_STEP = MEMORY + """
import importlib
from lstm import training
step = training.Trainer.step

def first(trainer):
    step(trainer)
    print(time.time() - begun, memory("VmHWM"))
    sys.stdout.flush()
    os._exit(0)

training.Trainer.step = first
importlib.import_module("lstm.train").main(sys.argv[1:])
"""


@linux
@pytest.mark.slow
def test_neither_training_nor_composing_takes_more_memory_the_longer_it_goes_on(weights):
    """2,000 steps, with what is validated and kept after each epoch; 200,000 characters, of tunes and of one text."""
    steps = run("-c", STEPS, ROOT / "data" / "input.txt", cwd=ROOT, timeout=600)
    characters = run("-c", CHARACTERS, weights / "weights.16.h5", cwd=ROOT, timeout=600)
    for status, out, err in (steps, characters):
        assert status == 0, err
        for before, after in (map(float, line.split()) for line in out.splitlines()):
            print(f"{before:.1f} MB, then {after:.1f} MB")
            assert after < 1.02 * before


TEXTS = "tunes", "plain text", "tunes of folk-rnn", "tunes with characters of two bytes and long line ends"


@linux
@pytest.mark.slow
@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_of_200_mb_is_announced_and_takes_4_times_that_and_500_mb_at_most(tmp_path, kind):
    """And half a minute to the first batch, but here three times that, because other programs may be running."""
    text = (ROOT / "data" / "input.txt").read_text()
    text = text.replace(":", ";") if kind == "plain text" else text  # no line is a field
    text = re.sub("^[XTR]:.*\n", "", text, flags=re.MULTILINE) if "folk-rnn" in kind else text
    text = text.replace("\nT:", "\nT:\u2019 ").replace("\n", "\r\n") if "two bytes" in kind else text
    path = tmp_path / "large.txt"
    with open(path, "w", encoding="utf-8", newline="") as file:
        while file.tell() < 200e6:
            file.write(text.replace("\nT:", f"\nT:{file.tell()} "))
    where = ["--model-dir", tmp_path / "model", "--log-dir", tmp_path / "logs"]
    status, out, err = run("-c", FIRST_STEP, "--input", path, *where, cwd=ROOT, timeout=600)
    assert status == 0, err
    assert re.match(r"reading \d+ MB of text: about \d+ s\n", err)
    seconds, megabytes = map(float, out.splitlines()[-1].split())
    print(f"{kind}: {seconds:.1f} s and {megabytes:.0f} MB to the first batch of {path.stat().st_size / 1e6:.0f} MB")
    assert megabytes < 4 * path.stat().st_size / 1e6 + 500
    assert seconds < 3 * 30


# -- notebooks, threads, signals


def test_output_that_is_captured_is_no_reason_to_stop(training):
    """As in a notebook (`%run train.py`) or IDLE: what stands for the terminal there cannot be reconfigured."""
    with redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as ended_with:
        command_line.exit_with(lambda: train.main(list(map(str, training))), "train.py")
    assert ended_with.value.code == 0 and "epoch 2: " in out.getvalue()


def test_captured_output_that_breaks_ends_with_one_line(capsys):
    def broken():
        raise OSError(errno.EIO, "Input/output error")

    with redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as ended_with:
        command_line.exit_with(broken, "sample.py")
    assert ended_with.value.code == 2
    assert_one_line("sample", capsys.readouterr().err, "cannot write standard output: .*")


def test_training_in_a_thread_goes_to_its_end(training):
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(call(train, *training)[0]))
    thread.start()
    thread.join(timeout=60)
    assert statuses == [0]


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_a_signal_that_was_ignored_at_the_start_stays_ignored(training, tmp_path, name):
    """As for what a shell starts with & in a script, or nohup."""
    number = getattr(signal, name)
    process = start("train.py", *training, cwd=tmp_path, preexec_fn=lambda: signal.signal(number, signal.SIG_IGN))
    for line in process.stdout:
        if line.startswith(b"epoch 1:"):
            break
    process.send_signal(number)
    status, out, err = ended(process)
    assert status == 0, err


@pytest.mark.parametrize("command", [["train.py", "--help"], ["sample.py"]], ids=str)
def test_python_without_docstrings_and_assertions_will_do(command):
    assert run("-OO", *command, cwd=ROOT)[0] == 0


@pytest.mark.parametrize("command", [["train.py"], ["sample.py"], *(["-m", f"lstm.{n}"] for n in MODULES)], ids=str)
def test_every_command_says_its_version(command):
    status, out, _ = run(*command, "--version", cwd=ROOT)
    assert status == 0 and out.endswith(f", version {lstm.__version__}\n")


# -- Windows


def test_a_path_on_another_drive_is_shown_whole(monkeypatch):
    def relpath(path):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", relpath)
    assert places.shown("D:/tunes/a.txt") == "D:/tunes/a.txt"


def test_the_abc2midi_of_windows_is_not_the_empty_file_beside_it(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "abc2midi").write_bytes(b"")
    (tmp_path / "bin" / "abc2midi.exe").write_bytes(b"MZ")
    package = SimpleNamespace(submodule_search_locations=[tmp_path])
    monkeypatch.setattr(abc2midi.importlib.util, "find_spec", lambda name: package)
    monkeypatch.setattr(abc2midi, "os", SimpleNamespace(name="nt"))
    assert abc2midi.find_abc2midi() == tmp_path / "bin" / "abc2midi.exe"


# -- README's first commands


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the commands for Windows are others")
def test_readmes_first_commands_work_word_for_word_where_there_is_nothing_but_python3(tmp_path):
    """As in a bare container: `python3` alone is on the PATH, the home is empty, and nothing is installed.

    Packages come from this environment by a .pth file, because a test must not need the network.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^```\n(python3 -m venv .*?)\n```$", readme, re.MULTILINE | re.DOTALL)[0].splitlines()
    main = re.search(r"^python -m pip install -e \. && (python train\.py)$", readme, re.MULTILINE)[1]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable if sys.prefix == sys.base_prefix else sys._base_executable)
    for name in ("train.py", "sample.py", "lstm", "setup.cfg"):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def typed(*lines):
        script = "\n".join(["set -e", *lines])
        shell = shutil.which("bash") or shutil.which("sh")
        done = subprocess.run([shell, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    for name in ("train.py", "sample.py"):
        status, out, err = typed(f"python3 -S {name}")  # -S: what this machine has installed by hand takes no part
        assert (status, out) == (2, ""), err
        assert re.fullmatch(rf"{name}: .* README\.md has the commands for that.*\n", err)
    status, out, err = typed(*commands)
    assert (status, out, err) == (0, "", "")
    (site,) = tmp_path.glob(".venv/lib/python*/site-packages")
    (site / "borrowed.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    (tmp_path / "small.txt").write_text("the cat sat on the mat\n" * 100)
    options = "--input small.txt --preset tiny --epochs 1 --model-dir m --log-dir l"
    status, out, err = typed(commands[1], f"{main} {options}")
    assert status == 0 and "the best epoch is 1" in out, err
    status, out, err = typed(commands[1], "python sample.py --model-dir m --length 30")
    assert status == 0 and len(out) == 30, err
