"""Weights files: what is saved comes back, Keras's layout, and files that are damaged or hostile."""

import errno
import hashlib
import io
import json
import math
import os
import pickle
import random
import re
import subprocess
import sys
import tracemalloc
from dataclasses import asdict, replace

import h5py
import numpy as np
import pytest

from lstm import cell
from lstm import model as model_module
from lstm.io import InputError, files
from lstm.io.hdf5 import SEAL_BYTES, SIGNATURE, seal
from lstm.io.hdf5_format import File
from lstm.model import CharRNN, Config, initial_parameters
from lstm.notation.header import Headers
from lstm.storage import imported
from lstm.storage.checkpoint import Checkpoint, epochs, find_weights, save_weights, weights_path
from lstm.storage.resume import load_resume, save_resume
from lstm.vocabulary import Vocabulary

VOCABULARY = Vocabulary('\n "aΩ')
CONFIG = Config(
    vocabulary=5, embedding=3, units=4, layers=2, dropout=0.25, input_dropout=0.125, recurrent_dropout=0.5
)
IDS = np.array([[0, 1], [4, 3], [2, 2], [3, 0]])  # (T, B)


def new_checkpoint(seed=7, losses=None, abc=True, config=CONFIG):
    """A checkpoint whose parameters are all different from each other."""
    model = CharRNN(config, initial_parameters(config, seed), cell)
    model.parameters.flat[:] += np.random.default_rng(seed).normal(0, 0.1, model.parameters.flat.size)
    headers = Headers("XTKM", " ", {"R": [], "M": ["3/4"], "K": ["Gmajor", "Edor"]})
    return Checkpoint(model, VOCABULARY, 3, losses or {"loss": 1.25, "val_loss": 1.5}, abc, headers)


def load(path, vocabulary_file=None):
    return imported.load(path, vocabulary_file, cell)


def logits(checkpoint):
    model = checkpoint.model
    return model.forward(IDS, model.initial_state(IDS.shape[1]))[0]


def assert_same(one, other):
    """Two checkpoints are the same, bit for bit."""
    assert logits(one).tobytes() == logits(other).tobytes()
    assert one.model.parameters.flat.tobytes() == other.model.parameters.flat.tobytes()
    assert one.model.config == other.model.config
    assert (one.vocabulary, one.epoch, one.abc) == (other.vocabulary, other.epoch, other.abc)
    assert one.headers == other.headers
    assert repr(one.losses) == repr(other.losses)  # because NaN != NaN


@pytest.fixture
def saved(tmp_path):
    """(path, checkpoint) of a weights file of ours."""
    path, checkpoint = tmp_path / "weights.3.h5", new_checkpoint()
    save_weights(path, checkpoint)
    return path, checkpoint


def edited(path, edit):
    """Change a file of ours with h5py and seal it again, as an ill-meaning person would."""
    image = io.BytesIO(path.read_bytes())
    with h5py.File(image, "r+") as file:
        edit(file)
    content = image.getvalue()[SEAL_BYTES:]
    path.write_bytes(seal(content) + content)


def assert_refused(path, complaint=None, vocabulary_file=None):
    """Loading gives an InputError, one line with the path, the complaint and a remedy."""
    with pytest.raises(InputError, match=complaint) as error:
        load(path, vocabulary_file)
    assert len(str(error.value).splitlines()) == 1
    assert str(error.value).startswith((f"cannot use {path}: ", f"cannot read {path}: "))
    assert "; " in str(error.value)


# -- saved and loaded


@pytest.mark.parametrize("losses", [{"loss": 2.0, "val_loss": math.nan}, {"loss": 1 / 3, "val_loss": 1e-9}])
@pytest.mark.parametrize("abc", [True, False])
def test_what_is_loaded_is_what_was_saved(tmp_path, losses, abc):
    path, checkpoint = tmp_path / "weights.3.h5", new_checkpoint(losses=losses, abc=abc)
    save_weights(path, checkpoint)
    assert_same(load(path), checkpoint)


def test_a_file_from_before_the_later_kinds_of_dropout_has_none_of_them(saved):
    path, checkpoint = saved
    config = {name: value for name, value in asdict(CONFIG).items() if name[:5] not in ("input", "recur")}
    edited(path, lambda file: file.attrs.__setitem__("config", json.dumps(config)))
    assert load(path).model.config == Config(**config) == replace(CONFIG, input_dropout=0, recurrent_dropout=0)
    assert logits(load(path)).tobytes() == logits(checkpoint).tobytes()


