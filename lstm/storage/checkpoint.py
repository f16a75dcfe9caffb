"""Weights files of this project, which Keras reads too; and which file is meant where the user names none.

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
from lstm.io.files import names_in
from lstm.io.hdf5 import (
    attribute,
    check_floats,
    json_attribute,
    names_as_bytes,
    new_file,
    open_file,
    require,
)
from lstm.io.hdf5_format import MOST_TEXT, Array
from lstm.model import CharRNN, Config
from lstm.notation.header import MOST, Headers
from lstm.parameters import Parameters
from lstm.storage.keras_files import layers_by_name, network_of
from lstm.training import best
from lstm.vocabulary import Vocabulary

FORMAT_VERSION = 1
BEST = "best"  # what the user says for the epoch with the lowest loss
NOT_WEIGHTS = "not one of weights for this program: train or copy it again"
DAMAGED = "the file is damaged: train or copy it again"
MOST_HEADERS = 2**20  # characters of JSON: MOST values of MOST characters for three fields
LAST_EPOCH = 10**9
MOST_WIDENED = 4  # times the numbers in a file that a model of it may have, because its layers differ in width


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


def is_ours(root, sealed):
    """Whether an HDF5 file is a weights file of this project."""
    return sealed or "format_version" in root.attributes


def read_ours(root, sealed, remarks=(), backend=kernels):
    """The Checkpoint in a weights file of ours. Raises InputError if it does not fit its own config or its digest."""
    require_version(root)
    said = config_in(root)
    network = network_of(layers_by_name(root))
    sizes, found = config_of(network), replace(said, dropout=0.0, input_dropout=0.0, recurrent_dropout=0.0)
    require(sizes == found, f"arrays of {sizes}, but its config says {said}")
    vocabulary = json_attribute(root, "vocabulary", MOST_TEXT)
    require(isinstance(vocabulary, str), "its vocabulary is not a text")
    vocabulary = Vocabulary(vocabulary)
    require(said.vocabulary == len(vocabulary), f"{said.vocabulary} characters, and names {len(vocabulary)}")
    knows = epoch_in(root), losses_in(root), attribute(root, "abc", bool), headers_in(root), remarks
    model = CharRNN(said, parameters_of(network, said), backend)
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


# -- a model of the arrays in a file, ours or another one's; they may not have been read


def config_of(network):
    """The Config of some Arrays, from the shapes of its arrays; the dropout rates, which have none, are 0.

    Where layers differ in width, H is that of the widest: `parameters_of` adds cells that are always 0.
    """
    embedding, lstm, dense = network
    matrices = [embedding, *(recurrent_kernel for _, recurrent_kernel, _ in lstm)]
    shapes = [array.shape for array in matrices]
    require(all(shape and len(shape) == 2 for shape in shapes), f"arrays of shapes {shapes}, not of two dimensions")
    (V, inputs), widths = embedding.shape, widths_of(network)
    config = Config(V, inputs, max(widths), len(lstm), dropout=0.0)
    shapes = {"embedding/embedding": (V, inputs)}
    for n, H in enumerate(widths, 1):
        own = (inputs, 4 * H), (H, 4 * H), (4 * H,)
        shapes |= {f"lstm_{n}/{name}": shape for name, shape in zip(("kernel", "recurrent_kernel", "bias"), own)}
        inputs = H
    shapes |= {"dense/kernel": (inputs, V), "dense/bias": (V,)}
    for (name, shape), array in zip(shapes.items(), in_order(network), strict=True):
        check_floats(array, shape, name)
    numbers, own = sum(map(math.prod, config.shapes.values())), sum(map(math.prod, shapes.values()))
    differ = f"its layers have {', '.join(map(str, widths))} cells, which differ too much"
    require(numbers <= MOST_WIDENED * own + 2**20, differ, "this program makes all as wide as the widest")
    return config


def widths_of(network):
    """The number of cells of each LSTM layer."""
    return [recurrent_kernel.shape[0] for _, recurrent_kernel, _ in network.lstm]


def in_order(network):
    """The arrays of a network, in the order of `Config.shapes`."""
    return [network.embedding, *(array for layer in network.lstm for array in layer), *network.dense]


def parameters_of(network, config):
    """The Parameters of Arrays whose shapes `config_of` has checked: float64 where it has some, else float32.

    A cell that a narrower layer lacks has weights of 0 to and from it. So g = 0, its c and h stay 0, and it changes no
    other cell. The gradients of its weights are 0 too, so that it stays so in training.
    """
    arrays = in_order(network)
    double = any(array.dtype.itemsize == 8 for array in arrays)
    parameters = Parameters(config.shapes, np.float64 if double else np.float32)
    for (name, values), array in zip(parameters.items(), arrays, strict=True):
        with np.errstate(all="ignore"):  # what is beyond the range of float32 is found below
            if name.startswith("lstm"):
                values, array = by_gate(values), by_gate(array.read() if isinstance(array, Array) else array)
            values[tuple(map(slice, array.shape))] = array.read() if isinstance(array, Array) else array
        require(np.isfinite(parameters[name]).all(), f"{name} has values that are not finite")
    return parameters


def by_gate(array):
    """(.., 4H) as (.., 4, H)."""
    return array.reshape(*array.shape[:-1], 4, -1)


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
