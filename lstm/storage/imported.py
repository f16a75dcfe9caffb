"""A model that PyTorch saved, read: the state_dict of an Embedding, an LSTM and a Linear, .safetensors or .pt.

The architecture follows from the shapes. Files are untrusted: nothing in one is executed, and what is another network
than ours is refused by name.
"""

import io
import json
import re
from pathlib import Path

import numpy as np

from lstm import kernels
from lstm.io import InputError
from lstm.io.files import read_bytes
from lstm.io.hdf5 import Remedied, require
from lstm.model import CharRNN, Config
from lstm.parameters import Parameters
from lstm.storage.checkpoint import Checkpoint, keras_vocabulary
from lstm.storage.exported import BESIDE, require_installed
from lstm.vocabulary import Vocabulary


def imported(path, vocabulary_file=None, backend=kernels):
    """The Checkpoint in a state_dict; its precision is the file's, and its modules may have any names.

    vocabulary_file: a char_to_idx.json; without one, the vocabulary that our own .safetensors carries, or that stands
    beside our own .pt. Raises InputError for a file that cannot be read, or that is another network.
    """
    image, is_pt = read_bytes(path), Path(path).name.endswith(".pt")
    try:
        weights, facts = (from_pt(image), {}) if is_pt else from_safetensors(image)
        config, arrays = in_our_layout(weights)
        if vocabulary_file is None and "vocabulary" in facts:
            vocabulary, V = Vocabulary(str(facts["vocabulary"])), config.vocabulary
            require(len(vocabulary) == V, f"it has {V} characters, and names {len(vocabulary)}")
        else:
            vocabulary = keras_vocabulary(vocabulary_file or f"{path}{BESIDE}", config)
        parameters = Parameters(config.shapes, max(array.dtype for array in arrays))
        for name, array in zip(parameters, arrays, strict=True):
            require(np.isfinite(array).all(), f"{name} has values that are not finite", "train again")
            parameters[name] = array
    except Remedied as error:
        raise InputError(f"cannot use {path}: {error}") from error
    except InputError as error:
        remedy = "it must be a state_dict of an Embedding, one LSTM and a Linear"
        raise InputError(f"cannot use {path}: {error}; {remedy}") from error
    return Checkpoint(CharRNN(config, parameters, backend), vocabulary, abc=bool(facts.get("abc", True)))


def from_safetensors(image):
    """(name -> array, what `about` says, {} for a file that is not ours) of the bytes of a .safetensors file."""
    require_installed("safetensors", ".safetensors")
    from safetensors import SafetensorError, deserialize

    try:
        tensors = deserialize(image)
    except SafetensorError as error:
        raise Remedied(f"it is no whole .safetensors file ({error}); copy it again") from error
    weights = {name: from_bytes(name, **tensor) for name, tensor in tensors}
    header = json.loads(image[8 : 8 + int.from_bytes(image[:8], "little")])  # which the library has checked
    try:
        facts = json.loads(header.get("__metadata__", {}).get("about", "{}"))
    except (ValueError, RecursionError):
        facts = {}
    return weights, facts if isinstance(facts, dict) else {}


def from_bytes(name, shape, dtype, data):
    """An array of a .safetensors file."""
    kinds = {"F32": "<f4", "F64": "<f8"}
    require(dtype in kinds, f"{name} holds {dtype}, not F32 or F64", "save it as float32")
    return np.frombuffer(data, kinds[dtype]).reshape(shape)


def from_pt(image):
    """Name -> array of the bytes of a .pt file. Nothing in it is executed."""
    require_installed("torch", ".pt")
    import torch

    remedy = "save a model's state_dict() with torch.save"
    try:
        weights = torch.load(io.BytesIO(image), map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind: what a damaged file does to a library
        raise Remedied(f"it is no whole .pt file, or has more than tensors in it; {remedy}") from error
    require(isinstance(weights, dict), "it is not one of tensors by their names", remedy)
    for name, tensor in weights.items():
        require(isinstance(name, str) and isinstance(tensor, torch.Tensor), f"its {name!r} is no tensor", remedy)
        kinds = torch.float32, torch.float64
        require(tensor.dtype in kinds, f"{name} holds {tensor.dtype}, not float32 or float64", "save it as float32")
    return {name: tensor.detach().numpy() for name, tensor in weights.items()}


def in_our_layout(weights):
    """Name -> array of a state_dict -> (Config, its arrays in our order and layout): `state_dict` backwards."""
    names = {name: re.fullmatch(r"(.*?)((?:weight|bias)_\w\w_l\d+.*)", name) for name in weights}
    lstm = {match[2]: weights[name] for name, match in names.items() if match}
    others = {name: weights[name] for name, match in names.items() if not match}
    prefixes = {match[1] for match in names.values() if match}
    require(len(prefixes) == 1, f"it has {len(prefixes)} modules with the arrays of an LSTM")
    L = sum(bool(re.fullmatch(r"weight_ih_l\d+", name)) for name in lstm)
    kinds = ("weight", "bias") if "bias_ih_l0" in lstm else ("weight",)
    wanted = [f"{kind}_{of}_l{n}" for n in range(L) for kind in kinds for of in ("ih", "hh")]
    odd = sorted(set(wanted) ^ lstm.keys())
    require(L and not odd, f"its LSTM is bidirectional, projected or not whole: {', '.join(odd[:3])}")
    (gates, H), (_, E) = matrix(lstm, "weight_hh_l0"), matrix(lstm, "weight_ih_l0")
    named = {H: "a plain RNN", 3 * H: "a GRU"}
    require(gates not in named, f"it is {named.get(gates)}, not an LSTM")
    biases = [name for name in others if others[name].ndim == 1]
    dense = biases[0].removesuffix("bias") + "weight" if biases else ""
    shapes = ", ".join(f"{name} {array.shape}" for name, array in sorted(others.items()))
    require(len(others) == 3 and dense in others, f"beside the LSTM it has {shapes or 'nothing'}")
    (embedding,) = others.keys() - {dense, *biases}
    arrays = [others[embedding]]
    for n in range(L):
        zero = np.zeros(gates, lstm["weight_hh_l0"].dtype)
        bias = lstm.get(f"bias_ih_l{n}", zero) + lstm.get(f"bias_hh_l{n}", zero)
        arrays += [lstm[f"weight_ih_l{n}"].T, lstm[f"weight_hh_l{n}"].T, bias]
    arrays += [others[dense].T, others[biases[0]]]
    config = Config(matrix(others, dense)[0], E, H, L, dropout=0.0)
    for (name, shape), array in zip(config.shapes.items(), arrays, strict=True):
        require(array.shape == shape, f"what would be {name} has shape {array.shape}, not {shape}")
    return config, arrays


def matrix(weights, name):
    """The shape of an array that must be a matrix."""
    require(weights[name].ndim == 2, f"{name} has shape {weights[name].shape}, and is no matrix")
    return weights[name].shape
