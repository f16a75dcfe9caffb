"""Models that Keras saved, read: its HDF5 files of weights or of whole models, .weights.h5, and .keras.

Keras 2 lists its layers in attributes: `layer_names`, and of each its `weight_names`. Keras 3 has a group for each,
numbered by kind (`lstm`, `lstm_1`), and a .keras is a ZIP archive of that and of config.json. Nothing in a file is
executed: what it says of the model is only compared with our network, and refused by name where it is another one.
"""

import io
import re
import zipfile
import zlib
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np

from lstm import cell
from lstm.io import InputError, require
from lstm.io.hdf5 import attribute, child, parsed
from lstm.io.hdf5_format import Array, File, Group, Malformed
from lstm.layers import LSTM, Dense, Embedding

ZIP = b"PK"  # how an archive begins
SIGMOID, HARD_SIGMOID = "sigmoid", "hard_sigmoid"
MOST_CONFIG, MOST_CONFIG_DEPTH = 2**20, 40  # of the JSON that says what a model is
CONTAINERS = "layers", "_layer_checkpoint_dependencies"  # where Keras 3 and the last Keras 2 have the layers
MOST_NESTED = 6  # groups within a layer
SPARE = 2**22  # bytes that an archive may hold beside its own size, because JSON is packed well


class Arrays(NamedTuple):
    """The arrays of a network. Those of an HDF5 file may not have been read: they have a shape, a dtype and `read`."""

    embedding: object  # (V, E)
    lstm: list  # of each layer its kernel, recurrent kernel and bias
    dense: tuple  # its kernel and bias


class Found(NamedTuple):
    """What a file by another program holds."""

    network: Arrays
    recurrent_activation: str | None  # SIGMOID or HARD_SIGMOID; None where the file does not say
    version: tuple | None  # of Keras, such as (2, 2, 4); None where the file does not say


# -- the files


def from_hdf5(root):
    """The Found in an HDF5 file of Keras, by its root."""
    names, version, activation = root.attributes.keys(), version_in(root), None
    if "model_config" in names:  # of a whole saved model
        activation = activation_in(parsed_config(attribute(root, "model_config", str)))
    whole = "model_weights" in root.members
    if whole or {"layer_names", "layer_names0"} & names:
        listed = child(root, "model_weights", Group) if whole else root
        return Found(network_of(layers_by_name(listed)), activation, version)
    container = next((name for name in CONTAINERS if name in root.members), None)
    require(container or "vars" in root.members, "it has neither the layers of Keras nor weights of ours")
    version = version or ((2, 15) if container == CONTAINERS[1] else (3,))
    layers = layers_by_kind(root)  # a model that is a class of its own has its attributes here
    if container:
        layers += layers_by_kind(child(root, container, Group))
    refuse_unknown_order(layers)
    return Found(network_of(layers), activation, version)


def from_keras(archive):
    """The Found in the archive of a .keras file."""
    names = "config.json", "metadata.json", "model.weights.h5"
    missing = [name for name in names if name not in archive.namelist()]
    require(not missing, f"it is a ZIP archive, and has no {', '.join(missing)}")
    config, metadata, weights = map(archive.read, names)
    said = parsed_config(metadata.decode("utf-8", "replace"))
    version = numbers_in(said.get("keras_version") if isinstance(said, dict) else None)
    activation = activation_in(parsed_config(config.decode("utf-8", "replace")))
    return Found(from_hdf5(File(weights).root).network, activation, version or (3,))


