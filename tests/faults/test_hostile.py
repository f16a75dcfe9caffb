"""Files and places that were made to do harm: each is refused in one line, or does none.

What they try: to hang, to take all memory, to end in a traceback, to steer the terminal.
"""

import io
import json
import os
import shutil
import stat
import unicodedata
from unittest import mock

import h5py
import numpy as np
import pytest
from faults import files
from faults.runs import assert_refused

import lstm.io.files
from commands import sample, train
from helpers import run_command
from lstm import evaluate
from lstm.io import InputError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_pictures")]
COMMANDS = {"train": train, "sample": sample, "evaluate": evaluate}
STEERING = ["\x1b[2J", "\0", "\x07", "\x9b31m", "\u202e", "\u2066", "\ud800", "\x7f", "\r"]  # of a terminal, or of text


@pytest.fixture
def directory(originals, tmp_path):
    """A copy of them that a test may spoil, with a run that goes on for another epoch."""
    return shutil.copytree(originals, tmp_path / "copy")


def run(name, *arguments, terminal=False):
    """A command within a Worker: (status, standard output, standard error). No pipe is waited for as long as usual."""
    lstm.io.files.PATIENCE = 1
    return run_command(COMMANDS[name].main, f"{name}.py", *arguments, terminal=terminal)


def try_refused(row, worker, name, *arguments):
    """A command that must be refused."""
    answer = worker(run, name, *map(str, arguments))
    status, out, err = answer.value
    assert_refused(f"{name}.py", status, err)
    assert out == "", "something was begun"
    assert err.rstrip("\n").isprintable(), repr(err)
    row.took(answer.seconds, answer.megabytes)


# -- files


def attributes(**values):
    return lambda file: file.attrs.update(values)


def numbers(**values):
    """An edit of what a resume file says; a name such as settings.clip is that of a part."""

    def edit(file):
        said = json.loads(file.attrs["numbers"])
        for name, value in values.items():
            *parts, last = name.split("__")
            place = said
            for part in parts:
                place = place[int(part) if part.isdigit() else part]
            place[int(last) if last.isdigit() else last] = value
        file.attrs["numbers"] = json.dumps(said)

    return edit


def dataset(name, **options):
    """An edit that makes another dataset of that name."""

    def edit(file):
        shape, kind = file[name].shape, file[name].dtype
        del file[name]
        file.create_dataset(name, **{"shape": shape, "dtype": kind} | options)

    return edit


def circle(file):
    del file["lstm_1/kernel"]
    file["lstm_1/kernel"] = file["lstm_1"]
    file["lstm_1/lstm_1"] = file["/"]


def names(*values):
    return np.array([value.encode() for value in values])


