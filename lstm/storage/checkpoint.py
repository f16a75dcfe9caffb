"""Weights files: a model on disk, as Keras reads it too; and which file is meant where the user names none.

A weights file has the layout of Keras's HDF5 weight files: the root attribute `layer_names`, a group for each
layer with the attribute `weight_names`, the arrays as datasets. Root attributes of ours make it sufficient for
sampling: `format_version`, `config`, `vocabulary`, `epoch`, `losses`, `abc`, `headers`, `digest`.

Files are untrusted: shapes and types are checked against the config before anything is allocated, a digest tells
other weights from these, and hdf5.py guards the file itself.
"""

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from lstm import kernels
from lstm.io import InputError, places
from lstm.io.files import is_there, names_in, read_text
from lstm.io.hdf5 import Remedied, as_text, check_dataset, child, names_as_bytes, new_file, open_file, require
from lstm.model import CharRNN, Config
from lstm.notation.header import MOST, Headers
from lstm.parameters import Parameters
from lstm.training import best
from lstm.vocabulary import Vocabulary

FORMAT_VERSION = 1
BEST = "best"  # what the user says for the epoch with the lowest loss
NOT_WEIGHTS = "the file is damaged or not one of weights: train or copy it again"


@dataclass(frozen=True, repr=False)
class Checkpoint:
    """A model as it was at the end of an epoch, and what it knows of the text it learnt."""

    model: CharRNN
    vocabulary: Vocabulary
    epoch: int = 0
    losses: dict = None  # "loss" and "val_loss", nats per character
    abc: bool = True  # whether the text was ABC tunes, so that it can be asked for whole tunes
    headers: Headers = Headers()  # what was usual in those of its tunes

    def __repr__(self):
        return f"Checkpoint of epoch {self.epoch}: {self.model}"

    @property
    def weights(self):
        """Name -> array of every parameter, such as "lstm_1/kernel" (E, 4H). Writing to an array changes the model."""
        return dict(self.model.parameters.items())


def save_weights(path, checkpoint):
    """Write a checkpoint's weights file: whole or, if that fails (InputError), not at all."""
    parameters = checkpoint.model.parameters
    layers = {}
    for name in parameters:
        layers.setdefault(name.split("/")[0], []).append(name)
    with new_file(path) as file:
        # Keras asks for these two; they name a backend that it knows, and the last version that wrote this layout
        file.attrs.update({"layer_names": names_as_bytes(layers), "backend": "numpy", "keras_version": "2.15.0"})
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["config"] = json.dumps(asdict(checkpoint.model.config))
        file.attrs["vocabulary"] = json.dumps(checkpoint.vocabulary.characters)
        file.attrs["epoch"] = checkpoint.epoch
        file.attrs["losses"] = json.dumps(checkpoint.losses)
        file.attrs["abc"] = checkpoint.abc
        file.attrs["headers"] = json.dumps(asdict(checkpoint.headers))
        file.attrs["digest"] = digest(parameters)
        for layer, names in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = names_as_bytes(name.split("/")[1] for name in names)
            for name in names:
                group[name.split("/")[1]] = parameters[name]


def load_weights(path, vocabulary_file=None, backend=kernels):
    """The Checkpoint in a weights file, ours or one of Keras's.

    vocabulary_file: a char_to_idx.json, needed for files of Keras, which carry no vocabulary.
    Raises InputError for a file that cannot be read, is damaged, or does not fit its own config.
    """
    with open_file(path, NOT_WEIGHTS) as file:
        layers = keras_layers(file)
        config, ours = config_of(layers), "format_version" in file.attrs
        if not ours:
            return Checkpoint(read_model(config, layers, backend), keras_vocabulary(vocabulary_file, config))
        require_version(file)
        said = Config(**json.loads(file.attrs["config"]))
        sizes = replace(said, dropout=0.0, input_dropout=0.0, recurrent_dropout=0.0)
        require(sizes == config, f"arrays of {config}, but its config says {said}")
        vocabulary = Vocabulary(str(json.loads(file.attrs["vocabulary"])))
        require(said.vocabulary == len(vocabulary), f"{said.vocabulary} characters, and names {len(vocabulary)}")
        model = read_model(said, layers, backend)
        require(file.attrs["digest"] == digest(model.parameters), "the digest does not match the weights")
        losses = json.loads(file.attrs["losses"])
        knows = int(file.attrs["epoch"]), losses, bool(file.attrs["abc"]), headers_of(file)
        return Checkpoint(model, vocabulary, *knows)


def headers_of(file):
    """The Headers in a file; the default ones in a file of before there were any."""
    headers = Headers(**json.loads(file.attrs["headers"])) if "headers" in file.attrs else Headers()
    fits = isinstance(headers.order, str) and headers.gap in ("", " ") and {*"RMK"} <= headers.heard.keys()
    values = [value for name in "RMK" for value in headers.heard[name]] if fits else [None]
    fits = all(isinstance(value, str) and value.isprintable() and len(value) <= MOST for value in values)
    require(fits and len(headers.order) <= MOST, "what it says of headers is not that")
    return headers


def require_version(file):
    """Refuse a file that another version of this format wrote."""
    version = file.attrs["format_version"]
    complaint = f"format version {version}, and this program reads {FORMAT_VERSION}"
    require(version == FORMAT_VERSION, complaint, "train again, or use the version of the program that wrote it")