@contextmanager
def archive_in(image):
    """The ZIP archive in bytes. Raises InputError where a member does not fit its checksum, or is far too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(image)) as archive:
            size = sum(info.file_size for info in archive.infolist())
            require(size <= len(image) + SPARE, f"unpacked it would be {size:,} bytes, which is too many")
            usual = all(info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in archive.infolist())
            require(usual, "it is packed in an unusual way", "pack it again as .zip files are")
            damaged = archive.testzip()
            require(damaged is None, f"its part {damaged!r:.80} is not as it was written", kind=Malformed)
            yield archive
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise Malformed(f"it cannot be unpacked ({error})") from error


def version_in(root):
    """The version of Keras that a file says, None where it does not."""
    return numbers_in(attribute(root, "keras_version", str)) if "keras_version" in root.attributes else None


def numbers_in(version):
    """"2.2.4-tf" as (2, 2, 4); None for what is no version."""
    found = re.match(r"\d{1,4}(\.\d{1,4}){0,2}", version) if isinstance(version, str) else None
    return tuple(map(int, found[0].split("."))) if found else None


def parsed_config(text):
    """The value of a text of JSON that says what a model is."""
    require(len(text) <= MOST_CONFIG, f"what it says of the model has {len(text):,} characters")
    try:
        return parsed(text, MOST_CONFIG_DEPTH)
    except ValueError as error:
        raise Malformed(f"what it says of the model cannot be read as JSON: {error}") from None


# -- the arrays


def layers_by_name(root):
    """(name, arrays) of each layer that has any, in the order that Keras gives them."""
    layers = []
    for layer in names_in(root, "layer_names"):
        group = child(root, layer, Group)
        arrays = [child(group, name, Array) for name in names_in(group, "weight_names")]
        layers += [(layer, arrays)] if arrays else []
    return layers


def names_in(group, which):
    """The names in an attribute, each once. Keras cuts a list that is too long for one: `weight_names0` and so on."""
    cut = [f"{which}{number}" for number in range(len(group.attributes))]
    # where there is none of these names, the complaint is to be about the usual one
    parts = [which] if which in group.attributes else [part for part in cut if part in group.attributes]
    names = [name for part in parts or [which] for name in attribute(group, part, list)]
    require(all(isinstance(name, str) for name in names), f"its attribute {which!r} has something that is not a name")
    require(len({*names}) == len(names), f"its attribute {which!r} has a name twice")
    return names


def layers_by_kind(container):
    """(name, arrays) of each group that has any, but for containers; lstm_10 comes after lstm_9."""
    names = sorted(container.members.keys() - {*CONTAINERS}, key=by_number)
    layers = [(name, [*arrays_in(container, name)]) for name in names]
    return [(name, arrays) for name, arrays in layers if arrays]


def refuse_unknown_order(layers):
    """Refuse LSTM layers of two names: they are numbered by the kind, so nothing says which is first."""
    names = [name for name, arrays in layers if kind_of([array.shape or () for array in arrays]) is LSTM]
    one = len({re.sub(r"_\d+$", "", name) for name in names}) < 2
    unknown = f"its LSTM layers are {', '.join(map(repr, names[:5]))}, and it does not say which is first"
    require(one, unknown, "save the whole model as .keras")


def arrays_in(group, name, depth=0):
    """The arrays in a member of a group, those in groups within it too. Neither what draws dropout nor what trains."""
    if name in ("seed_generator", "optimizer") or group.members[name] is None:
        return
    require(depth < MOST_NESTED, "it has groups within groups without end")
    member = group.open(name)
    if isinstance(member, Array):
        yield member
        return
    for inner in sorted(member.members, key=by_number):
        yield from arrays_in(member, inner, depth + 1)


def by_number(name):
    """A key to sort by: names in alphabetical order, but numbers by their size."""
    return [(len(part), part) if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def network_of(layers):
    """The Arrays of (name, arrays) of each layer. Without an embedding it reads one-hot vectors: its rows."""
    kinds = [(kind_of([array.shape or () for array in arrays]), name, arrays) for name, arrays in layers]
    others = [f"{name!r} is {kind}" for kind, name, _ in kinds if kind not in (Embedding, LSTM, Dense)]
    require(not others, f"its layer {', '.join(others[:3])}, which this network does not have")
    of = {kind: [arrays for other, _, arrays in kinds if other is kind] for kind in (Embedding, LSTM, Dense)}
    counts = ", ".join(f"{len(found)} {kind.__name__}" for kind, found in of.items())
    fits = len(of[Embedding]) <= 1 and of[LSTM] and len(of[Dense]) == 1
    require(fits, f"it has {counts}, not one Embedding, LSTM layers and one Dense")
    characters = of[LSTM][0][0].shape[0]
    embedding = of[Embedding][0][0] if of[Embedding] else np.eye(characters, dtype=np.float32)
    return Arrays(embedding, [with_bias(*arrays) for arrays in of[LSTM]], tuple(of[Dense][0]))


def with_bias(kernel, recurrent_kernel, bias=None):
    """The arrays of a layer; where there is no bias, it is 0."""
    return kernel, recurrent_kernel, np.zeros(kernel.shape[1], np.float32) if bias is None else bias


def kind_of(shapes):
    """Embedding, LSTM or Dense, or the name of another layer, by the shapes of its arrays."""
    dimensions = [len(shape) for shape in shapes]
    if dimensions == [2]:
        return Embedding
    if dimensions == [2, 1]:
        return Dense
    if dimensions[:2] == [2, 2] and shapes[1][0]:
        gates = shapes[1][1] / shapes[1][0]
        if len(shapes) == 6:
            return "one of two: a Bidirectional, stacked cells, or a model within the model"
        if gates == 4 and len(shapes) == 2:
            return LSTM  # without bias
        if gates == 4 and len(shapes) == 3:
            kinds = {(shapes[1][1],): LSTM, (2 * shapes[1][1],): "like a CuDNNLSTM"}
            return kinds.get(shapes[2], f"an LSTM whose bias has shape {shapes[2]}")
        if gates in (1, 3):
            return "like a GRU" if gates == 3 else "like a SimpleRNN"
    if dimensions == [1, 1] or dimensions == [1] * 4:
        return "like a normalization"
    return f"one with arrays of shapes {', '.join(map(str, shapes))}"


# -- what Keras says of the model

# What a layer's config may say; the first is what it means where it says nothing.
ALLOWED = {
    "InputLayer": {},
    "Embedding": {"mask_zero": [False]},
    "LSTM": {
        "activation": ["tanh"],
        "recurrent_activation": [SIGMOID, HARD_SIGMOID],
        "use_bias": [True, False],
        "go_backwards": [False],
        "time_major": [False],
        "zero_output_for_mask": [False],
    },
    "Dense": {"activation": ["linear", "softmax", None], "use_bias": [True]},
    "Activation": {"activation": ["linear", "softmax"]},
    "Softmax": {"axis": [-1, 2, [-1]]},
    "Dropout": {},
    "SpatialDropout1D": {},
    "GaussianDropout": {},
    "GaussianNoise": {},
}


def activation_in(model):
    """The recurrent activation of a model, by the config that Keras wrote. Refuses one that is not our network."""
    try:
        kind, config = model["class_name"], model["config"]
        known = kind in ("Sequential", "Functional", "Model")
        remedy = "build it as a Sequential, or save its weights alone"
        require(known, f"it is a model of the kind {kind!r:.60}, not a Sequential", remedy)
        layers = config if isinstance(config, list) else config["layers"]  # a list in the first versions of Keras
        found = [checked(layer) for layer in layers]
        if kind != "Sequential":
            refuse_branches(layers)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise Malformed("what it says of the model is not as Keras writes it") from error
    order = "".join(kind[0] for kind, _ in found if kind in ("Embedding", "LSTM", "Dense"))
    require(re.fullmatch("E?L+D", order), "its layers are not an Embedding, LSTM layers and a Dense, in this order")
    dense = [kind for kind, _ in found].index("Dense")
    applied = [kind == "Softmax" or config.get("activation") == "softmax" for kind, config in found]
    require(not any(applied[:dense]), "it applies softmax before its end, which this network does not")
    require(sum(applied[dense:]) <= 1, "it applies softmax twice, which this network does not")
    lstm = [config for kind, config in found if kind == "LSTM"]
    every = all(config.get("return_sequences", False) for config in lstm[:-1])
    require(every, "an LSTM within it has return_sequences=False, so the next one would see its last output alone")
    activations = {config.get("recurrent_activation", SIGMOID) for config in lstm}
    require(len(activations) == 1, "its LSTM layers have two kinds of recurrent_activation")
    return activations.pop()


def checked(layer):
    """(kind, config) of a layer. Refuses what our network does not do."""
    kind, config = layer["class_name"], layer["config"]
    if kind == "TimeDistributed":  # the same layer at each step, as ours is
        return checked(config["layer"])
    require(kind in ALLOWED, f"it has a layer of the kind {kind!r}, which this network does not have")
    for name, values in ALLOWED[kind].items():
        value = config.get(name, values[0])
        known = any(type(value) is type(allowed) and value == allowed for allowed in values)
        found = f"its {kind} {config.get('name')!r} has {name}={value!r:.60}"
        require(known, f"{found}, and this network has {values[0]!r}")
    return kind, config


def refuse_branches(layers):
    """Refuse a model whose layers are not one after the other."""
    for before, layer in zip(layers, layers[1:]):
        sources = [*sources_in(layer["inbound_nodes"])]
        name, expected = layer["name"], before["name"]
        require(sources, f"it has a second input, {name!r}")
        only = f"its layer {name!r} reads {', '.join(map(str, sources))}, and not {expected!r} alone"
        require(sources == [expected], only)


def sources_in(node):
    """The layers whose output an inbound node, of Keras 2 or 3, reads."""
    if isinstance(node, dict):
        if "keras_history" in node:
            yield named_source(node["keras_history"])
        else:
            yield from (name for value in node.values() for name in sources_in(value))
    elif isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str) and all(type(number) is int for number in node[1:3]):
            yield named_source(node)
            node = node[3:]
        yield from (name for value in node for name in sources_in(value))


def named_source(tensor):
    """The layer that a tensor comes from. Its output 0 is what it gives, 1 is h, which are the same; 2 is c."""
    name, _, output = tensor[:3]
    return name if output < 2 else f"{name} (its output {output})"


# -- what it computes


class HardSigmoid:
    """A backend for models whose gates have hard_sigmoid, once the default of Keras: cell.py with that sigmoid.

    It only reads and composes. Keras 2 has min(max(0.2 x + 0.5, 0), 1), Keras 3 a slope of 1/6.
    """

    def __init__(self, version):
        slope = 1 / 6 if version and version >= (3,) else 0.2
        self.forward = partial(cell.forward, sigmoid=lambda x: np.clip(slope * x + 0.5, 0, 1))
        self.sum_by_place, self.dropout = cell.sum_by_place, cell.dropout

    @staticmethod
    def backward(*_):
        """Raises InputError."""
        raise InputError(f"a model with {HARD_SIGMOID} can compose and be measured, not trained")