DEEP = "[" * 100_000
WRONG = [7, -1.5, np.inf, np.nan, b"\xff", "", "no", np.arange(3), np.zeros((2, 2)), h5py.Empty("f4"), True, 10**18]
WRONG += [DEEP]
WEIGHTS = {f"{name} {n}": attributes(**{name: value}) for name in ("layer_names", "config", "vocabulary", "digest")
           for n, value in enumerate(WRONG)} | {
    "an infinite epoch": attributes(epoch=np.inf),
    "no number of an epoch": attributes(epoch=np.nan),
    "an epoch below zero": attributes(epoch=-5),
    "epochs": attributes(epoch=np.arange(3)),
    "losses without bounds": attributes(losses='{"loss": 1e999, "val_loss": -1e999}'),
    "losses with 400 digits": attributes(losses='{"loss": 1%s, "val_loss": 1.0}' % ("0" * 400)),
    "losses that are text": attributes(losses='{"loss": "\\u001b[2J", "val_loss": "x"}'),
    "losses within losses": attributes(losses=DEEP),
    "headers of another kind": attributes(headers='{"order": "\\u001b[2J", "gap": "", "heard": {}}'),
    "headers with others": attributes(headers='{"\\ud800": 1}'),
    "a vocabulary of 10 MB": attributes(vocabulary=json.dumps("a" * 10**7)),
    "one layer 3,000 times": attributes(layer_names=names("embedding", *["lstm_1"] * 3000, "dense")),
    "3,000 layers that are the file": attributes(layer_names=names(*["/"] * 3000)),
    "3,000 weights in one layer": lambda file: file["lstm_1"].attrs.update(weight_names=names(*["bias"] * 3000)),
    "a circle": circle,
    "a path around a circle": lambda file: (circle(file), attributes(
        layer_names=names("embedding", "lstm_1/lstm_1/" * 500 + "lstm_1", "lstm_2", "dense"))(file)),
    "a shape without content": dataset("lstm_1/kernel", shape=(2**30, 2**30)),
    "a bomb of zeros": dataset("lstm_1/kernel", shape=(10**5, 10**5), chunks=(1000, 1000), compression="gzip"),
    "references": dataset("lstm_1/kernel", dtype=h5py.ref_dtype),
    "texts": dataset("lstm_1/kernel", dtype=h5py.string_dtype()),
    "a compound": dataset("lstm_1/kernel", dtype=np.dtype([("a", "f4"), ("b", "S4000")])),
    "100,000 groups": lambda file: [file.create_group(f"lstm_1/kernel{n}") for n in range(10**5)] and circle(file),
}
RESUME = {
    "an input with NUL": numbers(input=["\0"]),
    "an input that is half a character": numbers(input=["\ud800"]),
    "an endless input": numbers(input=["/dev/zero"]),
    "10,000 inputs": numbers(input=["/dev/full"] * 10_000),
    "an encoding with a line break": numbers(encoding="utf-8\n\x1b[2J"),
    "a loss of 400 digits": numbers(history__0__loss=10**400),
    "a loss that is text": numbers(history__0__loss="\x1b"),
    "an epoch below zero": numbers(history__0__epoch=-5),
    "a learning rate below zero": numbers(settings__learning_rate=-1.0),
    "an endless learning rate": numbers(settings__learning_rate=np.inf),
    "a clip that is no number": numbers(settings__clip=np.nan),
    "a weight decay without bounds": numbers(settings__weight_decay=1e300),
    "a batch of 2**62": numbers(settings__batch_size=2**62),
    "epochs without number": numbers(settings__epochs=10**400),
    "another schedule": numbers(settings__schedule="\x1b[2J"),
    "2**40 units": numbers(config__units=2**40),
    "a million layers": numbers(config__layers=10**6),
    "a place below zero": numbers(position=-1),
    "a text that is none": numbers(text=None),
    **{f"numbers {n}": attributes(numbers=value) for n, value in enumerate(WRONG)},
    "a bomb of zeros": dataset("m", shape=(10**10,), chunks=(10**6,), compression="gzip"),
}
INDEX = {
    "an endless id": '{"a": 1e999}', "no number": '{"a": NaN}', "nested": DEEP, "names within names": '{"a":' * 50_000,
    "2**64": json.dumps({c: 2**64 for c in "abcdef"}), "digits": '{"a": 1%s}' % ("0" * 5000), "a list": "[1, 2]",
    "twice": json.dumps({c: 1 for c in "abcdef"}), "flags": json.dumps(dict(zip("abcdef", [False, True, 2, 3, 4, 5]))),
    "halves": json.dumps(dict(zip(["\ud800", *"bcdef"], [0, 1.0, 2, 3, 4, 5]))), "a word": '"abcdef"', "empty": " ",
    "long": json.dumps({"a" * 10**6: 0}),
}


def test_hostile_weights(table, worker, directory):
    model = directory / "hostile"
    model.mkdir()
    with table.row("weights made to harm") as row:
        for name, edit in WEIGHTS.items():
            with row.case(name):
                files.edited(shutil.copy(directory / "ours.h5", model / "weights.1.h5"), edit)
                try_refused(row, worker, "sample", "--model-dir", model, "--length", 5)


def test_hostile_resume_files(table, worker, directory, originals):
    places = ["--model-dir", directory / "model", "--log-dir", directory / "logs"]
    with table.row("resume.h5 made to harm") as row:
        for name, edit in RESUME.items():
            with row.case(name):
                path = shutil.copy(originals / "model" / "resume.h5", directory / "model" / "resume.h5")
                files.edited(path, edit)
                try_refused(row, worker, "train", "--resume", *places, "--epochs", 9)


def test_hostile_numberings_of_characters(table, worker, directory):
    model = directory / "hostile"
    model.mkdir()
    shutil.copy(directory / "keras.h5", model / "weights.1.h5")
    with table.row("char_to_idx.json made to harm") as row:
        for name, text in INDEX.items():
            with row.case(name):
                (model / "char_to_idx.json").write_text(text)
                try_refused(row, worker, "sample", "--model-dir", model, "--length", 5)


def test_a_file_that_could_have_changed_is_announced(table, worker, directory):
    with table.row("a file of Keras, which has no checksum, is announced") as row:
        for file in ("keras.h5", "whole.h5"):
            with row.case(file):
                shutil.copy(directory / file, directory / "weights.1.h5")
                status, _, err = worker(run, "sample", "--model-dir", str(directory), "--length", "5").value
                assert status == 0, err
                assert err.count("checksum") == 1, err


