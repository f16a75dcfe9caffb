"""Models for other programs: PyTorch, Keras 3, ONNX, NumPy. EXCHANGE.md shows how each of them composes with one.

Every format has the gates in an order and the arrays in a layout of its own. Ours are i f g o and x W + h U + b. The
vocabulary always goes along: in what `about` says within the file, or beside a file that has no place for text.
"""

import io
import json
import zipfile
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import h5py
import numpy as np

from lstm.io import InputError
from lstm.io.files import write_bytes
from lstm.io.places import how_to_install
from lstm.layers import LSTM, Dense
from lstm.model import Network
from lstm.storage.checkpoint import by_gate, save_weights
from lstm.storage.keras_files import HARD_SIGMOID, HardSigmoid

BESIDE = ".char_to_idx.json"  # what the name of a vocabulary adds to that of the file it stands beside
ONNX_OPSET, ONNX_IR = 13, 7  # of the year 2020; whatever runs ONNX reads these
ONNX_MOST = 2**31 - 2**20  # bytes of the weights, because a file has less than 2 GB


def about(checkpoint):
    """All of a checkpoint but its arrays, as JSON. One text, because some formats shuffle several."""
    facts = {"vocabulary": checkpoint.vocabulary.characters, "config": asdict(checkpoint.model.config)}
    facts |= {"epoch": checkpoint.epoch, "losses": checkpoint.losses}
    return json.dumps(facts | {"abc": checkpoint.abc, "headers": asdict(checkpoint.headers)})


def require_installed(library, what):
    """Raise InputError, with the pip command, unless a library is there."""
    if find_spec(library) is None:
        extra = None if library == "torch" else "exchange"  # the extra that has PyTorch is for the tests
        remedy = f"install it with  {how_to_install(library, extra)}"
        raise InputError(f"{what} needs the package {library}: {remedy}")


def refuse_other_gates(checkpoint):
    """Raise InputError for a model whose gates are not those that every format here says or means."""
    if isinstance(checkpoint.model.backend, HardSigmoid):
        raise InputError(f"a model with {HARD_SIGMOID} is not written; only its own program computes what it does")


# -- PyTorch


def state_dict(checkpoint):
    """Name -> array, as a module with torch.nn.Embedding `embedding`, LSTM `lstm` and Linear `dense` has them.

    PyTorch's kernels are ours transposed, and its gates stand in our order. It adds two biases: ours is the first,
    and the second is 0.
    """
    embedding, lstm, dense = checkpoint.model.network
    weights = {"embedding.weight": embedding.embedding}
    for n, layer in enumerate(lstm):
        weights |= {f"lstm.weight_ih_l{n}": layer.kernel.T, f"lstm.weight_hh_l{n}": layer.recurrent_kernel.T}
        weights |= {f"lstm.bias_ih_l{n}": layer.bias, f"lstm.bias_hh_l{n}": np.zeros_like(layer.bias)}
    weights |= {"dense.weight": dense.kernel.T, "dense.bias": dense.bias}
    # note: of an array that is a view with other strides, safetensors would write the bytes in the wrong order
    return {name: array.copy() for name, array in weights.items()}


def as_safetensors(checkpoint):
    """The bytes of a .safetensors file: the state_dict, and `about` in its metadata."""
    require_installed("safetensors", ".safetensors")
    from safetensors.numpy import save

    return save(state_dict(checkpoint), {"about": about(checkpoint)})


def as_pt(checkpoint):
    """The bytes of a .pt file: the state_dict and nothing else, because all its keys are to be loaded."""
    require_installed("torch", ".pt")
    import torch

    image = io.BytesIO()
    torch.save({name: torch.from_numpy(array) for name, array in state_dict(checkpoint).items()}, image)
    return image.getvalue()


# -- Keras 3


def as_keras_weights(checkpoint):
    """The bytes of a .weights.h5 file, for a model of Embedding, LSTM layers and Dense; Dropout has no weights."""
    embedding, lstm, dense = narrowed(checkpoint.model.network)
    arrays = {"": [], "layers/embedding": [embedding.embedding], "layers/dense": [dense.kernel, dense.bias]}
    for n, layer in enumerate(lstm):
        name = f"layers/{numbered('lstm', n)}"
        arrays |= {name: [], f"{name}/cell": [layer.kernel, layer.recurrent_kernel, layer.bias]}
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        for name, own in arrays.items():
            variables = file.create_group(f"{name}/vars")  # before 3.6 Keras asks for those without arrays too
            for n, array in enumerate(own):
                variables[str(n)] = array
    return image.getvalue()


