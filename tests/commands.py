"""The commands as the tests start them: within this process, or as processes of their own."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from helpers import changed, run_command
from lstm.storage import imported

ROOT = Path(__file__).resolve().parent.parent


def imported_script(name):
    """A command of the checkout as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


train, sample = imported_script("train"), imported_script("sample")
compose = importlib.import_module("lstm.compose")  # because `lstm.compose` is the function of that name

TUNE = "T:Reel\nK:G\n|:abc dBAG:|\n\n"
TEXT = "".join(f"X:{n}\n{TUNE}" for n in range(1, 41))
OTHER_TEXTS = {
    "Greek": "μῆνιν ἄειδε θεὰ Πηληϊάδεω Ἀχιλῆος\nοὐλομένην, ἣ μυρί᾽ Ἀχαιοῖς ἄλγε᾽ ἔθηκε\n" * 6,
    "Japanese": "古池や蛙飛びこむ水の音。" * 30,
}
SIZES = ["--embedding", "4", "--units", "6", "--layers", "2", "--batch-size", "4", "--seq-length", "20"]
TINY = ["--preset", "classic", *SIZES, "--epochs", "2", "--seed", "3"]


def call(module, *arguments):
    """Run train.py or sample.py in this process: (status, standard output, standard error)."""
    return run_command(module.main, f"{module.__name__}.py", *changed(arguments))


# What processes of their own get: standard output held back, as users have it.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def start(name, *arguments, stdout=subprocess.PIPE, **options):
    """Start a command as a process of its own."""
    argv = [sys.executable, ROOT / name, *changed(arguments)]
    return subprocess.Popen(argv, stdout=stdout, stderr=subprocess.PIPE, env=ENVIRONMENT, **options)


def ended(process, given=None):
    """Wait for its end: (status, standard output, standard error), what was not read yet."""
    out, err = process.communicate(given, timeout=60)
    return process.returncode, (out or b"").decode(), err.decode()


def last_line(err):
    """What stands on standard error after the progress bar has wiped itself away."""
    return err.split("\r")[-1]


def assert_one_line(name, err, pattern):
    assert re.fullmatch(rf"{re.escape(name)}\.py: [^\r\n]+\n", err), err
    assert re.search(pattern, err), err


def parameters(directory, epoch):
    return imported.load(Path(directory) / f"weights.{epoch}.h5").model.parameters.flat.tobytes()
