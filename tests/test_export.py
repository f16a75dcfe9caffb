"""Models for other programs: what these compute with them is what we compute, and the vocabulary goes along.

What needs a framework needs the extra `peers`; without it that is skipped.
"""

import io
import json
import os
import re
import zipfile
from contextlib import redirect_stdout
from pathlib import Path

import h5py
import numpy as np
import pytest

import lstm
from helpers import run_command, tree
from lstm import export as command
from lstm.model import CharRNN, Config, State, initial_parameters
from lstm.storage import exported, imported
from lstm.storage.checkpoint import Checkpoint, find_weights, pretrained, save_weights
from lstm.storage.exported import BESIDE, FORMATS, export
from lstm.vocabulary import Vocabulary

DOCUMENT = (Path(lstm.__file__).parent / "EXCHANGE.md").read_text(encoding="utf-8")
SNIPPETS = dict(re.findall(r"^### .*?(\.[\w.]+)\n.*?```python\n(.*?)```", DOCUMENT, re.DOTALL | re.MULTILINE))
NEEDED = {  # ending -> what its home is
    ".safetensors": ("torch", "safetensors"),
    ".pt": ("torch",),
    ".weights.h5": ("torch", "keras"),
    ".keras": ("torch", "keras"),
    ".onnx": ("onnx", "onnxruntime"),
}
# Frameworks warn of things that are theirs to mend.
peers = pytest.mark.filterwarnings("default")
SIZES = [(11, 6, 9, 3), (1, 1, 1, 1), (7, 3, 5, 2)]
DTYPES = np.float32, np.float64


@pytest.fixture
def needs(monkeypatch):
    """A function: skip the test unless the home of a format is there."""
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "torch"))

    def check(ending):
        for package in NEEDED.get(ending, ()):
            pytest.importorskip(package, reason="needs the extra peers")

    return check


def checkpoint_of(sizes, dtype=np.float32, characters="zyxabcdé\n\0W"):
    config = Config(*sizes, dropout=0.25)
    parameters = initial_parameters(config, 3, np.float64)
    parameters.flat += np.random.default_rng(3).normal(0, 0.3, parameters.flat.size)
    model = CharRNN(config, parameters.astype(dtype))
    return Checkpoint(model, Vocabulary(characters[: sizes[0]]), 4, {"loss": 1.5, "val_loss": 2.5}, abc=False)


def problem(checkpoint):
    """ids (T, B), a state, and what our network makes of them: logits, the state after."""
    config, dtype = checkpoint.model.config, checkpoint.model.parameters.flat.dtype
    rng = np.random.default_rng(1)
    ids = rng.integers(0, config.vocabulary, (20, 3))
    state = State(*rng.normal(size=(2, config.layers, 3, config.units)).astype(dtype))
    logits, after, _ = checkpoint.model.forward(ids, state)
    return ids, state, logits, after


def agree(theirs, ours, relative):
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    assert theirs.shape == ours.shape
    assert np.abs(theirs - ours).max() <= relative * np.abs(ours).max()


def torch_model(torch, config, dtype):
    V, E, H, L = config.vocabulary, config.embedding, config.units, config.layers
    parts = {"embedding": torch.nn.Embedding(V, E), "lstm": torch.nn.LSTM(E, H, L), "dense": torch.nn.Linear(H, V)}
    return torch.nn.ModuleDict(parts).to({np.float32: torch.float32, np.float64: torch.float64}[dtype])


# -- what other programs compute


@peers
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_pytorch_loads_all_arrays_and_gives_our_logits_and_state(needs, tmp_path, ending, sizes, dtype):
    needs(ending)
    import torch

    checkpoint, path = checkpoint_of(sizes, dtype), tmp_path / f"model{ending}"
    export(checkpoint, path)
    if ending == ".pt":
        weights = torch.load(path, weights_only=True)
    else:
        from safetensors.torch import load_file

        weights = load_file(path)
    model = torch_model(torch, checkpoint.model.config, dtype)
    model.load_state_dict(weights, strict=True)
    ids, state, logits, after = problem(checkpoint)
    with torch.no_grad():
        output, (h, c) = model.lstm(model.embedding(torch.tensor(ids)), tuple(map(torch.tensor, state)))
        for theirs, ours in ((model.dense(output), logits), (h, after.h), (c, after.c)):
            agree(theirs, ours, 2e-5 if dtype == np.float32 else 1e-12)


@peers
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
def test_onnxruntime_gives_our_logits_and_state(needs, tmp_path, sizes, dtype):
    needs(".onnx")
    import onnx
    import onnxruntime

    checkpoint, path = checkpoint_of(sizes, dtype), str(tmp_path / "model.onnx")
    export(checkpoint, path)
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ids, state, logits, after = problem(checkpoint)
    h0, c0 = (array.astype(np.float32) for array in state)
    for theirs, ours in zip(session.run(None, {"ids": ids, "h0": h0, "c0": c0}), (logits, *after), strict=True):
        agree(theirs, ours, 2e-5)
    assert json.loads(session.get_modelmeta().custom_metadata_map["about"])["epoch"] == 4