@pytest.mark.parametrize("layers", [1, 2, 12])
def test_the_order_of_the_layers_is_kept(tmp_path, layers):
    path = tmp_path / "weights.3.h5"
    checkpoint = new_checkpoint(config=Config(vocabulary=5, embedding=3, units=2, layers=layers))
    save_weights(path, checkpoint)
    assert_same(load(path), checkpoint)


def test_the_weights_file_alone_is_enough(saved, tmp_path_factory):
    path, checkpoint = saved
    moved = tmp_path_factory.mktemp("elsewhere") / "music.h5"
    path.rename(moved)
    loaded = imported.load(moved)  # by the default backend, too
    assert loaded.vocabulary.decode(loaded.vocabulary.encode("Ω a")) == "Ω a"
    np.testing.assert_allclose(logits(loaded), logits(checkpoint), rtol=0, atol=1e-5)


def test_the_layout_is_that_of_keras(saved):
    path, checkpoint = saved
    config, found = checkpoint.model.config, {}
    with h5py.File(path, "r") as file:
        assert {"layer_names", "backend", "keras_version"} <= set(file.attrs)
        names = [name.decode() for name in file.attrs["layer_names"]]
        assert names == ["embedding", "lstm_1", "lstm_2", "dense"]
        assert sorted(file) == sorted(names)
        for layer in names:
            for name in file[layer].attrs["weight_names"]:
                found[f"{layer}/{name.decode()}"] = file[layer][name][()]
    assert {name: array.shape for name, array in found.items()} == config.shapes
    assert list(found) == list(config.shapes)
    for name, array in found.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, checkpoint.model.parameters[name])


def test_the_epochs_of_a_directory_are_those_of_its_weights_files_in_order(tmp_path):
    names = ["weights.10.h5", "weights.2.h5", "weights.1.h5"]
    others = ["weights.0.h5", "weights.x.h5", "weights.03.h5", "weights.4.h5.bak", ".weights.5.h5.123", "resume.h5"]
    for name in names + others:
        (tmp_path / name).touch()
    assert epochs(tmp_path) == [1, 2, 10]
    assert weights_path(tmp_path, 10).name == "weights.10.h5"
    assert epochs(tmp_path / "missing") == epochs(tmp_path / "resume.h5") == []


NAN = math.nan
BEST_OF = {
    "held out": ({1: (9.0, 3.0), 2: (8.0, 1.0), 10: (7.0, 2.0)}, 2),
    "a tie": ({2: (1.0, 2.0), 9: (1.0, 1.5), 10: (0.5, 1.5)}, 9),
    "nothing held out": ({1: (3.0, NAN), 2: (1.0, NAN), 3: (2.0, NAN)}, 2),
    "one": ({4: (3.0, 3.0)}, 4),
}


@pytest.mark.parametrize("losses, best", BEST_OF.values(), ids=BEST_OF)
def test_the_best_epoch_has_the_lowest_loss_and_no_array_is_read_for_it(tmp_path, monkeypatch, losses, best):
    for epoch, (loss, val_loss) in losses.items():
        save_weights(weights_path(tmp_path, epoch), new_checkpoint(losses={"loss": loss, "val_loss": val_loss}))
    monkeypatch.setattr(File, "dataset", None)
    assert find_weights(tmp_path, "best") == weights_path(tmp_path, best)


@pytest.mark.parametrize("losses", [
    *("null", "7", "[]", "{}", "nonsense", "[" * 10**5, '{"loss": 1.0}', '{"loss": "1", "val_loss": "1"}'),
    *('{"loss": 1.0, "val_loss": null}', '{"loss": NaN, "val_loss": NaN}', '{"loss": 1.0, "val_loss": 1}'),
], ids=lambda losses: losses[:30])
def test_losses_that_make_no_sense_are_refused_with_the_name_of_the_file(tmp_path, losses):
    for epoch in (1, 2):
        save_weights(weights_path(tmp_path, epoch), new_checkpoint())
    path = weights_path(tmp_path, 2)
    edited(path, lambda file: file.attrs.__setitem__("losses", losses))
    with pytest.raises(InputError, match=f"^cannot use {re.escape(str(path))}: [^\n]*; [^\n]*$"):
        find_weights(tmp_path, "best")


def test_the_resume_state_comes_back_bit_for_bit(tmp_path):
    path, rng = tmp_path / "resume.h5", np.random.default_rng(5)
    arrays = {"m": rng.normal(size=7).astype(np.float32), "h": rng.normal(size=(2, 3, 4)), "empty": np.zeros((2, 0, 3))}
    numbers = {"t": 12, "nats": 1 / 3, "history": [{"val_loss": math.nan}], "input": "Ω.txt"}
    save_resume(path, arrays, numbers)
    loaded, loaded_numbers = load_resume(path)
    assert repr(loaded_numbers) == repr(numbers)
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (loaded[name].dtype, loaded[name].shape) == (array.dtype, array.shape)
        assert loaded[name].tobytes() == array.tobytes()


