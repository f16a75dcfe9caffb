"""Weights files: a model on disk, as Keras reads it too; and which file is meant where the user names none.

A weights file has the layout of Keras's HDF5 weight files: the root attribute `layer_names`, a group for each
layer with the attribute `weight_names`, the arrays as datasets. Root attributes of ours make it sufficient for
sampling: `format_version`, `config`, `vocabulary`, `epoch`, `losses`, `abc`, `headers`, `digest`.

Files are untrusted: shapes and types are checked against the config before anything is allocated, every attribute has
a type and a range, a digest tells other weights from these, and hdf5.py guards the file itself.
"""

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm import kernels
from lstm.io import InputError, places
from lstm.io.files import is_there, names_in, read_text
from lstm.io.hdf5 import (
    Remedied,
    attribute,
    check_floats,
    child,
    json_attribute,
    names_as_bytes,
    new_file,
    open_file,
    parsed,
    require,
)
from lstm.io.hdf5_format import MOST_TEXT, Array, Group
from lstm.model import CharRNN, Config
from lstm.notation.header import MOST, Headers
from lstm.parameters import Parameters
from lstm.training import best
from lstm.vocabulary import Vocabulary

FORMAT_VERSION = 1
BEST = "best"  # what the user says for the epoch with the lowest loss
NOT_WEIGHTS = "not one of weights for this program: train or copy it again"
DAMAGED = "the file is damaged: train or copy it again"
MOST_HEADERS = 2**20  # characters of JSON: MOST values of MOST characters for three fields
LAST_EPOCH = 10**9


@dataclass(frozen=True, repr=False)
class Checkpoint:
    """A model as it was at the end of an epoch, and what it knows of the text it learnt."""

    model: CharRNN
    vocabulary: Vocabulary
    epoch: int = 0
    losses: dict = None  # "loss" and "val_loss", nats per character
    abc: bool = True  # whether the text was ABC tunes, so that it can be asked for whole tunes
    headers: Headers = Headers()  # what was usual in those of its tunes
    remarks: tuple = ()  # for the user, on the file that it comes from

    def __post_init__(self):
        self.model.check_vocabulary(self.vocabulary)

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
    with open_file(path, NOT_WEIGHTS) as (root, sealed):
        remarks = () if sealed else (f"{path} has no checksum, as files of Keras: if it is damaged, it may not show",)
        layers = keras_layers(root)
        config = config_of(layers)
        if not sealed and "format_version" not in root.attributes:  # Keras's
            vocabulary = keras_vocabulary(vocabulary_file, config)
            return Checkpoint(read_model(config, layers, backend), vocabulary, remarks=remarks)
        require_version(root)
        said = config_in(root)
        sizes = replace(said, dropout=0.0, input_dropout=0.0, recurrent_dropout=0.0)
        require(sizes == config, f"arrays of {config}, but its config says {said}")
        vocabulary = json_attribute(root, "vocabulary", MOST_TEXT)
        require(isinstance(vocabulary, str), "its vocabulary is not a text")
        vocabulary = Vocabulary(vocabulary)
        require(said.vocabulary == len(vocabulary), f"{said.vocabulary} characters, and names {len(vocabulary)}")
        knows = epoch_in(root), losses_in(root), attribute(root, "abc", bool), headers_in(root), remarks
        model = read_model(said, layers, backend)
        fits = attribute(root, "digest", str) == digest(model.parameters)
        require(fits, "the digest does not match the weights", None if sealed else DAMAGED)
        return Checkpoint(model, vocabulary, *knows)


def config_in(root):
    """The Config in a file; rates of before there were some are 0."""
    said, known = json_attribute(root, "config"), {field.name for field in fields(Config)}
    fits = isinstance(said, dict) and "vocabulary" in said
    require(fits, "its config is not that of a model")
    require(said.keys() <= known, f"its config has {', '.join(map(repr, said.keys() - known))}")
    return Config(**said)


def epoch_in(root):
    """The epoch that a file is of."""
    epoch = attribute(root, "epoch", int)
    require(0 <= epoch <= LAST_EPOCH, f"its epoch is {epoch}, not a number from 0 to {LAST_EPOCH:,}")
    return epoch


def losses_in(root):
    """The losses in a file, or what stands there if it keeps none. Only a validation loss may be NaN."""
    losses = json_attribute(root, "losses")
    kept = isinstance(losses, dict) and losses.keys() == {"loss", "val_loss"}
    fits = kept and all(isinstance(loss, float) and not math.isinf(loss) for loss in losses.values())
    require(losses in (None, {}) or (fits and not math.isnan(losses["loss"])), "its losses are not two finite numbers")
    return losses


