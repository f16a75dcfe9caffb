"""The functions of `import lstm`: what they give is what the commands give, and bad input is refused at the door."""

import doctest
import importlib
import importlib.metadata
import re
import subprocess
import sys
import types
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import lstm
from helpers import needs_compiler
from lstm import cell
from lstm.io import InputError
from lstm.model import CharRNN, Config
from lstm.storage.checkpoint import Checkpoint, save_weights
from lstm.vocabulary import Vocabulary

api = importlib.import_module("lstm.api")
ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = re.findall(r"## ([^\n]+)\n\n```python\n(.*?)```", (ROOT / "lstm" / "API.md").read_text(), re.DOTALL)
TEXT = (ROOT / "data" / "input.txt").read_text()[:12_000]


@pytest.fixture(scope="module")
def model():
    return lstm.load()


@pytest.fixture
def small():
    return Checkpoint(CharRNN(Config(5, 3, 4, 1)), Vocabulary("\nabc "), abc=False)


def test_importing_the_package_imports_no_library():
    libraries = {"numpy", "numba", "h5py", "matplotlib"}
    program = f"import sys, lstm; print(*sorted({libraries} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_function_stays_though_a_module_has_its_name():
    for name in ("loss", "compose", "gradcheck"):
        module = importlib.import_module(f"lstm.{name}")
        assert isinstance(module, types.ModuleType) and not isinstance(getattr(lstm, name), types.ModuleType)
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", lstm.__version__)
    assert set(lstm.__all__) <= set(dir(lstm))