# -- files of Keras


def keras_file(path, checkpoint, root="/", as_bytes=True):
    """A file as Keras writes it: nested names, layers without weights, no word of ours. Path's suffix is .h5."""

    def names(texts):
        return np.array([text.encode() for text in texts]) if as_bytes else list(texts)

    layers = {"embedding": ["embedding"]}
    for layer in range(checkpoint.model.config.layers):
        number = f"_{layer}" if layer else ""
        layers[f"lstm{number}"] = [f"lstm_cell{number}/{name}" for name in ("kernel", "recurrent_kernel", "bias")]
        layers[f"dropout{number}"] = []
    layers |= {"time_distributed": ["kernel", "bias"], "activation": []}
    arrays = iter(checkpoint.model.parameters.items())
    with h5py.File(path, "w") as file:
        top = file.require_group(root)
        top.attrs.update({"layer_names": names(layers), "backend": "tensorflow", "keras_version": "2.15.0"})
        for layer, weights in layers.items():
            group = top.create_group(layer)
            weight_names = [f"sequential/{layer}/{name}:0" for name in weights]
            group.attrs["weight_names"] = names(weight_names) if weights else np.zeros(0)  # float64, as Keras has it
            for name in weight_names:
                group[name] = next(arrays)[1]
        top.create_group("top_level_model_weights").attrs["weight_names"] = np.zeros(0)


def keras_image(path, edit=lambda file: None):
    """A file of Keras, with an edit, and its checkpoint."""
    checkpoint = new_checkpoint()
    keras_file(path, checkpoint)
    with h5py.File(path, "r+") as file:
        edit(file)
    return checkpoint


def stored_as(**how):
    """An edit of how all arrays of two dimensions are stored."""

    def edit(file):
        matrices = []
        file.visititems(lambda name, item: matrices.append(name) if getattr(item, "ndim", 0) == 2 else None)
        for name in matrices:
            values = file[name][()]
            del file[name]
            file.create_dataset(name, values.shape, data=values, **how)

    return edit


def cut_names(file):
    """The names in several attributes, as Keras does where one would be too large."""
    for group, kind in [(file, "layer_names"), *((file[layer], "weight_names") for layer in file)]:
        names = group.attrs.pop(kind) if kind in group.attrs else []
        for number, part in enumerate(np.array_split(names, min(len(names), 2)) if len(names) else []):
            group.attrs[f"{kind}{number}"] = part
        if not len(names):
            group.attrs[kind] = names


def char_to_idx(path, index=None):
    path.write_text(json.dumps(VOCABULARY.index if index is None else index))
    return path


@pytest.mark.parametrize("as_bytes", [True, False], ids=["names as bytes", "names as text"])
@pytest.mark.parametrize("root", ["/", "model_weights"], ids=["weights file", "whole saved model"])
def test_a_file_of_keras_loads_with_a_vocabulary_beside_it(tmp_path, root, as_bytes):
    path, checkpoint = tmp_path / "keras.h5", new_checkpoint()
    keras_file(path, checkpoint, root, as_bytes)
    loaded = load(path, char_to_idx(tmp_path / "char_to_idx.json"))
    assert logits(loaded).tobytes() == logits(checkpoint).tobytes()
    assert loaded.vocabulary == VOCABULARY


LEGAL = {
    **{f"floats {dtype}": stored_as(dtype=dtype) for dtype in ("<f8", ">f8", ">f4", "<f2", ">f2")},
    **{"compressed": stored_as(compression="gzip", shuffle=True), "in chunks": stored_as(chunks=(2, 3))},
    **{"names in parts": cut_names, "other objects": lambda file: file.create_group("x").attrs.update(y=[1, 2])},
}


@pytest.mark.parametrize("edit", LEGAL.values(), ids=LEGAL)
def test_whatever_keras_and_h5py_can_write_loads(tmp_path, edit):
    path = tmp_path / "keras.h5"
    checkpoint = keras_image(path, edit)
    loaded = load(path, char_to_idx(tmp_path / "char_to_idx.json"))
    for name, array in loaded.weights.items():
        half = array.ndim == 2 and edit in (LEGAL["floats <f2"], LEGAL["floats >f2"])
        expected = checkpoint.weights[name].astype(np.float16 if half else np.float32)
        double = edit in (LEGAL["floats <f8"], LEGAL["floats >f8"])
        np.testing.assert_array_equal(array, expected.astype(np.float64 if double else np.float32), strict=True)


