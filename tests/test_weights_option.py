"""A model from any file, in every command that takes one: what it composes and what is said of it."""

import importlib
import re

import pytest

from commands import call, sample
from helpers import run_command
from lstm.storage import imported
from lstm.storage.exported import export


@pytest.fixture
def ours(learnt):
    return learnt / "weights.16.h5"


@pytest.fixture
def theirs(ours, tmp_path):
    """The same model as Keras has it, and its characters."""
    export(imported.load(ours), tmp_path / "their model.keras")
    return tmp_path / "their model.keras"


def call_module(module, *arguments):
    return run_command(importlib.import_module(f"lstm.{module}").main, f"python -m lstm.{module}", *arguments)


def test_it_composes_what_it_composed_before(ours, theirs):
    how = "--length", 300, "--random-seed", 1, "--seed", "X:1\n"
    expected = call(sample, "--weights", ours, *how)
    status, out, err = call(sample, "--weights", theirs, *how)
    assert (status, out) == (0, expected[1])
    assert "weights their model.keras" in err.replace(str(theirs.parent) + "/", "")
    assert "their model.keras does not say what it learnt: it is taken for" in err


def test_it_is_measured_as_before(ours, theirs, learnt, tmp_path):
    def nats(path, out):
        text = "--input", learnt.parent / "tunes.txt", "--out", tmp_path / out
        status, said, err = call_module("evaluate", "--weights", path, *text, "--samples", 1, "--temperatures", 1)
        assert status == 0, err
        return next(line.split("|")[2] for line in said.splitlines() if line.startswith("| LSTM |"))

    pytest.importorskip("symusic", reason="needs the extra music")  # its abc2midi judges the tunes of ours
    assert nats(theirs, "a") == nats(ours, "b")


def test_it_becomes_a_file_of_ours(ours, theirs, tmp_path):
    status, _, err = call_module("export", theirs, tmp_path / "ours.h5")
    assert status == 0 and "it is taken for" in err
    made, before = imported.load(tmp_path / "ours.h5"), imported.load(ours)
    assert made.model.parameters.flat.tobytes() == before.model.parameters.flat.tobytes()
    assert made.vocabulary == before.vocabulary and made.remarks == ()


def test_its_vocabulary_may_be_elsewhere(theirs, tmp_path):
    beside = tmp_path / "their model.keras.char_to_idx.json"
    elsewhere = beside.rename(tmp_path / "characters.json")
    status, out, err = call(sample, "--weights", theirs)
    assert (status, out) == (2, "") and "name the char_to_idx.json that it was trained with by --vocabulary" in err
    assert call(sample, "--weights", theirs, "--vocabulary", elsewhere, "--length", 9)[0] == 0


@pytest.mark.parametrize("options, says", [
    (["3", "--weights", "{}"], "3 and --weights .* name two models; leave one out"),
    (["--weights", "no/such.keras"], "cannot read no/such.keras: No such file or directory; check the name"),
    (["--weights", "{}", "--recurrent-activation", "hard_sigmoid"], "its gates have sigmoid, and --recurrent-act"),
    (["--weights", "{}", "--recurrent-activation", "relu"], "invalid choice: 'relu'"),
])
@pytest.mark.parametrize("module", ["compose", "evaluate"])
def test_what_does_not_fit_is_refused_in_one_line(theirs, module, options, says):
    status, out, err = call_module(module, *(option.format(theirs) for option in options))
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert re.search(says, err)
