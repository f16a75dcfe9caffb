"""Write the small files of other programs that tests/test_foreign.py reads, and what their homes compute with them.

    python -m pip install -e ".[peers]" && python tests/foreign/make.py              those of Keras 3 and PyTorch
    python -m pip install tensorflow-cpu==2.15.1 && python tests/foreign/make.py     those of Keras 2

The second needs an environment of its own, of Python 3.9 to 3.11. To be run by hand: tests read only what is there.
verdicts.json says of each file where it comes from, what it is, and whether it is to be read; expected.npz has the
logits that its home gave for `ids`.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np

HERE = Path(__file__).parent
V, E, H = 11, 4, 5
IDS = np.random.default_rng(1).integers(0, V, (12, 3))  # (T, B)
DAMAGED = "damaged|whole"
KERAS = int(keras.__version__.split(".")[0])
layers = keras.layers


# -- the networks of Keras


def rnn(units=H, kind=layers.LSTM, **how):
    return kind(units, return_sequences=True, **how)


def sequential(*middle, head=None, start=None):
    """Layers between an Embedding and a Dense, two LSTMs unless given."""
    middle = middle or (rnn(), layers.Dropout(0.2), rnn(), layers.Dropout(0.2))
    start = start or [layers.Input((None,)), layers.Embedding(V, E)]
    return keras.Sequential([*start, *middle, *(head or [layers.Dense(V)])])


def functional():
    ids = layers.Input((None,))
    x = rnn()(rnn()(layers.Embedding(V, E)(ids)))
    return keras.Model(ids, layers.Activation("softmax")(layers.TimeDistributed(layers.Dense(V))(x)))


def residual():
    ids = layers.Input((None,))
    x = rnn()(layers.Embedding(V, E)(ids))
    return keras.Model(ids, layers.Dense(V)(layers.Add()([x, rnn()(x)])))


def hard_sigmoid():
    return sequential(*[rnn(recurrent_activation="hard_sigmoid") for _ in range(2)])


def unequal():
    return sequential(rnn(7), rnn(5))


def started(*inputs, **embedding):
    """The start of a network whose Input or Embedding is another one."""
    return [inputs[0] if inputs else layers.Input((None,)), layers.Embedding(V, E, **embedding)]


WHOLE = (".keras",)
ALL = (".keras", ".weights.h5", "-model.h5", "-weights.h5")
KERAS_3 = {  # name: endings, the network, what it is, what its refusal must say
    "plain": (ALL, sequential, "Sequential, with Dropout", None),
    "functional": (
        (".keras", ".weights.h5"),
        functional,
        "Functional, TimeDistributed(Dense), Activation('softmax')",
        None,
    ),
    "softmax": (
        WHOLE,
        lambda: sequential(head=[layers.Dense(V, activation="softmax")]),
        "Dense(softmax)",
        None,
    ),
    "hard_sigmoid": ((".keras", "-model.h5"), hard_sigmoid, "hard_sigmoid of Keras 3: x / 6 + 0.5", None),
    "unequal": ((".keras", ".weights.h5", "-weights.h5"), unequal, "LSTMs of 7 and of 5 units", None),
    "stateful": (
        WHOLE,
        lambda: sequential(rnn(stateful=True), start=started(layers.Input(batch_shape=IDS.T.shape))),
        "stateful, batch_shape",
        None,
    ),
    "no_bias": (WHOLE, lambda: sequential(rnn(use_bias=False)), "an LSTM without a bias", None),
    "float64": ((".keras", ".weights.h5", "-weights.h5"), sequential, "float64", None),
    "float16": (
        (".keras", "-weights.h5"),
        lambda: sequential(rnn(recurrent_initializer="zeros")),  # because PyTorch has no QR in float16
        "float16, its home's logits in float32",
        None,
    ),
    "gru": ((".keras", ".weights.h5", "-weights.h5"), lambda: sequential(rnn(kind=layers.GRU)), "GRU", "GRU"),
    "bidirectional": (WHOLE, lambda: sequential(layers.Bidirectional(rnn())), "Bidirectional", "Bidirectional"),
    "simple_rnn": (("-model.h5",), lambda: sequential(rnn(kind=layers.SimpleRNN)), "SimpleRNN", "SimpleRNN"),
    "layer_normalization": (
        WHOLE, lambda: sequential(rnn(), layers.LayerNormalization()), "LayerNormalization", "LayerNormalization"
    ),
    "go_backwards": (WHOLE, lambda: sequential(rnn(go_backwards=True)), "go_backwards", "go_backwards"),
    "mask_zero": (WHOLE, lambda: sequential(rnn(), start=started(mask_zero=True)), "mask_zero", "mask_zero"),
    "relu_lstm": (WHOLE, lambda: sequential(rnn(activation="relu")), "an LSTM with relu for tanh", "relu"),
    "relu_dense": (
        WHOLE, lambda: sequential(rnn(), head=[layers.Dense(V, activation="relu")]), "Dense with relu", "relu"
    ),
    "residual": (WHOLE, residual, "a residual connection", "Add"),
    "one_hot": (
        WHOLE, lambda: sequential(rnn(), start=[layers.Input((None, V))]), "no Embedding: one-hot vectors", None
    ),
}
KERAS_2 = {
    "plain": (ALL, sequential, "Sequential, with Dropout", None),
    "functional": (("-model.h5",), functional, "Functional, TimeDistributed(Dense), Activation('softmax')", None),
    "hard_sigmoid": (
        (".keras", "-model.h5", "-weights.h5"), hard_sigmoid, "hard_sigmoid of Keras 2: 0.2 x + 0.5", None
    ),
    "unequal": (("-model.h5", "-weights.h5"), unequal, "LSTMs of 7 and of 5 units", None),
    "gru": (("-weights.h5",), lambda: sequential(rnn(kind=layers.GRU)), "GRU", "GRU"),
}


def verdict(origin, what, says):
    """A row of verdicts.json. says: what the refusal must say, a regular expression; None if it is to be read."""
    return {"read": says is None, "origin": origin, "what": what} | ({"says": says} if says else {})


def save(model, path, ending):
    """In the format of that ending: -model.h5 is a whole model, -weights.h5 its weights, in the layout of Keras 2."""
    if ending in (".keras", "-model.h5"):
        model.save(path)
    elif ending == ".weights.h5" or KERAS == 2:
        model.save_weights(path)
    else:  # Keras 3 reads this layout, and no function of its public ones writes it
        from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

        with h5py.File(path, "w") as file:
            save_weights_to_hdf5_group(file, model)


def keras_logits(model):
    """(T, B, V): what the model gives before a softmax, if it has one at its end."""
    last = model.layers[-1]
    if getattr(last, "activation", None) is keras.activations.softmax:
        last.activation = keras.activations.linear
    reads_ids = any(isinstance(layer, layers.Embedding) for layer in model.layers)
    logits = model(IDS.T if reads_ids else np.eye(V, dtype="float32")[IDS.T])
    return (logits.numpy() if KERAS == 2 else keras.ops.convert_to_numpy(logits)).transpose(1, 0, 2)


def keep_float64():
    """Without this, matmul of Keras 3 rounds float64 to float32 unless TensorFlow is below it."""
    from keras.src.backend.common.dtypes import BIT64_TO_BIT32_DTYPE

    BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def random_weights(arrays):
    """Arrays of these shapes, so large that gates are often shut or open."""
    rng = np.random.default_rng(2)
    return [rng.normal(0, 0.7, array.shape).astype(array.dtype) for array in arrays]


def write_keras(verdicts, expected):
    for name, (endings, build, what, says) in (KERAS_2 if KERAS == 2 else KERAS_3).items():
        dtype = name if name.startswith("float") else "float32"
        if KERAS == 3:
            keras.config.set_dtype_policy(dtype)
            keep_float64()
        model = build()
        model.set_weights(random_weights(model.get_weights()))
        files = [f"keras{KERAS}_{name}{ending}" for ending in endings]
        for file, ending in zip(files, endings):
            save(model, HERE / file, ending)
            form = {"-model.h5": "whole model", ".keras": "whole model"}.get(ending, "weights only")
            verdicts[file] = verdict(f"Keras {keras.__version__}", f"{what}; {form}", says)
        if dtype == "float16":
            keras.config.set_dtype_policy("float32")
            widened = [array.astype(np.float32) for array in model.get_weights()]
            model = build()
            model.set_weights(widened)
        if says is None:
            expected[f"keras{KERAS}_{name}"] = keras_logits(model)


def make_old(verdicts):
    """Weights with hard_sigmoid as Keras 2.2.4 wrote them, where it was what an LSTM has unless told otherwise."""
    name = "keras2_hard_sigmoid-weights.h5"
    with h5py.File(HERE / name, "r+") as file:
        file.attrs["keras_version"] = "2.2.4"
    verdicts[name]["origin"] += ", with keras_version set to 2.2.4"
    verdicts[name]["options"] = {"recurrent_activation": "hard_sigmoid"}


# -- PyTorch


def write_pytorch(verdicts, expected):
    import torch
    from safetensors.torch import save_file

    nn, origin = torch.nn, f"PyTorch {torch.__version__.split('+')[0]}"
    networks = {  # file: the recurrent module, its precision, what it is, what its refusal must say
        "pytorch_lstm.safetensors": (nn.LSTM(E, H, 2), torch.float32, "state_dict", None),
        "pytorch_lstm.pt": (nn.LSTM(E, H, 2), torch.float32, "state_dict", None),
        "pytorch_float64.pt": (nn.LSTM(E, H, 2), torch.float64, "state_dict, float64", None),
        "pytorch_no_bias.safetensors": (nn.LSTM(E, H, bias=False), torch.float32, "an LSTM without biases", None),
        "pytorch_float16.pt": (nn.LSTM(E, H, 2), torch.float16, "float16, its home's logits in float32", None),
        "pytorch_gru.pt": (nn.GRU(E, H, 2), torch.float32, "GRU", "GRU"),
        "pytorch_bidirectional.safetensors": (
            nn.LSTM(E, H, bidirectional=True), torch.float32, "bidirectional", "bidirectional"
        ),
    }
    for file, (recurrent, dtype, what, says) in networks.items():
        width = 2 * H if recurrent.bidirectional else H
        parts = {"embedding": nn.Embedding(V, E), "rnn": recurrent, "head": nn.Linear(width, V)}
        model = nn.ModuleDict(parts).to(dtype)
        state = model.state_dict()
        arrays = random_weights([array.numpy() for array in state.values()])
        state = {name: torch.tensor(array) for name, array in zip(state, arrays)}
        model.load_state_dict(state)
        save_file(state, HERE / file) if file.endswith(".safetensors") else torch.save(state, HERE / file)
        verdicts[file] = verdict(origin, what, says)
        if says is None:
            model.to(torch.float64 if dtype == torch.float64 else torch.float32)
            with torch.no_grad():
                h, _ = model["rnn"](model["embedding"](torch.tensor(IDS)))
                expected[file.split(".")[0]] = model["head"](h).numpy()


# -- damaged files, and all of them


def write_damaged(verdicts):
    """Half of a file, and a file with one bit of its weights turned over, in a format that has a checksum."""
    for whole in (*(f"keras3_plain{ending}" for ending in ALL), "pytorch_lstm.safetensors", "pytorch_lstm.pt"):
        damaged = f"truncated_{whole}"
        image = (HERE / whole).read_bytes()
        (HERE / damaged).write_bytes(image[: len(image) // 2])
        verdicts[damaged] = verdict(f"half of {whole}", "truncated", DAMAGED)
    image = bytearray((HERE / "keras3_plain.keras").read_bytes())
    weights = np.float32(random_weights([np.empty((V, E), np.float32)])[0]).tobytes()  # of its embedding
    image[image.index(weights) + 2] ^= 1
    (HERE / "flipped_keras3_plain.keras").write_bytes(image)
    verdicts["flipped_keras3_plain.keras"] = verdict("keras3_plain.keras", "one bit flipped", DAMAGED)


def main():
    table, results = HERE / "verdicts.json", HERE / "expected.npz"
    verdicts = json.loads(table.read_text()) if table.exists() else {}
    expected = dict(np.load(results)) if results.exists() else {"ids": IDS}
    write_keras(verdicts, expected)
    if KERAS == 2:
        make_old(verdicts)
    else:
        write_pytorch(verdicts, expected)
        write_damaged(verdicts)
    rows = ",\n".join(f'"{file}": {json.dumps(verdicts[file])}' for file in sorted(verdicts))
    table.write_text(f"{{\n{rows}\n}}\n")
    np.savez_compressed(results, **expected)
    (HERE / "char_to_idx.json").write_text(json.dumps({name: n for n, name in enumerate("abcdefghijk")}) + "\n")


if __name__ == "__main__":
    main()