def narrowed(network):
    """The Network without the cells that `checkpoint.parameters_of` added to layers that were narrower.

    They are the last ones, and all their weights are 0, those to them and those from them.
    """
    above = [layer.kernel for layer in network.lstm[1:]] + [network.dense.kernel]  # what reads each layer's output
    lstm, inputs = [], network.lstm[0].kernel.shape[0]
    for layer, reader in zip(network.lstm, above, strict=True):
        kernel, recurrent_kernel, bias = map(by_gate, (layer.kernel, layer.recurrent_kernel, layer.bias))  # (.., 4, H)
        used = kernel.any(axis=(0, 1)) | recurrent_kernel.any(axis=(0, 1)) | bias.any(axis=0)
        used |= layer.recurrent_kernel.any(axis=1) | reader.any(axis=1)
        H = max(np.flatnonzero(used), default=0) + 1
        own = kernel[:inputs, :, :H], recurrent_kernel[:H, :, :H], bias[:, :H]
        lstm.append(LSTM(*(array.reshape(*array.shape[:-2], 4 * H) for array in own)))
        inputs = H
    return Network(network.embedding, lstm, Dense(network.dense.kernel[:inputs], network.dense.bias))


def numbered(name, n):
    """As Keras calls the layers of one kind: lstm, lstm_1, lstm_2, .."""
    return f"{name}_{n}" if n else name


