"""Models that PyTorch saved, read: the state_dict of an Embedding, an LSTM and a Linear, .safetensors or .pt.

The modules may have any names. Nothing in a file is executed, and what is another network than ours is refused by name.
"""

import io
import json
import re
import warnings

import numpy as np

from lstm.io import Remedied, require
from lstm.storage.exported import require_installed
from lstm.storage.keras_files import SPARE, Arrays


def from_safetensors(image):
    """(name -> array, what `about` says, {} for a file that is not ours) of the bytes of a .safetensors file."""
    require_installed("safetensors", ".safetensors")
    from safetensors import SafetensorError, deserialize

    try:
        tensors = deserialize(image)
    except SafetensorError as error:
        what = str(error)[:100]  # because the library's words may have the whole header in them
        raise Remedied(f"it is no whole .safetensors file ({what}); copy it again") from error
    weights = {name: from_bytes(name, **tensor) for name, tensor in tensors}
    header = json.loads(image[8 : 8 + int.from_bytes(image[:8], "little")])  # which the library has checked
    try:
        facts = json.loads(header.get("__metadata__", {}).get("about", "{}"))
    except (ValueError, RecursionError):
        facts = {}
    return weights, facts if isinstance(facts, dict) else {}


def from_bytes(name, shape, dtype, data):
    """An array of a .safetensors file."""
    kinds = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
    require(dtype in kinds, f"{name} holds {dtype}, not F16, F32 or F64", "save it as float32")
    return np.frombuffer(data, kinds[dtype]).reshape(shape)


def from_pt(image):
    """Name -> array of the bytes of a .pt file. Nothing in it is executed."""
    require_installed("torch", ".pt")
    import torch

    remedy = "save a model's state_dict() with torch.save"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it cannot read is refused below in a line
            weights = torch.load(io.BytesIO(image), map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind: what a damaged file does to a library
        raise Remedied(f"it is no whole .pt file, or has more than tensors in it; {remedy}") from error
    require(isinstance(weights, dict), "it is not one of tensors by their names", remedy)
    inner = [name for name, value in weights.items() if isinstance(value, dict)]
    require(not inner, f"it is a whole checkpoint, with {inner[:1]} in it", "save that one alone, by torch.save")
    kinds = torch.float16, torch.float32, torch.float64
    for name, tensor in weights.items():
        require(isinstance(name, str) and isinstance(tensor, torch.Tensor), f"its {name!r} is no tensor", remedy)
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_nested
        require(plain, f"{name} is no ordinary tensor", "save it as one")
        no_weight = f"{name} holds {tensor.dtype}, which is no weight"
        require(tensor.dtype.is_floating_point, no_weight, "leave it out of the state_dict")
        require(tensor.dtype in kinds, f"{name} holds {tensor.dtype}, not one of {kinds}", "save it as float32")
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in weights.values())
    require(claimed <= 2 * len(image) + SPARE, "its tensors claim to hold more than there is", remedy)  # 2: tied ones
    return {name: tensor.detach().resolve_neg().numpy() for name, tensor in weights.items()}


def network_of(weights):
    """The Arrays of name -> array of a state_dict: `exported.state_dict` backwards."""
    names = {name: re.fullmatch(r"(.*?)((?:weight|bias)_\w\w_l\d+.*)", name) for name in weights}
    lstm = {match[2]: weights[name] for name, match in names.items() if match}
    others = {name: weights[name] for name, match in names.items() if not match}
    prefixes = {match[1] for match in names.values() if match}
    one = "it must have one torch.nn.LSTM, with num_layers"
    require(len(prefixes) == 1, f"it has {len(prefixes)} modules with the arrays of an LSTM", one)
    L = sum(bool(re.fullmatch(r"weight_ih_l\d+", name)) for name in lstm)
    kinds = ("weight", "bias") if "bias_ih_l0" in lstm else ("weight",)
    wanted = [f"{kind}_{of}_l{n}" for n in range(L) for kind in kinds for of in ("ih", "hh")]
    odd = sorted(set(wanted) ^ lstm.keys())
    require(L and not odd, f"its LSTM is bidirectional, projected or not whole: {', '.join(odd[:3])}")
    recurrent = lstm["weight_hh_l0"]
    require(recurrent.ndim == 2, f"weight_hh_l0 has shape {recurrent.shape}, and is no matrix")
    gates, H = recurrent.shape
    for name, array in lstm.items():
        fits = name.startswith("weight") or array.shape == (gates,)
        require(fits, f"{name} has shape {array.shape}, not {(gates,)}")
    named = {H: "a plain RNN", 3 * H: "a GRU"}
    require(gates not in named, f"it is {named.get(gates)}, not an LSTM")
    biases = [name for name in others if others[name].ndim == 1]
    dense = biases[0].removesuffix("bias") + "weight" if biases else ""
    shapes = ", ".join(f"{name} {array.shape}" for name, array in sorted(others.items()))
    fits = len(biases) == 1 and dense in others and len(others) <= 3
    require(fits, f"beside the LSTM it has {shapes or 'nothing'}", "it must have an Embedding and one Linear")
    embeddings = [others[name] for name in others.keys() - {dense, *biases}]
    one_hot = np.eye(lstm["weight_ih_l0"].shape[-1], dtype=np.float32)  # what reads one-hot vectors has no embedding

    def layer(n):
        zero = np.zeros(gates, recurrent.dtype)
        both = lstm.get(f"bias_ih_l{n}", zero), lstm.get(f"bias_hh_l{n}", zero)
        bias = np.add(*both, dtype=np.result_type(zero, np.float32))  # float16 would round the sum
        return lstm[f"weight_ih_l{n}"].T, lstm[f"weight_hh_l{n}"].T, bias

    return Arrays(*embeddings or [one_hot], [layer(n) for n in range(L)], (others[dense].T, others[biases[0]]))