def keras_logits(keras, model, ids):
    return keras.ops.convert_to_numpy(model(ids.T)).transpose(1, 0, 2)


@peers
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
def test_keras_loads_our_model_and_gives_our_logits(needs, tmp_path, sizes, dtype):
    needs(".keras")
    import keras

    checkpoint = checkpoint_of(sizes, dtype)
    export(checkpoint, tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    for theirs, ours in zip(model.weights, checkpoint.weights.values(), strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(theirs), ours, strict=True)
    ids, network = problem(checkpoint)[0], checkpoint.model
    agree(keras_logits(keras, model, ids), network.forward(ids, network.initial_state(3))[0], 2e-5)
    assert [layer.rate for layer in model.layers if hasattr(layer, "rate")] == [0.25] * sizes[-1]
    model.save(tmp_path / "again.keras")  # what is Keras's own now
    again = keras.saving.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(keras_logits(keras, again, ids), keras_logits(keras, model, ids))


@peers
@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
@pytest.mark.parametrize("dropout", [0, 0.5])
def test_keras_loads_our_weights_into_a_model_of_its_own(needs, tmp_path, ending, dropout):
    needs(".keras")
    import keras

    checkpoint, path = checkpoint_of(SIZES[0]), tmp_path / f"model{ending}"
    export(checkpoint, path)
    layers = [keras.layers.Input((None,)), keras.layers.Embedding(11, 6)]
    for _ in range(3):
        layers += [keras.layers.LSTM(9, return_sequences=True), *[keras.layers.Dropout(dropout)] * bool(dropout)]
    model = keras.Sequential([*layers, keras.layers.Dense(11)])
    model.load_weights(path)
    ids, network = problem(checkpoint)[0], checkpoint.model
    agree(keras_logits(keras, model, ids), network.forward(ids, network.initial_state(3))[0], 2e-5)


# -- the files


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_reads_the_arrays_by_our_names_and_all_that_is_known(tmp_path, dtype):
    checkpoint = checkpoint_of(SIZES[0], dtype)
    export(checkpoint, tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as file:
        arrays = dict(file)
    facts = json.loads(str(arrays.pop("about")))
    assert arrays.keys() == checkpoint.weights.keys()
    for name, array in checkpoint.weights.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)
    assert facts["vocabulary"] == checkpoint.vocabulary.characters and not facts["abc"]
    assert Config(**facts["config"]) == checkpoint.model.config
    assert (facts["epoch"], facts["losses"]) == (4, {"loss": 1.5, "val_loss": 2.5})


def test_our_own_format_is_copied(tmp_path):
    checkpoint = checkpoint_of(SIZES[0])
    assert export(checkpoint, tmp_path / "model.h5") == [tmp_path / "model.h5"]
    copied = imported.load(tmp_path / "model.h5")
    assert (copied.vocabulary, copied.epoch, copied.abc) == (checkpoint.vocabulary, 4, False)
    np.testing.assert_array_equal(copied.model.parameters.flat, checkpoint.model.parameters.flat)


@pytest.mark.parametrize("ending", [".pt", ".keras", ".weights.h5"])
def test_the_vocabulary_stands_beside_a_file_that_has_no_place_for_it(needs, tmp_path, ending):
    if ending == ".pt":
        needs(ending)
    checkpoint, path = checkpoint_of(SIZES[0]), tmp_path / f"model{ending}"
    assert export(checkpoint, path) == [path, tmp_path / f"model{ending}{BESIDE}"]
    assert len(list(tmp_path.iterdir())) == 2
    index = json.loads((tmp_path / f"model{ending}{BESIDE}").read_text())
    assert index == checkpoint.vocabulary.index


def test_keras_files_have_the_layout_of_keras(tmp_path):
    checkpoint = checkpoint_of(SIZES[2])
    export(checkpoint, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as file:
        assert file.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        layers = json.loads(file.read("config.json"))["config"]["layers"]
        weights = file.read("model.weights.h5")
    kinds = ["InputLayer", "Embedding", "LSTM", "Dropout", "LSTM", "Dropout", "Dense"]
    assert [layer["class_name"] for layer in layers] == kinds
    names = [layer["config"]["name"] for layer in layers[1:]]
    assert names == ["embedding", "lstm", "dropout", "lstm_1", "dropout_1", "dense"]
    places = "embedding/vars/0", "lstm/cell/vars/0", "lstm/cell/vars/1", "lstm/cell/vars/2", "lstm_1/cell/vars/0"
    places += "lstm_1/cell/vars/1", "lstm_1/cell/vars/2", "dense/vars/0", "dense/vars/1"
    with h5py.File(io.BytesIO(weights)) as file:
        for place, array in zip(places, checkpoint.weights.values(), strict=True):
            np.testing.assert_array_equal(file["layers"][place][()], array, strict=True)


@peers
@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_model_is_the_same_bytes(needs, ending):
    needs(ending)
    checkpoint = checkpoint_of(SIZES[0])
    assert FORMATS[ending](checkpoint) == FORMATS[ending](checkpoint)


# -- the command


def call(*arguments):
    return run_command(command.main, "python -m lstm.export", *arguments)


@pytest.fixture
def weights(tmp_path):
    """A directory of weights of two epochs, the first of them the better."""
    for epoch, loss in ((3, 1.0), (4, 2.0)):
        checkpoint = checkpoint_of(SIZES[2])
        knows = epoch, {"loss": loss, "val_loss": loss}
        save_weights(tmp_path / f"weights.{epoch}.h5", Checkpoint(checkpoint.model, checkpoint.vocabulary, *knows))
    return tmp_path


@pytest.mark.parametrize("which, epoch", [("best", 3), ("4", 4), ("{}/weights.3.h5", 3)])
def test_weights_are_named_by_their_file_their_epoch_or_as_the_best(weights, which, epoch):
    status, out, err = call(which.format(weights), weights / "model.npz", "--model-dir", weights)
    assert (status, out) == (0, "") and re.fullmatch(rf"Checkpoint of epoch {epoch}: .* is in .*model\.npz\n", err)
    with np.load(weights / "model.npz") as file:
        assert json.loads(str(file["about"]))["epoch"] == epoch


def test_what_was_written_is_said_and_a_file_that_is_there_is_replaced(weights):
    (weights / "model.keras").write_text("old")
    status, _, err = call("best", weights / "model.keras", "--model-dir", weights)
    assert status == 0 and err.endswith(f"model.keras and {lstm.io.places.shown(weights / 'model.keras')}{BESIDE}\n")
    assert zipfile.is_zipfile(weights / "model.keras")


@pytest.mark.parametrize("which, file, complaint", [
    ("best", "model.tflite", r"'.*model.tflite' names no format; it must end with \.safetensors, \.pt, .* or \.h5"),
    ("best", "model", "'.*model' names no format"),
    ("best", "nowhere/model.npz", "cannot write .*model.npz: No such file or directory; check the name"),
    ("best", "", "cannot write .*: it is a directory; name a file"),
    ("5", "model.npz", "there are no weights of epoch 5 in .*; it has epochs 3, 4"),
    ("{}/none.h5", "model.npz", "cannot read .*none.h5: No such file or directory; check the name"),
    ("{}", "model.npz", "cannot read .*"),
    ("{}/notes.txt", "model.npz", "cannot use .*notes.txt: it is neither HDF5 nor .keras"),
    ("{}/weights.3.h5", "weights.3.h5", ".*weights.3.h5 is the weights file itself; give FILE another name"),
])
def test_what_cannot_be_is_said_in_one_line(weights, which, file, complaint):
    (weights / "notes.txt").write_text("no weights")
    before = tree(weights)
    status, out, err = call(which.format(weights), weights / file, "--model-dir", weights)
    assert (status, out) == (2, "") and re.fullmatch(rf"python -m lstm\.export: {complaint}[^\n]*\n", err), err
    assert tree(weights) == before


@pytest.mark.parametrize("library, ending", [("safetensors", ".safetensors"), ("torch", ".pt"), ("onnx", ".onnx")])
def test_a_library_that_is_missing_is_named_with_the_way_to_get_it(weights, monkeypatch, library, ending):
    monkeypatch.setattr(exported, "find_spec", lambda name: None)
    before = tree(weights)
    status, out, err = call("best", weights / f"model{ending}", "--model-dir", weights)
    assert (status, out) == (2, "") and tree(weights) == before
    packages = "torch" if library == "torch" else '-e ".[exchange]"'
    remedy = f"{ending} needs the package {library}: install it with  python -m pip install {packages}"
    assert err == f"python -m lstm.export: {remedy}\n"


def test_a_model_that_is_too_large_for_onnx_is_refused(needs, monkeypatch, tmp_path):
    needs(".onnx")
    monkeypatch.setattr(exported, "ONNX_MOST", 100)
    with pytest.raises(lstm.io.InputError, match=r"less than 2 GB, .* [\d,]+ bytes; choose \.safetensors"):
        export(checkpoint_of(SIZES[0]), tmp_path / "model.onnx")


# -- the document


def test_the_document_shows_every_format_in_at_most_15_lines():
    assert SNIPPETS.keys() == {*FORMATS, ".h5"}
    for ending, snippet in SNIPPETS.items():
        assert len(snippet.splitlines()) <= 15, ending
    for ending in SNIPPETS:
        assert f"`python -m lstm.export model/pretrained/weights.60.h5 model{ending}`" in DOCUMENT


@pytest.mark.slow  # the parity step of CI runs it
@peers
@pytest.mark.parametrize("ending", SNIPPETS)
def test_a_snippet_of_the_document_composes_what_our_model_expects(needs, tmp_path, monkeypatch, ending):
    needs(ending)
    path = find_weights(pretrained())
    assert path.name == "weights.60.h5"
    monkeypatch.chdir(tmp_path)
    assert call(path, f"model{ending}")[0] == 0
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(SNIPPETS[ending], f"EXCHANGE.md {ending}", "exec"), {})
    text = printed.getvalue()[:-1]
    assert text.startswith("X") and (len(text) in (101, 301) or ending == ".h5")
    assert lstm.loss(imported.load(path), text) < 1.5  # nats; of characters drawn without a model 4.4