def test_a_file_without_our_checksum_says_so_and_one_with_it_does_not(tmp_path, saved):
    path = tmp_path / "keras.h5"
    keras_image(path)
    remarks = load(path, char_to_idx(tmp_path / "char_to_idx.json")).remarks
    assert remarks[0].startswith(f"{path} has no checksum")
    assert load(saved[0]).remarks == ()


def test_an_array_under_many_names_is_refused_before_memory_is_taken(tmp_path):
    """As if there were 400 layers of the same megabyte, each with another name."""

    def edit(file):
        names = ["embedding", *(f"lstm_{number}" for number in range(400)), "dense"]
        file["big"] = np.zeros((256, 1024), "f4")
        for name in names:
            group, weights = file.create_group(name), ["a", "b", "c"][: {"embedding": 1, "dense": 2}.get(name, 3)]
            group.attrs["weight_names"] = weights
            for weight in weights:
                group[weight] = file["big"]
        file.attrs["layer_names"] = names

    path = tmp_path / "keras.h5"
    with h5py.File(path, "w") as file:
        edit(file)
    tracemalloc.start()
    try:
        assert_refused(path, "claims to hold more than there is", char_to_idx(tmp_path / "char_to_idx.json"))
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("vocabulary_file", [None, "char_to_idx.json"])
def test_a_file_of_keras_without_a_vocabulary_says_what_is_missing(tmp_path, vocabulary_file):
    path = tmp_path / "keras.h5"
    keras_file(path, new_checkpoint())
    assert_refused(path, "(no vocab|cannot read).*char_to_idx.json", vocabulary_file and tmp_path / vocabulary_file)


@pytest.mark.parametrize(
    "index",
    [
        {"a": 0, "b": 1, "c": 2, "d": 3},
        {"a": 0, "b": 1, "c": 2, "d": 3, "e": 5},
        {"a": 0, "b": 1, "c": 2, "d": 3, "e": 3},
        {"a": 0, "b": 1, "c": 2, "d": 3, "e": "4"},
        {"a": 0, "b": 1, "c": 2, "d": 3, "ef": 4},
        {"a": 0, "b": 1, "c": 2, "d": 3, "": 4},
        {"a": 0, "b": 1, "c": 2, "d": 3, "\ud800": 4},
        ["a", "b", "c", "d", "e"],
        7,
        None,
    ],
    ids=[
        "too few", "a gap", "twice", "text for an id", "two characters", "no character", "half a one", "list", "number",
        "null",
    ],
)
def test_a_vocabulary_that_does_not_fit_is_refused(tmp_path, index):
    path = tmp_path / "keras.h5"
    keras_file(path, new_checkpoint())
    vocabulary_file = tmp_path / "char_to_idx.json"
    vocabulary_file.write_text(json.dumps(index))
    assert_refused(path, vocabulary_file=vocabulary_file)


@pytest.mark.parametrize("data", [b"", b"\xff", b"{", b"[" * 100_000])
def test_a_vocabulary_file_that_is_none_is_refused_by_its_name(tmp_path, data):
    path, vocabulary_file = tmp_path / "keras.h5", tmp_path / "char_to_idx.json"
    keras_file(path, new_checkpoint())
    vocabulary_file.write_bytes(data)
    assert_refused(path, "char_to_idx.json", vocabulary_file)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_of_keras_is_refused(tmp_path, share):
    path = tmp_path / "keras.h5"
    keras_file(path, new_checkpoint())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert_refused(path, vocabulary_file=char_to_idx(tmp_path / "char_to_idx.json"))


def test_a_remedy_fits_its_complaint(tmp_path, saved):
    keras, (ours, _), resume = tmp_path / "keras.h5", saved, tmp_path / "resume.h5"
    keras_file(keras, new_checkpoint())
    beside = "[^;]*; name the char_to_idx.json that it was trained with by --vocabulary, or put it beside the file$"
    assert_refused(keras, "it has no vocabulary" + beside)
    assert_refused(keras, "does not number 5 characters" + beside, char_to_idx(tmp_path / "few.json", {"a": 0}))
    (tmp_path / "empty.json").touch()
    assert_refused(keras, "empty.json is empty; [^;]*$", tmp_path / "empty.json")
    assert_refused(keras, "cannot read .*: File name too long; [^;]*$", tmp_path / ("a" * 300))
    edited(ours, attribute("format_version", 2))
    assert_refused(ours, "format version 2[^;]*; train again, or use the version of the program that wrote it$")
    resume.write_bytes(b"")
    with pytest.raises(InputError, match="it is not an HDF5 file; [^;]* not one to resume from: [^;]*--overwrite"):
        load_resume(resume)


