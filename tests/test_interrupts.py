"""Ctrl-C at any moment, and standard streams that are closed or full: one answer, no traceback, nothing lost."""

import errno
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from commands import ROOT, TINY, call, last_line, train
from helpers import changed, run_command
from lstm.engine.threads import Workers
from lstm.io.interrupts import STATUS
from lstm.storage.checkpoint import epochs

posix = pytest.mark.skipif(os.name == "nt", reason="a shell's way to close and to fill streams")
COMMANDS = {
    "train": ["train.py"],
    "train as a module": ["-m", "lstm.train"],
    "sample": ["sample.py", "--length", "1000000"],  # it takes minutes, so that a Ctrl-C never comes after its end
    "gradcheck": ["-m", "lstm.gradcheck", "--units", "30"],
}


def fail(error):
    """Raise an error, as a worker may."""
    raise error


def interrupted(process, times=1):
    """(status, seconds, standard error) after so many Ctrl-C."""
    begun = time.monotonic()
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, said = process.communicate(timeout=30)
    return process.returncode, time.monotonic() - begun, said


@posix
@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_ctrl_c_at_any_moment_is_answered(command, times, text, tmp_path):
    moments = random.Random(f"{command} {times}")
    for number, span in enumerate([1, 2, 8]):  # while modules are imported, at work, while Numba compiles
        places = "--input", text, "--model-dir", tmp_path / f"m{number}", "--log-dir", tmp_path / f"l{number}"
        run = [*map(str, places), *TINY[:-4], "--epochs", "500"] if "train" in command[-1] else []
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / f"cache{number}")}
        with open(tmp_path / f"out{number}.txt", "wb") as out:  # not a pipe, which would be full while nobody reads
            arguments = {"stdout": out, "stderr": subprocess.PIPE, "text": True}
            process = subprocess.Popen([sys.executable, *command, *run], cwd=ROOT, env=environment, **arguments)
        time.sleep(0.3 + span * moments.random())
        if process.poll() is None:
            status, seconds, said = interrupted(process, times)
            assert status == STATUS
            assert "Traceback" not in said and "Exception ignored" not in said
            assert seconds < 6  # by itself about one; the machine may be busy
        process.communicate()


HALF_DONE = """
import os, signal
from lstm.io import interrupts

class Half:
    def __del__(self):
        raise AttributeError("what LLVM's binding left half done")

interrupts.watch()
interrupts.begin_work()
if {cut_short}:
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    except KeyboardInterrupt:
        pass
Half()
"""


@posix
@pytest.mark.parametrize("cut_short", [False, True])
def test_what_a_ctrl_c_left_half_done_complains_no_more(cut_short):
    script = HALF_DONE.format(cut_short=cut_short)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert ("half done" in done.stderr) is not cut_short


@posix
@pytest.mark.parametrize("streams", ["2>&-", "2>/dev/full", "0<&- 2>&-"])
def test_no_work_ends_because_remarks_cannot_be_shown(streams):
    done = subprocess.run(
        f"exec {sys.executable} sample.py --length 25 --random-seed 1 {streams}",
        shell=True, cwd=ROOT, stdout=subprocess.PIPE, timeout=60,
    )
    assert done.returncode == 0
    assert re.fullmatch(rb"X:[^:]*\nT:[ -~]+\nR:\w*", done.stdout)  # and nothing else


def test_an_epoch_is_saved_although_nobody_reads_what_is_said_of_it(training, monkeypatch):
    def report(record):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(sys.modules["lstm.train"], "report", report)  # lstm.train is the function
    status, _, err = call(train, *training)
    assert status == 2
    said = "train.py: cannot write standard output: Broken pipe; stopped in epoch 2, nothing is lost; to go on: "
    assert last_line(err).startswith(said) and err.count("\n") == 1
    assert epochs(dict(zip(training[::2], training[1::2]))["--model-dir"]) == [1]


@posix
def test_training_for_a_reader_who_has_gone_saves_and_is_no_success(training):
    command = shlex.join([sys.executable, "train.py", *changed([*training, "--epochs", "9"])])
    done = subprocess.run(
        f"{{ {command}; echo \"status $?\" >&2; }} | true",
        shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120,
    )
    assert re.search(r"Broken pipe; stopped in epoch \d, nothing is lost; to go on: .*\nstatus 2\n", done.stderr)
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@posix
def test_a_verdict_that_nobody_reads_is_no_success():
    command = shlex.join([sys.executable, "-m", "lstm.gradcheck", "--units", "1", "--backend", "numpy"])
    done = subprocess.run(
        f"{{ {command}; echo \"status $?\" >&2; }} | true",
        shell=True, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )
    assert done.stderr == "python -m lstm.gradcheck: cannot write standard output: Broken pipe; " \
        "make room or choose another place\nstatus 2\n"


def test_a_run_that_is_complete_is_no_mistake(training):
    assert call(train, *training)[0] == 0
    status, _, err = call(train, *training[2:6], "--resume")
    assert status == 0
    assert "has trained its 2 epochs; --epochs 12 goes further" in err
    status, _, err = call(train, *training[2:6], "--resume", "--epochs", "1")
    assert status == 2


@pytest.mark.parametrize("error", [MemoryError(), MemoryError("Unable to allocate 9 TiB")])
def test_too_little_memory_is_one_line(error):
    def main(_):
        Workers(2).run([list, partial(fail, error)])

    status, _, err = run_command(main, "train.py")
    assert status == 2
    assert "not enough memory" in err and len(err.splitlines()) == 1
