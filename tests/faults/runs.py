"""A small training, as users start it: undisturbed, and gone on with after a fault."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from faults.worker import peak_of

from commands import ENVIRONMENT, ROOT, TEXT, call, last_line, train
from lstm.storage import imported
from lstm.storage.checkpoint import digest, epochs

SIZES = ["--preset", "tiny", "--embedding", "8", "--units", "16", "--batch-size", "4", "--seq-length", "20"]
EPOCHS = 3
WORDS = re.compile("Traceback|Exception ignored|Error:|panic")  # what no user should see


class Ended(NamedTuple):
    """What became of a process."""

    status: int
    out: str
    err: str
    seconds: float
    megabytes: float


class Training:
    """A run of its own in a directory."""

    def __init__(self, directory):
        self.directory, self.model = Path(directory), Path(directory, "model")
        self.places = ["--model-dir", self.model, "--log-dir", Path(directory, "logs")]
        text = Path(directory, "tunes.txt")
        text.write_text(TEXT)
        self.begin = ["--input", text, *self.places, *SIZES, "--epochs", EPOCHS, "--seed", 3]

    def go_on(self):
        """Train to the end: resumed, or begun anew where no epoch had been saved."""
        resume = ["--resume", *self.places] if (self.model / "resume.h5").exists() else [*self.begin, "--overwrite"]
        status, out, err = call(train, *resume)
        done = re.fullmatch(rf"train\.py: this run has trained its {EPOCHS} epochs; .*\n", last_line(err))
        assert status == 0 or done, f"{resume[0]}: status {status}, {last_line(err)}"

    def weights(self):
        """Epoch -> digest of its weights. Raises InputError for a file that is not whole."""
        return {n: digest(imported.load(self.model / f"weights.{n}.h5").model.parameters) for n in epochs(self.model)}

    def assert_nothing_lost(self, whole):
        """What is there now is whole, and goes on to what an undisturbed run ends with; nothing else is left."""
        now = self.weights()
        assert now.items() <= whole.items(), "weights are other ones"
        self.go_on()
        assert self.weights() == whole, "the weights in the end are other ones"
        left = [path.name for path in self.directory.rglob(".*")]
        assert not left, f"left behind: {left}"


def directory_in(path, name):
    """A new directory."""
    directory = path / str(name)
    directory.mkdir()
    return directory


def start_module(name, *arguments, **options):
    """Start `python -m name` with the modules of the tests at hand."""
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])}
    argv = [sys.executable, "-m", name, *map(str, arguments)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **options)


def ended(process, seconds=10.0):
    """Wait for a process of `commands.start`, whose output goes to files or is short."""
    begun, most = time.perf_counter(), 0.0
    while process.poll() is None and time.perf_counter() - begun < seconds:
        try:
            most = max(most, peak_of(process.pid))
        except OSError:
            pass
        time.sleep(0.01)
    late = process.poll() is None
    process.kill()
    out, err = process.communicate()
    assert not late, f"no end within {seconds:g} s"
    return Ended(process.returncode, *(text_of(s) for s in (out, err)), time.perf_counter() - begun, most)


def text_of(data):
    return (data or b"").decode("utf-8", "backslashreplace")


def assert_no_word_of_python(*texts):
    for text in texts:
        assert not WORDS.search(text), text[-600:]


def assert_refused(prog, status, err):
    """One line, in the name of the command, and status 2."""
    assert status == 2, f"status {status}: {err[-300:]}"
    assert re.fullmatch(rf"{re.escape(prog)}: [^\r\n]+\n", last_line(err)), repr(err[-600:])