# -- damaged files


def damages(data, count, rng):
    """So many damaged copies of data: cut, with bytes flipped, zeroed, lost, or put in."""
    for _ in range(count):
        at, many = rng.randrange(len(data)), rng.choice([1, 2, 16, 512])
        yield data[:at]
        yield data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        yield data[:at] + bytes(min(many, len(data) - at)) + data[at + many :]
        yield data[:at] + data[at + many :]
        yield data[:at] + rng.randbytes(many) + data[at:]


@pytest.mark.parametrize("read", [load, load_resume], ids=["weights", "resume"])
def test_a_damaged_file_is_refused_or_is_the_same(tmp_path, saved, read):
    path, checkpoint = saved
    if read is load_resume:
        save_resume(path, {"m": np.arange(5.0)}, {"t": 1})
    refused, data = 0, path.read_bytes()
    for damaged in damages(data, 100, random.Random(8)):
        path.write_bytes(damaged)
        try:
            found = read(path)
        except InputError as error:
            assert len(str(error).splitlines()) == 1
            refused += 1
        else:
            assert damaged == data  # zeros written over zeros
            assert read is load_resume or assert_same(found, checkpoint) is None
    assert refused > 400


def test_damage_within_the_first_bytes_is_refused(saved):
    path, _ = saved
    data = path.read_bytes()
    for at in range(SEAL_BYTES):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert_refused(path)


def test_damaged_weights_in_a_file_without_seal_do_not_match_the_digest(saved):
    path, checkpoint = saved
    plain = path.with_name("plain.h5")
    with h5py.File(path, "r") as ours, h5py.File(plain, "w") as file:
        file.attrs.update(ours.attrs)
        for layer in ours:
            ours.copy(layer, file)
    content = plain.read_bytes()
    assert content.startswith(SIGNATURE)
    assert_same(load(plain), checkpoint)
    at = content.index(checkpoint.model.parameters["lstm_2/kernel"].tobytes()) + 5
    plain.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
    assert_refused(plain, "digest")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"X:1\nK:G\nabc|\n",
        SIGNATURE,
        SIGNATURE + bytes(1000),
        pickle.dumps({"weights": [1, 2, 3]}),
        random.Random(3).randbytes(3000),
        bytes(3000),
        seal(b""),
        seal(b"no HDF5") + b"no HDF5",
        seal(SIGNATURE * 99) + SIGNATURE * 99,
    ],
    ids=["empty", "text", "signature", "zeros", "pickle", "random", "only zeros", "seal", "sealed text", "sealed junk"],
)
@pytest.mark.parametrize("read", [load, load_resume], ids=["weights", "resume"])
def test_a_file_that_is_no_hdf5_is_refused(tmp_path, data, read):
    path = tmp_path / "weights.1.h5"
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"^cannot use {re.escape(str(path))}: .*; ") as error:
        read(path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["missing.h5", "."])
def test_a_place_without_a_file_is_refused(tmp_path, name):
    assert_refused(tmp_path / name, "cannot read")


# -- hostile files


def replace_dataset(name, make):
    """An edit that puts make(file, old array) in the place of a dataset."""

    def edit(file):
        old = file[name][()]
        del file[name]
        file[name] = make(file, old)

    return edit


def store_outside(file, old):
    """A dataset whose content is claimed to be in another file."""
    return file.create_dataset("outside", old.shape, old.dtype, external=[("/etc/hostname", 0, old.nbytes)])


def store_virtually(file, old):
    """A dataset that is put together from another file."""
    layout = h5py.VirtualLayout(old.shape, old.dtype)
    layout[:] = h5py.VirtualSource("/etc/hostname", "data", shape=old.shape)
    return file.create_virtual_dataset("virtual", layout)


def change(**sizes):
    """An edit of the sizes that the config claims."""

    def edit(file):
        file.attrs["config"] = json.dumps(json.loads(file.attrs["config"]) | sizes)

    return edit


def name_layers(*names):
    """An edit of the names of the layers."""
    return lambda file: file.attrs.update({"layer_names": np.array([name.encode() for name in names])})


def name_weights(layer, *names):
    """An edit of the names of a layer's weights."""
    return lambda file: file[layer].attrs.update({"weight_names": np.array([name.encode() for name in names])})


def attribute(name, value):
    """An edit of a root attribute."""
    return lambda file: file.attrs.update({name: value})


def headers(heard):
    """An edit of the values that header fields had."""
    return attribute("headers", json.dumps({"order": "", "gap": "", "heard": heard}))