def test_a_checkout_that_is_not_installed_has_its_version_too(monkeypatch):
    def unknown(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", unknown)
    lines = (Path(lstm.__file__).parent.parent / "setup.cfg").read_text().splitlines()
    assert f"version = {lstm.version()}" in lines


@needs_compiler  # else the network of 256 units that one of them trains takes many minutes
@pytest.mark.parametrize("title, script", SCRIPTS, ids=[title for title, _ in SCRIPTS])
def test_the_scripts_of_the_documentation_run(title, script, tmp_path, monkeypatch, capsys):
    if "midi" in script:
        pytest.importorskip("symusic")
    assert len([line for line in script.splitlines() if line]) <= 8
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_text.txt").write_text(TEXT)
    exec(compile(script, title, "exec"), {})
    assert ("WRONG" in capsys.readouterr().out) == ("gradcheck" in script)
    assert len(list(tmp_path.glob("*.mid"))) == (5 if "midi" in script else 0)


def test_the_scripts_are_five():
    assert len(SCRIPTS) == 5


def test_the_examples_of_the_docstrings_are_right():
    assert doctest.testmod(api).failed == 0
    assert doctest.testmod(lstm).failed == 0


def test_the_same_random_seed_gives_what_the_command_gives(model):
    command = [sys.executable, "sample.py", "--model-dir", "model/pretrained", "--tunes", "2", "--random-seed", "4"]
    done = subprocess.run([*command, "--key", "D"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n".join(lstm.compose(model, tunes=2, key="D", random_seed=4))


def test_texts_end_right_after_the_one_to_stop_at(model, small):
    whole = lstm.compose(small, tunes=20, seed="ab", random_seed=3)
    assert all(" c" in text for text in whole)
    stopped = lstm.compose(small, tunes=20, seed="ab", random_seed=3, stop=" c")
    assert stopped == [text[: text.index(" c") + 2] for text in whole]
    tunes = lstm.compose(model, tunes=2, key="D", random_seed=4)
    assert lstm.compose(model, 2, key="D", random_seed=4, stop="\nK:") == [t[: t.index("\nK:") + 3] for t in tunes]
    assert lstm.compose(model, 2, key="D", random_seed=4, stop="\n\nX:") == tunes  # which have their own end


def test_the_best_epoch_of_ones_own_run_is_loaded(tmp_path, monkeypatch, small):
    monkeypatch.setattr(lstm.io.places, "MODELS", tmp_path)
    for epoch, loss in {1: 2.0, 2: 1.0, 3: 3.0}.items():
        losses = {"loss": loss, "val_loss": loss}
        save_weights(tmp_path / f"weights.{epoch}.h5", Checkpoint(small.model, small.vocabulary, epoch, losses))
    assert (lstm.load("best").epoch, lstm.load(3).epoch, lstm.load(np.int64(1)).epoch) == (2, 3, 1)


def test_training_is_what_the_trainer_does(tmp_path):
    sizes = {"embedding": 4, "units": 6, "layers": 1, "batch_size": 4, "seq_length": 20}
    training = lstm.train(TEXT, preset="classic", epochs=2, threads=1, **sizes)
    records = list(training)
    assert [record.epoch for record in records] == [1, 2] and records[1].loss < records[0].loss
    assert training.model.epoch == 2 and training.model.abc
    assert lstm.train(TEXT, preset="classic", epochs=1, backend="numpy", **sizes).model.model.backend is cell
    save_weights(tmp_path / "mine.h5", training.model)
    loaded = lstm.load(tmp_path / "mine.h5")
    np.testing.assert_array_equal(loaded.weights["lstm_1/kernel"], training.model.weights["lstm_1/kernel"])
    assert lstm.loss(loaded, TEXT) == lstm.loss(training.model, TEXT)


@pytest.mark.parametrize("averaging", [0, 0.9])
def test_the_model_of_an_epoch_stays_as_it_is_while_training_goes_on(averaging):
    sizes = {"embedding": 4, "units": 6, "layers": 1, "batch_size": 4, "seq_length": 20}
    training = lstm.train(TEXT, preset="classic", epochs=2, threads=1, averaging=averaging, **sizes)
    next(training)
    first = training.model
    kept = first.model.parameters.flat.copy()
    next(training)
    np.testing.assert_array_equal(first.model.parameters.flat, kept)
    assert (training.model.model.parameters.flat != kept).any() and (first.epoch, training.model.epoch) == (1, 2)


def test_the_loss_is_the_mean_of_what_each_character_costs(small):
    text, nats = "ab cab\n" * 200, []  # longer than what is read at once
    ids, state = small.vocabulary.encode(text), small.model.initial_state()
    for t in range(len(ids) - 1):
        logits, state, _ = small.model.forward(ids[t : t + 1, None], state)
        p = np.exp(logits[0, 0]) / np.exp(logits[0, 0]).sum()
        nats.append(-np.log(p[ids[t + 1]]))
    assert lstm.loss(small, text) == pytest.approx(np.mean(nats), rel=1e-5)
    assert lstm.loss(small, text[:4]) == pytest.approx(np.mean(nats[:3]), rel=1e-5)


def test_a_tune_is_likely_under_the_model_that_composed_it(model):
    tune = lstm.compose(model, random_seed=1)[0]
    # 0.58 to 0.76 with the random seeds 1 .. 6; read in rows that each begin with nothing remembered, it would be 2
    assert lstm.loss(model, tune) < 1


def test_the_trace_is_what_the_equations_of_the_cell_say(small):
    layer = lstm.trace(small, "ab cab")[0]
    assert {name: array.shape for name, array in layer.items()} == dict.fromkeys("ifgoch", (6, 4))
    before = np.vstack([np.zeros((1, 4)), layer["c"][:-1]])
    np.testing.assert_allclose(layer["c"], layer["f"] * before + layer["i"] * layer["g"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer["h"], layer["o"] * np.tanh(layer["c"]), rtol=1e-5, atol=1e-6)


def test_a_wrong_cell_is_caught_by_the_gradient_check(small):
    assert lstm.gradcheck(small).passed
    wrong = types.SimpleNamespace(**vars(cell))

    def backward(*arguments):
        dz, dh, dc = cell.backward(*arguments)
        return dz, dh, 0.5 * dc

    wrong.backward = backward
    table = lstm.gradcheck(backend=wrong)
    assert not table.passed and "WRONG" in str(table)


@pytest.mark.parametrize("call, complaint", [
    (lambda model: lstm.load("no/such"), "no weights file 'no/such'"),
    (lambda model: lstm.load("newest"), "'newest'; check its name, or give an epoch, 'best' or nothing"),
    (lambda model: lstm.load(3.5), "weights 3.5 must be an epoch"),
    (lambda model: lstm.load(True), "weights True must be an epoch"),
    (lambda model: lstm.load(backend="nonesuch"), "backend 'nonesuch' must be 'numba' or 'numpy'"),
    (lambda model: lstm.load(backend=3), "it needs all functions that cell.py has"),
    (lambda model: lstm.compose(5), "5 is no model"),
    (lambda model: lstm.compose(model, tunes=0), "tunes 0 must be a whole number of at least 1"),
    (lambda model: lstm.compose(model, tunes=2.0), "tunes 2.0 must be a whole number"),
    (lambda model: lstm.compose(model, temperature=-1), "temperature -1 must be 0, or a number"),
    (lambda model: lstm.compose(model, temperature="hot"), "temperature 'hot' must be"),
    (lambda model: lstm.compose(model, temperature=float("nan")), "temperature nan must be"),
    (lambda model: lstm.compose(model, temperature=False), "temperature False must be"),
    (lambda model: lstm.compose(model, temperature=np.ones(2)), "temperature array([1., 1.]) must be"),
    (lambda model: lstm.compose(model, top_k=-3), "top_k -3 must be"),
    (lambda model: lstm.compose(model, top_p=2), "top_p 2 must be"),
    (lambda model: lstm.compose(model, seed="Ж"), "character 'Ж'"),
    (lambda model: lstm.compose(model, seed=""), "seed '' must be a text"),
    (lambda model: lstm.compose(model, key="H"), "key 'H' must be a key"),
    (lambda model: lstm.compose(model, seed="X:1", key="G"), "a seed says already"),
    (lambda model: lstm.compose(model, threads=0), "threads 0 must be"),
    (lambda model: lstm.compose(model, stop=""), "stop '' must be a text"),
    (lambda model: lstm.compose(model, stop=3), "stop 3 must be a text"),
    (lambda model: lstm.compose(model, stop="|é"), "stop '|é': character 'é' (line 1, column 2) is not one"),
    (lambda model: lstm.trace(model, ""), "text '' must be"),
    (lambda model: lstm.loss(model, "X"), "two characters or more"),
    (lambda model: lstm.loss(model, b"X:1"), "must be a text"),
    (lambda model: lstm.gradcheck(3), "3 is no model"),
    (lambda model: lstm.gradcheck(model, backend=""), "backend '' must be"),
    (lambda model: lstm.train(TEXT, unit=3), "unit is not a setting; did you mean units"),
    (lambda model: lstm.train(TEXT, units=0), "units 0 must be a whole number"),
    (lambda model: lstm.train(TEXT, units=True), "units True must be a whole number"),
    (lambda model: lstm.train(TEXT, dropout="half"), "dropout 'half' must be a number"),
    (lambda model: lstm.train(TEXT, dropout=1), "dropout 1 must be a number of at least 0 and less than 1"),
    (lambda model: lstm.train(TEXT, batch_size=10**6), "the largest that fit: batch_size"),
    (lambda model: lstm.train(TEXT, warmup=10**6), "warmup 1000000 must be less than"),
    (lambda model: lstm.train(TEXT, epochs=-1), "epochs -1 must be"),
    (lambda model: lstm.train(TEXT, schedule="linear"), "schedule 'linear' must be one of constant, cosine"),
    (lambda model: lstm.train(TEXT, validation=90), "validation 90 must be"),
    (lambda model: lstm.train(TEXT, preset="huge"), "preset 'huge' must be one of"),
    (lambda model: lstm.train("ab"), "too few"),
    (lambda model: lstm.train(7), "text 7 must be a text"),
])
def test_what_makes_no_sense_is_refused_with_the_value(model, call, complaint):
    with pytest.raises(InputError, match=re.escape(complaint)):
        call(model)