# -- what reaches a terminal


@pytest.mark.parametrize("where", ["vocabulary", "text of a training"])
def test_a_model_that_knows_characters_that_steer(table, worker, directory, where):
    with table.row(f"characters that steer a terminal, from the {where}") as row:
        for n, sign in enumerate(STEERING):
            with row.case(repr(sign)):
                model = directory / str(n)
                model.mkdir()
                try:
                    teach(worker, model, sign[0], directory, where)
                except InputError:
                    continue  # refused
                arguments = ["sample", "--model-dir", str(model), "--length", "400", "--temperature", "100"]
                status, out, err = worker(run_on_terminal, *arguments).value
                assert status in (0, 2), err
                shown = {letter for letter in out + err if is_steering(letter)}
                assert not shown, f"a terminal is shown {shown}"


def teach(worker, model, sign, directory, where):
    """Make weights that know the sign."""
    if where == "vocabulary":
        path = shutil.copy(directory / "ours.h5", model / "weights.1.h5")
        files.edited(path, attributes(vocabulary=json.dumps("\nX:ab" + sign)))
        return
    text = model / "tunes.txt"
    text.write_bytes(f"X:1\nK:G\nab{sign}c|\n\n".encode("utf-8", "surrogatepass") * 40)
    sizes = "--preset classic --units 4 --layers 1 --embedding 2 --batch-size 2 --seq-length 10 --epochs 1".split()
    places = ["--model-dir", model, "--log-dir", model]
    status, out, err = worker(run, "train", "--input", str(text), *map(str, places), *sizes).value
    if status == 2:
        raise InputError(err)
    assert status == 0 and not any(map(is_steering, out)), err


class Terminal(io.TextIOWrapper):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def run_on_terminal(name, *arguments):
    """A command whose outputs are a terminal."""
    with mock.patch.object(io, "TextIOWrapper", Terminal):
        return run(name, *arguments, terminal=True)


def is_steering(letter):
    """Whether a character is one that a terminal or a reader acts upon; the program's own \\r of a bar is none."""
    return letter not in "\n\r" and unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")


# -- places


def spoilt(path, kind):
    """Put something in the place of a file."""
    path.unlink(missing_ok=True)
    if kind == "a link to itself":
        path.symlink_to(path)
    elif kind == "a pipe that nobody writes":
        os.mkfifo(path)
    elif kind == "a file of 30 GB with holes":
        with open(path, "wb") as file:
            file.truncate(30 * 10**9)
    elif kind == "a socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    elif kind == "a directory":
        path.mkdir()
    elif kind == "nothing in it":
        path.touch()
    else:
        path.symlink_to(kind)


PLACES = ["a link to itself", "a pipe that nobody writes", "a file of 30 GB with holes", "a socket", "a directory",
          "nothing in it", "/dev/zero", "/dev/full", "/dev/null", "/dev/urandom", "/proc/self/mem", "/dev/tty"]
USES = {
    "a text to learn": ("place", ["train", "--input", "place"]),
    "a text to evaluate": ("place", ["evaluate", "--input", "place"]),
    "weights": ("model/weights.9.h5", ["sample", "--model-dir", "model"]),
    "the best of all weights": ("model/weights.1.h5", ["sample", "best", "--model-dir", "model"]),
    "resume.h5": ("model/resume.h5", ["train", "--resume", "--model-dir", "model", "--log-dir", "logs"]),
    "char_to_idx.json": ("keras/char_to_idx.json", ["sample", "--model-dir", "keras"]),
    "a seed": ("place", ["sample", "--model-dir", "model", "--seed-file", "place"]),
}


@pytest.mark.parametrize("use", USES)
def test_hostile_places(table, worker, directory, use):
    name, (command, *arguments) = USES[use]
    (directory / "keras").mkdir()
    shutil.copy(directory / "keras.h5", directory / "keras" / "weights.1.h5")
    arguments = [directory / word if word in ("place", "model", "logs", "keras") else word for word in arguments]
    if command == "train" and "--resume" not in arguments:
        arguments += ["--model-dir", directory / "new", "--log-dir", directory / "new"]
    with table.row(f"devices, pipes and holes as {use}") as row:
        for kind in PLACES:
            with row.case(kind):
                spoilt(directory / name, kind)
                try:
                    try_refused(row, worker, command, *arguments)
                finally:
                    remove(directory / name)


def remove(path):
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