KERNEL = "lstm_1/kernel"
HOSTILE = {
    "soft link": (replace_dataset(KERNEL, lambda file, old: h5py.SoftLink("/lstm_2/kernel")), "a link"),
    "external link": (replace_dataset(KERNEL, lambda file, old: h5py.ExternalLink("/etc/hosts", "/x")), "a link"),
    "external storage": (replace_dataset(KERNEL, store_outside), "another file"),
    "virtual dataset": (replace_dataset(KERNEL, store_virtually), "another file"),
    "integers": (replace_dataset(KERNEL, lambda file, old: old.astype(np.int32)), "holds int32"),
    "half precision": (replace_dataset(KERNEL, lambda file, old: old.astype(np.float16)), "digest"),
    "complex": (replace_dataset(KERNEL, lambda file, old: old.astype(complex)), "compound|complex"),
    "text": (replace_dataset(KERNEL, lambda file, old: np.full(old.shape, b"1.0")), "holds "),
    "transposed": (replace_dataset(KERNEL, lambda file, old: old.T), r"shape \(16, 3\), not \(3, 16\)"),
    "one row more": (replace_dataset("dense/kernel", lambda file, old: np.vstack([old, old[:1]])), "shape"),
    "one bias less": (replace_dataset("lstm_2/bias", lambda file, old: old[:-1]), "shape"),
    "flat": (replace_dataset("embedding/embedding", lambda file, old: old.ravel()), None),
    "a number": (replace_dataset("embedding/embedding", lambda file, old: 1.0), None),
    "nothing": (replace_dataset("embedding/embedding", lambda file, old: h5py.Empty("f4")), None),
    "a group": (replace_dataset(KERNEL, lambda file, old: file.create_group("g")), "not a dataset"),
    "NaN": (replace_dataset(KERNEL, lambda file, old: np.where(old == old[1, 1], np.nan, old)), "not finite"),
    "infinity": (replace_dataset("dense/bias", lambda file, old: np.full_like(old, np.inf)), "not finite"),
    "too large for float32": (replace_dataset("dense/bias", lambda file, old: np.full(old.shape, 1e300)), "digest"),
    "other weights": (replace_dataset(KERNEL, lambda file, old: old * 2), "digest"),
    "another layer's": (replace_dataset("lstm_2/bias", lambda file, old: file["lstm_1/bias"]), "digest"),
    "missing": (lambda file: file["dense"].__delitem__("kernel"), "missing"),
    "layers in another order": (name_layers("embedding", "lstm_2", "lstm_1", "dense"), "shape|digest"),
    "one layer less": (name_layers("embedding", "lstm_1", "dense"), "config"),
    "no layer": (name_layers(), "layers"),
    "one layer often": (name_layers("embedding", *["lstm_2"] * 3000, "dense"), "twice"),
    "a layer that is not there": (name_layers("embedding", "lstm_1", "lstm_3", "dense"), "missing"),
    "a layer by a path": (name_layers("embedding", "lstm_1", "/lstm_2", "dense"), None),
    "a weight by a path": (name_weights("lstm_1", "../lstm_1/kernel", "recurrent_kernel", "bias"), None),
    "a weight within a weight": (name_weights("lstm_1", "bias/kernel", "recurrent_kernel", "bias"), "not a group"),
    "a weight without name": (name_weights("lstm_1", "", "recurrent_kernel", "bias"), None),
    "one weight more": (name_weights("lstm_1", "kernel", "kernel", "recurrent_kernel", "bias"), "twice"),
    "a billion layers": (change(layers=10**9), "layers"),
    "another vocabulary": (change(vocabulary=6), "config"),
    "more units": (change(units=10**12), "units"),
    "no units": (change(units=0), "units"),
    "units in text": (change(units="4"), "units"),
    "not a rate": (change(dropout=1.5), "dropout"),
    "not a number": (change(dropout=math.nan), "dropout"),
    "not a rate of the input": (change(input_dropout=-0.1), "input_dropout"),
    "not a rate of the recurrent kernels": (change(recurrent_dropout=1), "recurrent_dropout"),
    "an unknown size": (change(heads=4), "heads"),
    "one character more": (attribute("vocabulary", json.dumps('\n "aΩx')), "6"),
    "a character twice": (attribute("vocabulary", json.dumps('\n  aΩ')), "once"),
    "characters as a list": (attribute("vocabulary", '["a", "b", "c", "d", "e"]'), None),
    "another format": (attribute("format_version", 2), "version 2"),
    "an older format": (attribute("format_version", 0), "version 0"),
    "a format in words": (attribute("format_version", "new"), "format_version"),
    "a format that is no whole number": (attribute("format_version", 1.0), "format_version"),
    "no format": (lambda file: file.attrs.pop("format_version"), "no attribute 'format_version'"),
    "an epoch in words": (attribute("epoch", "new"), "not a whole number"),
    "an epoch before the first": (attribute("epoch", -5), "epoch is -5"),
    "an epoch without end": (attribute("epoch", math.inf), "not a whole number"),
    "an epoch that is true": (attribute("epoch", True), "not a whole number"),
    "an epoch beyond all epochs": (attribute("epoch", 2**63 - 1), "epoch is 9223372036854775807"),
    "a list of epochs": (attribute("epoch", [3]), "not a whole number"),
    "a loss without end": (attribute("losses", '{"loss": 1e999, "val_loss": 1.0}'), "two finite numbers"),
    "a loss of 401 digits": (attribute("losses", '{"loss": 1%s, "val_loss": 1.0}' % ("0" * 400)), "401 digits"),
    "a loss that is no number": (attribute("losses", '{"loss": NaN, "val_loss": 1.0}'), "two finite numbers"),
    "losses in a list": (attribute("losses", "[1.0, 2.0]"), "two finite numbers"),
    "half true": (attribute("abc", 0.5), "not true or false"),
    "neither true nor false": (attribute("abc", 7), "not true or false"),
    "units of 401 digits": (change(units=10**400), "401 digits"),
    "a config too deep": (attribute("config", "[" * 99 + "]" * 99), "too deep"),
    "a config far too deep": (attribute("config", "[" * 4000 + "]" * 4000), "too deep"),
    "a config in a list": (attribute("config", "[]"), "config"),
    "a config too long": (attribute("config", " " * 20_000), "20,000 characters"),
    "a vocabulary too long": (attribute("vocabulary", '"%s"' % ("a" * 2**24)), "text of 16,777,218 bytes"),
    "a digest of another kind": (attribute("digest", 7), "not a text"),
    "headers in a text": (headers({"R": "", "M": [], "K": []}), "headers"),
    "headers too many": (headers(dict.fromkeys("RMK", ["a"] * 101)), "headers"),
    "names that are numbers": (attribute("layer_names", [1.0, 2.0]), "not a name"),
    "one name": (attribute("layer_names", "embedding"), "not a list"),
    "names with half a letter": (attribute("layer_names", np.array([b"\xff"])), "not UTF-8"),
    "another digest": (attribute("digest", hashlib.sha256(b"").hexdigest()), "digest"),
}