def headers_in(root):
    """The Headers in a file; the default ones in a file of before there were any."""
    if "headers" not in root.attributes:
        return Headers()
    said, complaint = json_attribute(root, "headers", MOST_HEADERS), "what it says of headers is not that"
    require(isinstance(said, dict) and said.keys() == {"order", "gap", "heard"}, complaint)
    order, heard = said["order"], said["heard"]
    require(isinstance(heard, dict) and heard.keys() == {*"RMK"}, complaint)
    require(all(isinstance(values, list) and len(values) <= MOST for values in heard.values()), complaint)
    texts = [order, *(value for values in heard.values() for value in values)]
    fits = all(isinstance(text, str) and text.isprintable() and len(text) <= MOST for text in texts)
    require(fits and said["gap"] in ("", " "), complaint)
    return Headers(**said)


def require_version(root):
    """Refuse a file that another version of this format wrote."""
    version = attribute(root, "format_version", int)
    complaint = f"format version {version}, and this program reads {FORMAT_VERSION}"
    require(version == FORMAT_VERSION, complaint, "train again, or use the version of the program that wrote it")


def keras_layers(root):
    """The arrays of each layer that has any, in the order that Keras gives them."""
    if not {"layer_names", "layer_names0"} & root.attributes.keys():
        root = child(root, "model_weights", Group)  # of a whole saved model
    layers = []
    for layer in keras_names(root, "layer_names"):
        group = child(root, layer, Group)
        arrays = [child(group, name, Array) for name in keras_names(group, "weight_names")]
        layers += [arrays] if arrays else []
    return layers


def keras_names(group, which):
    """The names in an attribute, each once. Keras cuts a list that is too long for one: `weight_names0` and so on."""
    cut = [f"{which}{number}" for number in range(len(group.attributes))]
    parts = [which] if which in group.attributes else [part for part in cut if part in group.attributes]
    names = [name for part in parts or [which] for name in attribute(group, part, list)]
    require(all(isinstance(name, str) for name in names), f"its attribute {which!r} has something that is not a name")
    require(len({*names}) == len(names), f"its attribute {which!r} has a name twice")
    return names


def config_of(layers):
    """The sizes of the model, from the shapes of its arrays; the dropout rates, which have none, as 0."""
    counts = [len(arrays) for arrays in layers]
    expected = [1, *[3] * (len(layers) - 2), 2]
    found = f"layers with {counts} arrays, not those of embedding, LSTMs and dense (1, 3 .. 3, 2)"
    require(len(layers) >= 3 and counts == expected, found)
    shapes = [layers[0][0].shape, layers[1][1].shape]
    require(all(shape and len(shape) == 2 for shape in shapes), f"arrays of shapes {shapes}, not of two dimensions")
    (vocabulary, embedding), (units, _) = shapes
    return Config(vocabulary, embedding, units, len(layers) - 2, dropout=0.0)


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
        require(len(text) <= 1000 + 100 * config.vocabulary, f"{path} is too long", remedy)
        index = parsed(text)
        fits = sorted(index.values()) == list(range(config.vocabulary)) and all(len(name) == 1 for name in index)
    except (ValueError, TypeError, AttributeError):
        fits = False
    require(fits, f"{path} does not number {config.vocabulary} characters from 0", remedy)
    return Vocabulary("".join(sorted(index, key=index.get)))


def read_model(config, layers, backend):
    """The model of that config, its arrays read in order. All are checked before any is read."""
    arrays = [array for layer in layers for array in layer]
    for (name, shape), array in zip(config.shapes.items(), arrays, strict=True):
        check_floats(array, shape, name)
    parameters = Parameters(config.shapes)
    for (name, values), array in zip(parameters.items(), arrays):
        with np.errstate(all="ignore"):  # what is beyond the range of float32 is found in the next line
            values[:] = array.read()
        require(np.isfinite(values).all(), f"{name} has values that are not finite")
    return CharRNN(config, parameters, backend)


def digest(parameters):
    """SHA-256 of the weights: two models with the same digest are the same model."""
    return hashlib.sha256(parameters.flat).hexdigest()


# -- which file is meant


def weights_path(directory, epoch):
    """The weights file of an epoch."""
    return Path(directory) / f"weights.{epoch}.h5"


def epochs(directory):
    """The epochs that have a weights file in a directory, in order."""
    names = [re.fullmatch(r"weights\.([1-9][0-9]*)\.h5", name) for name in names_in(directory)]
    return sorted(int(name[1]) for name in names if name)


class Losses(NamedTuple):
    """The losses of an epoch, as `training.best` compares them."""

    epoch: int
    loss: float
    val_loss: float  # NaN where nothing was held out


def losses_of(directory, epoch):
    """The Losses that a weights file keeps; its arrays are not read. Raises InputError for a file without them."""
    with open_file(weights_path(directory, epoch), NOT_WEIGHTS) as (root, _):
        kept = "losses" in root.attributes and losses_in(root)
        require(kept, f"it keeps no losses, by which {BEST} is chosen", "name an epoch instead")
        require_version(root)
        return Losses(epoch, **kept)


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