def keras_layers(file):
    """The datasets of each layer that has any, in the order that Keras gives them."""
    root = file if "layer_names" in file.attrs else child(file, "model_weights", h5py.Group)  # a whole saved model
    layers = []
    for layer in root.attrs["layer_names"]:
        group = child(root, as_text(layer), h5py.Group)
        datasets = [child(group, as_text(name), h5py.Dataset) for name in group.attrs["weight_names"]]
        layers += [datasets] if datasets else []
    return layers


def config_of(layers):
    """The sizes of the model, from the shapes of its arrays; the dropout rates, which have none, as 0."""
    counts = [len(datasets) for datasets in layers]
    expected = [1, *[3] * (len(layers) - 2), 2]
    found = f"layers with {counts} arrays, not those of embedding, LSTMs and dense (1, 3 .. 3, 2)"
    require(len(layers) >= 3 and counts == expected, found)
    (vocabulary, embedding), (units, _) = layers[0][0].shape, layers[1][1].shape
    return Config(int(vocabulary), int(embedding), int(units), len(layers) - 2, dropout=0.0)


def keras_vocabulary(path, config):
    """The vocabulary in a char_to_idx.json: an object of character -> id."""
    remedy = "put the char_to_idx.json that it was trained with beside it"
    try:
        found = path and is_there(path)
        require(found, f"it has no vocabulary, and there is no {path or 'char_to_idx.json'} to take it from", remedy)
        text = read_text(path)
    except InputError as error:  # of the other file, with its own remedy
        raise Remedied(str(error)) from error
    try:
        index = json.loads(text)
        fits = sorted(index.values()) == list(range(config.vocabulary)) and all(len(name) == 1 for name in index)
    except (ValueError, TypeError, AttributeError, RecursionError):
        fits = False
    require(fits, f"{path} does not number {config.vocabulary} characters from 0", remedy)
    return Vocabulary("".join(sorted(index, key=index.get)))


def read_model(config, layers, backend):
    """The model of that config, its arrays read in order. All are checked before any is read."""
    datasets = [dataset for layer in layers for dataset in layer]
    for shape, dataset in zip(config.shapes.values(), datasets, strict=True):
        check_dataset(dataset, shape)
    parameters = Parameters(config.shapes)
    for (name, array), dataset in zip(parameters.items(), datasets):
        with np.errstate(over="ignore"):  # float64 beyond the range of float32 is found in the next line
            array[:] = dataset[()]
        require(np.isfinite(array).all(), f"{name} has values that are not finite")
    return CharRNN(config, parameters, backend)


def digest(parameters):
    """SHA-256 of the weights: two models with the same digest are the same model."""
    return hashlib.sha256(parameters.flat.tobytes()).hexdigest()


# -- which file is meant


def weights_path(directory, epoch):
    """The weights file of an epoch."""
    return Path(directory) / f"weights.{epoch}.h5"


def epochs(directory):
    """The epochs that have a weights file in a directory, in order."""
    names = [re.fullmatch(r"weights\.([1-9]\d*)\.h5", name) for name in names_in(directory)]
    return sorted(int(name[1]) for name in names if name)


class Losses(NamedTuple):
    """The losses of an epoch, as `training.best` compares them."""

    epoch: int
    loss: float
    val_loss: float  # NaN where nothing was held out


def losses_of(directory, epoch):
    """The Losses that a weights file keeps; its arrays are not read. Raises InputError for a file without them."""
    with open_file(weights_path(directory, epoch), NOT_WEIGHTS) as file:
        kept = json.loads(file.attrs.get("losses", "null"))
        require(kept, f"it keeps no losses, by which {BEST} is chosen", "name an epoch instead")
        require_version(file)
        loss, val_loss = kept["loss"], kept["val_loss"]
        numbers = isinstance(loss, float) and isinstance(val_loss, float) and math.isfinite(loss)
        require(numbers, f"its losses are {kept}")
        return Losses(epoch, loss, val_loss)


def pretrained():
    """The directory of the weights that ship: a part of the installed package, or model/pretrained of the checkout."""
    installed = Path(__file__).parent.parent / "pretrained"
    return installed if epochs(installed) else places.MODELS / "pretrained"


def find_weights(model_dir, epoch=None):
    """The weights file that was asked for (an epoch or BEST), or the newest of the user's, or the newest that ships."""
    there = epochs(model_dir)
    if not there and Path(model_dir).resolve() == places.MODELS.resolve() and epochs(pretrained()):
        model_dir = pretrained()
        there = epochs(model_dir)
    if not there:
        raise InputError(f"there are no weights in {places.shown(model_dir)}; {places.command('train.py')} makes some")
    if epoch == BEST:
        epoch = best([losses_of(model_dir, number) for number in there]).epoch
    if epoch is not None and epoch not in there:
        has = ", ".join(map(str, there))
        raise InputError(f"there are no weights of epoch {epoch} in {places.shown(model_dir)}; it has epochs {has}")
    return weights_path(model_dir, epoch or there[-1])


def load(path, backend=kernels):
    """The Checkpoint in a weights file. One of Keras's takes its vocabulary from beside it, else from data/."""
    beside = Path(path).parent / places.VOCABULARY.name
    return load_weights(path, beside if is_there(beside) else places.VOCABULARY, backend)