def keras_config(checkpoint):
    """The model as Keras writes it down: what is not said is as it is by default in every Keras 3."""
    (V, E), dtype = checkpoint.model.network.embedding.embedding.shape, checkpoint.model.parameters.flat.dtype.name

    def layer(kind, **config):
        return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}

    layers = [layer("InputLayer", batch_shape=[None, None], dtype="int32", name="input_layer")]
    layers.append(layer("Embedding", name="embedding", dtype=dtype, input_dim=V, output_dim=E))
    for n, lstm in enumerate(narrowed(checkpoint.model.network).lstm):
        how = {"return_sequences": True, "activation": "tanh", "recurrent_activation": "sigmoid"}
        layers.append(layer("LSTM", name=numbered("lstm", n), dtype=dtype, units=len(lstm.recurrent_kernel), **how))
        rate = checkpoint.model.config.dropout
        layers.append(layer("Dropout", name=numbered("dropout", n), dtype=dtype, rate=rate))
    layers.append(layer("Dense", name="dense", dtype=dtype, units=V, activation="linear"))
    config = {"name": "sequential", "layers": layers, "build_input_shape": [None, None]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def as_keras(checkpoint):
    """The bytes of a .keras file: the config and the weights of a Sequential model, from ids (B, T) to logits."""
    image = io.BytesIO()
    with zipfile.ZipFile(image, "w") as file:  # the time of a member is 1980 unless said: same model, same bytes
        file.writestr(zipfile.ZipInfo("metadata.json"), json.dumps({"keras_version": "3.0.0"}))
        file.writestr(zipfile.ZipInfo("config.json"), json.dumps(keras_config(checkpoint)))
        file.writestr(zipfile.ZipInfo("model.weights.h5"), as_keras_weights(checkpoint))
    return image.getvalue()


# -- ONNX


def as_onnx(checkpoint):
    """The bytes of an .onnx file: ids (T, B), h0 and c0 (L, B, H) -> logits (T, B, V), hn, cn; `about` in its metadata.

    All is float32, because onnxruntime has no LSTM in float64.
    """
    require_installed("onnx", ".onnx")
    from onnx import TensorProto, helper, numpy_helper

    config, size = checkpoint.model.config, 4 * checkpoint.model.parameters.flat.size
    if size > ONNX_MOST:
        raise InputError(f".onnx holds less than 2 GB, and the weights are {size:,} bytes; choose .safetensors")
    nodes, constants = onnx_graph(checkpoint.model.network)
    shapes = dict.fromkeys(("h0", "c0", "hn", "cn"), (config.layers, "B", config.units))
    shapes |= {"ids": ("T", "B"), "logits": ("T", "B", config.vocabulary)}

    def described(name):
        kind = TensorProto.INT64 if name == "ids" else TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, shapes[name])

    graph = helper.make_graph(
        [helper.make_node(kind, inputs, outputs, **how) for kind, inputs, outputs, how in nodes],
        "char_rnn",
        [described(name) for name in ("ids", "h0", "c0")],
        [described(name) for name in ("logits", "hn", "cn")],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", ONNX_OPSET)], ir_version=ONNX_IR)
    helper.set_model_props(model, {"about": about(checkpoint)})
    return model.SerializeToString(deterministic=True)


def onnx_graph(network):
    """(nodes, constants): (operator, inputs, outputs, attributes) of each node in order, and name -> array.

    ONNX has the gates in the order i o f c (c is our g), kernels transposed, and two biases as PyTorch.
    """
    embedding, lstm, dense = network
    constants = {"embedding": embedding.embedding, "kernel": dense.kernel, "bias": dense.bias}
    nodes = [("Gather", ["embedding", "ids"], ["x0"], {})]  # (T, B, E)
    for n, layer in enumerate(lstm):
        W, U, b = map(in_order_of_onnx, (layer.kernel, layer.recurrent_kernel, layer.bias))
        constants |= {f"W{n}": W.T[None], f"R{n}": U.T[None], f"B{n}": np.append(b, np.zeros_like(b))[None]}
        x_h_c, results = [f"x{n}", f"W{n}", f"R{n}", f"B{n}", "", f"h0_{n}", f"c0_{n}"], [f"hn_{n}", f"cn_{n}"]
        nodes += [("Gather", [name, f"layer{n}"], [f"{name}_{n}"], {}) for name in ("h0", "c0")]  # (1, B, H)
        nodes.append(("LSTM", x_h_c, [f"y{n}", *results], {"hidden_size": len(layer.recurrent_kernel)}))
        nodes.append(("Squeeze", [f"y{n}", "axis"], [f"x{n + 1}"], {}))  # (T, 1, B, H) -> (T, B, H)
    for state in ("hn", "cn"):
        nodes.append(("Concat", [f"{state}_{n}" for n in range(len(lstm))], [state], {"axis": 0}))  # (L, B, H)
    nodes.append(("MatMul", [f"x{len(lstm)}", "kernel"], ["product"], {}))
    nodes.append(("Add", ["product", "bias"], ["logits"], {}))
    constants = {name: array.astype(np.float32) for name, array in constants.items()}
    indices = {"axis": 1} | {f"layer{n}": n for n in range(len(lstm))}
    return nodes, constants | {name: np.array([index], np.int64) for name, index in indices.items()}


def in_order_of_onnx(array):
    """Gates i f g o along the last axis -> i o f g."""
    i, f, g, o = np.split(array, 4, axis=-1)
    return np.concatenate([i, o, f, g], axis=-1)


# -- NumPy


def as_npz(checkpoint):
    """The bytes of an .npz file: the arrays by our names, and `about`."""
    image = io.BytesIO()
    np.savez(image, about=about(checkpoint), **dict(checkpoint.model.parameters.items()))
    return image.getvalue()


# -- which of them


FORMATS = {  # how a file's name ends -> what makes its bytes
    ".safetensors": as_safetensors,
    ".pt": as_pt,
    ".weights.h5": as_keras_weights,
    ".keras": as_keras,
    ".onnx": as_onnx,
    ".npz": as_npz,
}
WITHOUT_TEXT = ".pt", ".weights.h5", ".keras"  # so the vocabulary goes beside


def export(checkpoint, path):
    """Write a model in the format that the file's name asks for; `.h5` is ours. Returns the paths that were written.

    Raises InputError for another ending, a library that is missing, and a place that cannot be written.
    """
    name = Path(path).name
    ending = next((ending for ending in FORMATS if name.endswith(ending)), None)
    if ending is None and not name.endswith(".h5"):
        raise InputError(f"{str(path)!r} names no format; it must end with {', '.join(FORMATS)}, or .h5 for our own")
    refuse_other_gates(checkpoint)
    if ending is None:
        save_weights(path, checkpoint)
        return [path]
    data, paths = FORMATS[ending](checkpoint), [path]
    if ending in WITHOUT_TEXT:
        paths.append(Path(path).with_name(name + BESIDE))
        write_bytes(paths[1], json.dumps(checkpoint.vocabulary.index, indent=1).encode())
    write_bytes(path, data)
    return paths