@pytest.mark.parametrize("edit, complaint", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused(saved, edit, complaint):
    path, _ = saved
    edited(path, edit)
    assert_refused(path, complaint)


def test_an_edit_that_changes_nothing_is_not_what_is_refused(saved):
    path, checkpoint = saved
    edited(path, replace_dataset(KERNEL, lambda file, old: old))
    assert_same(load(path), checkpoint)


@pytest.mark.parametrize("name", ["config", "vocabulary", "epoch", "losses", "abc", "headers", "digest", "layer_names"])
@pytest.mark.parametrize(
    "value",
    [None, 7, -1.5, b"\xff", "", "nonsense", "{", "[" * 50_000, np.arange(3), h5py.Empty("f4")],
    ids=["missing", "7", "-1.5", "bytes", "empty", "text", "JSON", "nested", "array", "nothing"],
)
def test_a_nonsensical_attribute_never_gives_another_model(saved, name, value):
    path, checkpoint = saved
    edited(path, lambda file: file.attrs.pop(name) if value is None else file.attrs.update({name: value}))
    try:
        loaded = load(path)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:  # what is said of losses, epoch and text has no part in the music
        assert (name, value) in (("epoch", 7), ("headers", None))
        assert logits(loaded).tobytes() == logits(checkpoint).tobytes()
        assert loaded.vocabulary == checkpoint.vocabulary


@pytest.mark.parametrize("ours", [True, False], ids=["file of ours", "file of Keras"])
@pytest.mark.parametrize(
    "sizes",
    [{"vocabulary": 10**9}, {"units": 10**8}, {"embedding": 10**10}, {"embedding": 2**40, "units": 2**22}],
    ids=["vocabulary", "units", "embedding", "beyond 64 bits"],
)
def test_a_claimed_size_that_is_not_stored_is_refused_before_memory_is_taken(tmp_path, monkeypatch, ours, sizes):
    path = tmp_path / "weights.1.h5"
    with monkeypatch.context() as patch:
        patch.setattr(model_module, "SIZES", {})  # because no Config can be so large
        config = Config(**asdict(CONFIG) | sizes | {"layers": 1})
    with h5py.File(path, "w") as file:
        for name, shape in config.shapes.items():
            file.create_dataset(name, shape, np.float32)  # the space for it is not taken before it is written
        name_layers("embedding", "lstm_1", "dense")(file)
        name_weights("embedding", "embedding")(file)
        name_weights("lstm_1", "kernel", "recurrent_kernel", "bias")(file)
        name_weights("dense", "kernel", "bias")(file)
        if ours:
            file.attrs.update({"format_version": 1, "config": json.dumps(asdict(config)), "epoch": 1, "abc": True})
            file.attrs.update({"vocabulary": json.dumps(VOCABULARY.characters), "losses": "{}", "digest": ""})
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    assert_refused(path, vocabulary_file=char_to_idx(tmp_path / "char_to_idx.json"))
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("read", [load, load_resume], ids=["weights", "resume"])
def test_a_device_a_silent_pipe_and_a_file_without_end_are_no_weights(tmp_path, monkeypatch, read):
    monkeypatch.setattr(files, "PATIENCE", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(10**13)
    (tmp_path / "directory").mkdir()
    names = {"/dev/zero": "is a device, not a", tmp_path / "pipe": "empty|nothing came|neither HDF5"}
    names |= {tmp_path / "sparse": "more than 2,000,000,000 bytes", tmp_path / "directory": "Is a directory"}
    names |= {f"{tmp_path}/a\0b": "embedded null", f"{tmp_path}/\ud800": "surrogates"}
    for name, complaint in names.items():
        with pytest.raises(InputError, match=complaint) as error:
            read(name)
        assert re.fullmatch("[^\n]*; [^\n]*", str(error.value))


# -- writing


def failing(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_full_disk_leaves_the_old_file_and_no_litter(saved, monkeypatch, step):
    path, checkpoint = saved
    monkeypatch.setattr(os, step, failing)
    with pytest.raises(InputError, match="No space left on device; make room") as error:
        save_weights(path, new_checkpoint(seed=8))
    monkeypatch.undo()
    assert str(path) in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert os.listdir(path.parent) == [path.name]
    assert_same(load(path), checkpoint)


WRITER = """
import resource, signal, sys
from dataclasses import replace
from lstm.storage import imported
from lstm.storage.checkpoint import save_weights
path, limit = sys.argv[1], int(sys.argv[2])
checkpoint = imported.load(path)
checkpoint.model.parameters.flat[:] += 1
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    save_weights(path, replace(checkpoint, epoch=4))
except ValueError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@pytest.mark.parametrize("limit, written", [(2000, False), (10**6, True)])
def test_a_file_that_the_system_does_not_let_grow_leaves_the_old_one(saved, limit, written):
    path, checkpoint = saved
    assert path.stat().st_size > 2000
    ended = subprocess.run([sys.executable, "-c", WRITER, path, str(limit)], capture_output=True, text=True)
    assert os.listdir(path.parent) == [path.name]
    if written:
        assert (ended.returncode, ended.stderr) == (0, "")
        assert load(path).epoch == 4
    else:
        assert ended.returncode == 1
        assert re.fullmatch(f"InputError: cannot write {re.escape(str(path))}: .*\n", ended.stderr)
        assert_same(load(path), checkpoint)


def test_the_old_file_is_whole_at_any_moment_of_writing_the_new(saved, monkeypatch):
    path, checkpoint = saved
    seen = []
    for step in ("fsync", "replace"):
        real = getattr(os, step)
        monkeypatch.setattr(os, step, lambda *given, real=real: (seen.append(load(path).epoch), real(*given)))
    save_weights(path, Checkpoint(checkpoint.model, VOCABULARY, epoch=9))
    assert seen[:2] == [3, 3] and set(seen[2:]) <= {9}  # after the rename the directory is flushed
    assert load(path).epoch == 9


@pytest.mark.parametrize("place", ["missing/weights.1.h5", "file/weights.1.h5"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=f"^cannot write {re.escape(str(tmp_path / place))}: .*; "):
        save_weights(tmp_path / place, new_checkpoint())
    assert os.listdir(tmp_path) == ["file"]


def test_a_directory_in_the_place_of_the_file_stays(tmp_path):
    path = tmp_path / "weights.1.h5"
    path.mkdir()
    (path / "mine").touch()
    with pytest.raises(InputError, match="^cannot write"):
        save_weights(path, new_checkpoint())
    assert os.listdir(tmp_path) == ["weights.1.h5"]
    assert os.listdir(path) == ["mine"]
