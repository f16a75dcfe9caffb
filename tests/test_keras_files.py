"""Models of Keras, read: what our network computes with them, and what is refused by its name.

These files are made here. Those that Keras itself wrote are in tests/foreign.
"""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from lstm import cell
from lstm.cell import sigmoid
from lstm.engine.threads import Workers
from lstm.io import InputError
from lstm.model import CharRNN, Config, initial_parameters
from lstm.sampling import Draw, sampler_for
from lstm.storage import imported
from lstm.storage.checkpoint import Checkpoint, config_of, parameters_of, save_weights
from lstm.storage.exported import as_keras, as_keras_weights, as_npz, export, keras_config, narrowed
from lstm.storage.keras_files import HardSigmoid, activation_in, network_of
from lstm.vocabulary import Vocabulary

VOCABULARY = Vocabulary("abcdefg")
CONFIG = Config(7, 3, 5, 2, dropout=0.0)
IDS = np.random.default_rng(1).integers(0, 7, (9, 2))


def checkpoint(dtype=np.float32):
    parameters = initial_parameters(CONFIG, 3, np.float64)
    parameters.flat += np.random.default_rng(3).normal(0, 0.3, parameters.flat.size)
    return Checkpoint(CharRNN(CONFIG, parameters.astype(dtype)), VOCABULARY)


def arrays(*widths, V=7, E=3, dtype=np.float32):
    """(name, arrays) of the layers of a network whose LSTMs have these widths."""
    rng, layers, inputs = np.random.default_rng(2), [], E
    layers.append(("embedding", [rng.normal(size=(V, E)).astype(dtype)]))
    for n, H in enumerate(widths):
        shapes = (inputs, 4 * H), (H, 4 * H), (4 * H,)
        layers.append((f"lstm_{n}", [rng.normal(0, 0.5, shape).astype(dtype) for shape in shapes]))
        inputs = H
    return [*layers, ("dense", [rng.normal(size=shape).astype(dtype) for shape in ((inputs, V), (V,))])]


def naive_logits(layers, ids, sigmoid=sigmoid):
    """What a network with these arrays computes, one layer after the other, each of its own width."""
    (_, (embedding,)), *lstm, (_, (kernel, bias)) = layers
    x = embedding[ids]
    for _, (W, U, b) in lstm:
        zero = np.zeros((ids.shape[1], len(U)), x.dtype)
        x = cell.forward(x @ W + b, zero, zero, U, sigmoid=sigmoid)[1][1:]
    return x @ kernel + bias


def logits(model):
    return model.forward(IDS, model.initial_state(IDS.shape[1]))[0]


def model_of(layers, backend=cell):
    network = network_of(layers)
    config = config_of(network)
    return CharRNN(config, parameters_of(network, config), backend)


@pytest.fixture
def vocabulary(tmp_path):
    path = tmp_path / "characters.json"
    path.write_text(json.dumps(VOCABULARY.index))
    return path


def load_image(image, path, vocabulary, **how):
    path.write_bytes(image)
    return imported.load(path, vocabulary, **how)


# -- what it computes


@pytest.mark.parametrize("widths", [(4, 2), (2, 4), (1, 3, 2), (3, 3)])
def test_layers_that_differ_in_width_compute_what_they_would_alone(widths):
    layers = arrays(*widths, dtype=np.float64)
    model = model_of(layers)
    assert model.config == Config(7, 3, max(widths), len(widths), dropout=0.0)
    np.testing.assert_allclose(logits(model), naive_logits(layers, IDS), rtol=0, atol=1e-14)


def test_cells_that_were_added_stay_zero_in_training_and_are_not_written():
    layers = arrays(4, 2)
    model = model_of(layers)
    gradient = model.loss_and_gradient(IDS, IDS, model.initial_state(2), workers=Workers(1)).gradient
    assert all(np.array_equal(gradient[name] != 0, array != 0) for name, array in model.parameters.items()
               if name.startswith("lstm_2/recurrent") or name == "dense/kernel")
    for (_, expected), found in zip(layers[1:3], narrowed(model.network).lstm):
        for array, other in zip(expected, (found.kernel, found.recurrent_kernel, found.bias)):
            np.testing.assert_array_equal(other, array, strict=True)


def test_a_narrower_layer_goes_to_keras_and_back_bit_for_bit(tmp_path, vocabulary):
    made = Checkpoint(model_of(arrays(4, 2)), VOCABULARY)
    back = load_image(as_keras(made), tmp_path / "model.keras", vocabulary)
    assert any("4, 2 cells" in remark for remark in back.remarks)
    np.testing.assert_array_equal(back.model.parameters.flat, made.model.parameters.flat, strict=True)
    with h5py.File(io.BytesIO(as_keras_weights(made)), "r") as file:
        assert file["layers/lstm_1/cell/vars/0"].shape == (4, 8)


def test_layers_that_differ_too_much_are_refused_before_memory_is_taken():
    layers = network_of(arrays(1500, *[1] * 40))
    with pytest.raises(InputError, match="1500, 1, .* cells, which differ too much"):
        config_of(layers)


@pytest.mark.parametrize("version, slope", [((2, 2, 4), 0.2), (None, 0.2), ((3, 5), 1 / 6)])
def test_hard_sigmoid_is_a_line_between_zero_and_one(version, slope):
    layers = arrays(4, 2, dtype=np.float64)
    expected = naive_logits(layers, IDS, lambda x: np.minimum(np.maximum(slope * x + 0.5, 0), 1))
    model = model_of(layers, HardSigmoid(version))
    np.testing.assert_allclose(logits(model), expected, rtol=0, atol=1e-14)
    assert np.abs(expected - naive_logits(layers, IDS)).max() > 0.01  # another function
    with pytest.raises(InputError, match="not trained"):
        model.loss_and_gradient(IDS, IDS, model.initial_state(2))
    sampler_for(model, Draw(0)).draw(np.array([1]), model.initial_state(), np.zeros((3, 1)))


def test_a_network_without_an_embedding_reads_one_hot_vectors():
    (_, (embedding,)), *others = layers = arrays(4, V=7, E=7)
    embedding[:] = np.eye(7)
    np.testing.assert_array_equal(logits(model_of(others)), logits(model_of(layers)))


def test_an_lstm_without_bias_has_a_bias_of_zero():
    layers = arrays(4)
    layers[1][1][2][:] = 0
    without = [layers[0], (layers[1][0], layers[1][1][:2]), layers[2]]
    np.testing.assert_array_equal(logits(model_of(without)), logits(model_of(layers)))


# -- files


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ending", [".keras", ".weights.h5", ".h5"])
def test_what_we_wrote_comes_back_bit_for_bit(tmp_path, ending, dtype):
    ours = checkpoint(dtype)
    export(ours, tmp_path / f"model{ending}")
    back = imported.load(tmp_path / f"model{ending}")
    assert (back.model.config, back.vocabulary) == (CONFIG, VOCABULARY)
    np.testing.assert_array_equal(back.model.parameters.flat, ours.model.parameters.flat, strict=True)


def test_layers_are_in_the_order_of_their_numbers_and_not_of_their_letters(tmp_path, vocabulary):
    deep = Checkpoint(model_of(arrays(*[3] * 12)), VOCABULARY)
    back = load_image(as_keras_weights(deep), tmp_path / "deep.weights.h5", vocabulary)
    np.testing.assert_array_equal(back.model.parameters.flat, deep.model.parameters.flat, strict=True)


def groups(**layers):
    """A .weights.h5 whose layers stand at these paths."""
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        for path, arrays in layers.items():
            for n, array in enumerate(arrays):
                file[f"{path.replace('__', '/')}/vars/{n}"] = array
    return image.getvalue()


def test_attributes_of_a_model_of_ones_own_stand_beside_its_layers(tmp_path, vocabulary):
    (_, embedding), (_, lstm), (_, dense) = layers = arrays(7, E=7)
    own = groups(embed=embedding, layers__lstm__cell=lstm, layers__dense=dense)
    loaded = load_image(own, tmp_path / "own.weights.h5", vocabulary)
    np.testing.assert_allclose(logits(loaded.model), naive_logits(layers, IDS), rtol=0, atol=1e-5)
    two = groups(embed=embedding, encoder__cell=lstm, layers__lstm__cell=lstm, layers__dense=dense)
    with pytest.raises(InputError, match="its LSTM layers are 'encoder', 'lstm', and it does not say which is first"):
        load_image(two, tmp_path / "two.weights.h5", vocabulary)


@pytest.mark.parametrize("index, complaint", [
    ({c: n + 1 for n, c in enumerate("abcdefg")}, "7 characters, from 1 to 7"),
    ({str(n): c for n, c in enumerate("abcdefg")}, "it has ids and their characters; turn it round"),
    ([*"abcdefg"], "no object"),
    ({"<pad>": 0} | {c: n for n, c in enumerate("abcdef", 1)}, "'<pad>' is not one character"),
    ({"a": 0.0} | {c: n for n, c in enumerate("bcdefg", 1)}, "an id is no whole number"),
    ({"\ud800": 0} | {c: n for n, c in enumerate("bcdefg", 1)}, "half a character"),
])
def test_what_is_no_vocabulary_is_told(tmp_path, index, complaint):
    (tmp_path / "characters.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=f"characters.json does not number 7 characters from 0: .*{complaint}"):
        load_image(as_keras(checkpoint()), tmp_path / "model.keras", tmp_path / "characters.json")


def test_a_vocabulary_is_looked_for_beside_the_file_and_never_guessed(tmp_path, vocabulary):
    path = tmp_path / "model.keras"
    path.write_bytes(as_keras(checkpoint()))
    with pytest.raises(InputError, match="no vocabulary of its 7 characters; name the char_to_idx.json .*--vocabulary"):
        imported.load(path)
    (tmp_path / "char_to_idx.json").write_text(vocabulary.read_text())
    assert imported.load(path).vocabulary == VOCABULARY
    (tmp_path / "model.keras.char_to_idx.json").write_text(json.dumps({c: n for n, c in enumerate("tuvwxyz")}))
    assert imported.load(path).vocabulary.characters == "tuvwxyz"
    assert imported.load(path, vocabulary).vocabulary == VOCABULARY


def test_a_model_that_says_its_characters_takes_no_others(tmp_path, vocabulary):
    save_weights(tmp_path / "ours.h5", checkpoint())
    with pytest.raises(InputError, match="it says its characters itself; leave the vocabulary out"):
        imported.load(tmp_path / "ours.h5", vocabulary)


@pytest.mark.parametrize("characters, abc", [("X:1\nTMKL|/023456789ABCDEFGabcdefg", True), ("abc \n", False)])
def test_what_a_model_learnt_follows_from_its_characters_and_is_said(tmp_path, characters, abc):
    config = Config(len(characters), 3, 5, 1)
    export(Checkpoint(CharRNN(config), Vocabulary(characters)), tmp_path / "model.keras")
    loaded = imported.load(tmp_path / "model.keras")
    assert loaded.abc is abc
    assert ("taken for ABC tunes" if abc else "taken for plain text") in loaded.remarks[-1]


def weights_of(version, path):
    """A file of weights as Keras 2 writes it."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], layers = version, arrays(4)
        file.attrs["layer_names"] = [name for name, _ in layers]
        for name, values in layers:
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{n}:0" for n in range(len(values))]
            for n, array in enumerate(values):
                group[f"{name}/{n}:0"] = array


@pytest.mark.parametrize("version, old", [("2.2.4", True), ("2.2.4-tf", True), ("2.3.0", False), ("2.15.0", False)])
def test_weights_of_an_old_keras_may_have_hard_sigmoid_and_the_user_is_told(tmp_path, vocabulary, version, old):
    weights_of(version, tmp_path / "weights.h5")
    remarks = "\n".join(imported.load(tmp_path / "weights.h5", vocabulary).remarks)
    assert ("try sample.py --recurrent-activation hard_sigmoid" in remarks) is old
    assert "with tanh and sigmoid, is assumed" in remarks
    said = imported.load(tmp_path / "weights.h5", vocabulary, recurrent_activation="hard_sigmoid")
    assert any("with tanh and hard_sigmoid, is assumed" in remark for remark in said.remarks)
    expected = naive_logits(arrays(4), IDS, lambda x: np.clip(0.2 * x + 0.5, 0, 1))
    np.testing.assert_allclose(logits(said.model), expected, rtol=0, atol=1e-5)
    for name in ("out.keras", "out.h5"):
        with pytest.raises(InputError, match="hard_sigmoid is not written"):
            export(said, tmp_path / name)


def test_a_file_that_says_its_gates_is_believed(tmp_path, vocabulary):
    (tmp_path / "model.keras").write_bytes(as_keras(checkpoint()))
    with pytest.raises(InputError, match="its gates have sigmoid, and .* says hard_sigmoid; leave that out"):
        imported.load(tmp_path / "model.keras", vocabulary, recurrent_activation="hard_sigmoid")


# -- what Keras says of a model


def layer(kind, name=None, **config):
    return {"class_name": kind, "config": config | {"name": name or kind.lower()}}


FIRST, LAST = [layer("InputLayer"), layer("Embedding")], layer("Dense", activation="softmax")
MIDDLE = layer("LSTM", return_sequences=True)


def sequential(*layers):
    return {"class_name": "Sequential", "config": {"layers": [*FIRST, *layers]}}


RIGHT = {
    "one layer": sequential(MIDDLE, LAST),
    "the last output alone": sequential(MIDDLE, layer("LSTM", return_sequences=False), LAST),
    "dropout": sequential(layer("SpatialDropout1D"), MIDDLE, layer("Dropout"), LAST),
    "at each step": sequential(MIDDLE, layer("TimeDistributed", layer=layer("Dense")), layer("Softmax")),
    "a list of layers": {"class_name": "Sequential", "config": [*FIRST, MIDDLE, LAST]},
    "one-hot": {"class_name": "Sequential", "config": [MIDDLE, LAST]},
}


@pytest.mark.parametrize("model", RIGHT.values(), ids=RIGHT)
def test_our_network_is_recognized(model):
    assert activation_in(model) == "sigmoid"


OTHERS = {
    "GRU": (sequential(layer("GRU"), LAST), "a layer of the kind 'GRU'"),
    "both ways": (sequential(layer("Bidirectional", layer=MIDDLE), LAST), "a layer of the kind 'Bidirectional'"),
    "a custom layer": (sequential(MIDDLE, layer("Attention"), LAST), "'Attention'"),
    "normalization": (sequential(MIDDLE, layer("LayerNormalization"), LAST), "'LayerNormalization'"),
    "activation": (sequential(layer("LSTM", activation="relu"), LAST), "LSTM 'lstm' has activation='relu'"),
    "gates": (sequential(layer("LSTM", recurrent_activation="relu"), LAST), "recurrent_activation='relu'"),
    "a function": (sequential(layer("LSTM", activation={"name": "f"}), LAST), "has activation={'name': 'f'}"),
    "backwards": (sequential(layer("LSTM", go_backwards=True), LAST), "go_backwards=True"),
    "a mask": (sequential(layer("Embedding", mask_zero=True), MIDDLE, LAST), "mask_zero=True"),
    "one is no True": (sequential(layer("LSTM", go_backwards=0), LAST), "go_backwards=0"),
    "dense": (sequential(MIDDLE, layer("Dense", activation="relu")), "Dense 'dense' has activation='relu'"),
    "dense without bias": (sequential(MIDDLE, layer("Dense", use_bias=False)), "use_bias=False"),
    "softmax between": (sequential(MIDDLE, layer("Softmax"), MIDDLE, LAST), "softmax before its end"),
    "two activations": (sequential(MIDDLE, layer("LSTM", recurrent_activation="hard_sigmoid"), LAST), "two kinds"),
    "its last output": (sequential(layer("LSTM", return_sequences=False), MIDDLE, LAST), "return_sequences=False"),
    "softmax twice": (sequential(MIDDLE, LAST, layer("Softmax")), "it applies softmax twice"),
    "over time": (sequential(MIDDLE, layer("Dense"), layer("Softmax", axis=1)), "Softmax 'softmax' has axis=1"),
    "two dense": (sequential(MIDDLE, LAST, LAST), "not an Embedding, LSTM layers and a Dense"),
    "no LSTM": (sequential(LAST), "not an Embedding, LSTM layers and a Dense"),
    "a model within": (sequential(layer("Sequential", layers=[])), "a layer of the kind 'Sequential'"),
    "subclass": ({"class_name": "MyModel", "config": {"layers": []}}, "a model of the kind 'MyModel'"),
    "not a dict": ([], "not as Keras writes it"),
    "no class": ({"class_name": "Sequential", "config": {"layers": [7]}}, "not as Keras writes it"),
}


@pytest.mark.parametrize("model, complaint", OTHERS.values(), ids=OTHERS)
def test_another_network_is_refused_by_name(tmp_path, vocabulary, model, complaint):
    image = packed({"config.json": json.dumps(model).encode()})
    with pytest.raises(InputError, match=f"^cannot use .*{complaint}.*; .*$") as error:
        load_image(image, tmp_path / "model.keras", vocabulary)
    assert "\n" not in str(error.value)
    assert ("damaged" in str(error.value)) is ("as Keras writes it" in complaint)


def functional(*nodes):
    """A Functional model as Keras 3 writes it: (layer, the names of those it reads) each."""
    layers = []
    for made, sources in nodes:
        tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}} for name in sources]
        inbound = [{"args": [tensors], "kwargs": {"mask": None}}] if sources else []
        layers.append(made | {"name": made["config"]["name"], "inbound_nodes": inbound})
    return {"class_name": "Functional", "config": {"layers": layers}}


def test_layers_one_after_the_other_are_our_network_and_branches_are_not():
    layers = [*FIRST, layer("LSTM", "a", return_sequences=True), layer("LSTM", "b"), LAST]
    names = [made["config"]["name"] for made in layers]
    assert activation_in(functional(*zip(layers, [[], *([name] for name in names)]))) == "sigmoid"
    for branches in (["embedding"], ["a", "embedding"], []):  # beside it; with what it read; from nowhere
        with pytest.raises(InputError, match="its layer 'b' reads .*not 'a' alone|it has a second input, 'b'"):
            activation_in(functional(*zip(layers, [[], ["inputlayer"], ["embedding"], branches, ["b"]])))


def test_the_nodes_of_keras_2_are_read_too():
    layers = [layer("InputLayer"), layer("Embedding"), MIDDLE, LAST]
    names = [made["config"]["name"] for made in layers]
    model = {"class_name": "Model", "config": {"layers": [
        made | {"name": name, "inbound_nodes": [[[before, 0, 0, {}]]] if before else []}
        for made, name, before in zip(layers, names, [None, *names])
    ]}}
    assert activation_in(model) == "sigmoid"
    model["config"]["layers"][3]["inbound_nodes"] = [[["lstm", 0, 2, {}]]]  # not h, but c
    with pytest.raises(InputError, match=r"its layer 'dense' reads lstm \(its output 2\), and not 'lstm' alone"):
        activation_in(model)
    model["config"]["layers"][2]["inbound_nodes"] = [[["embedding", 0, 0, {"initial_state": [["inputlayer", 0, 0]]}]]]
    with pytest.raises(InputError, match="its layer 'lstm' reads embedding, inputlayer"):
        activation_in(model)


# -- archives by strangers


def packed(changed, compression=zipfile.ZIP_STORED):
    """A .keras file with some of its members changed; None takes one out."""
    image = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(as_keras(checkpoint()))) as old, zipfile.ZipFile(image, "w", compression) as new:
        for name in old.namelist():
            content = changed.get(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return image.getvalue()


def test_a_keras_file_may_be_packed(tmp_path, vocabulary):
    loaded = load_image(packed({}, zipfile.ZIP_DEFLATED), tmp_path / "model.keras", vocabulary)
    np.testing.assert_array_equal(logits(loaded.model), logits(checkpoint().model))


HOSTILE = {
    "a bomb": (packed({"config.json": bytes(10**7)}, zipfile.ZIP_DEFLATED), "unpacked it would be 10,0.* too many"),
    "no weights": (packed({"model.weights.h5": None}), "it is a ZIP archive, and has no model.weights.h5"),
    "no JSON": (packed({"config.json": b"{"}), "cannot be read as JSON"),
    "bytes": (packed({"config.json": b"\xff\xfe"}), "cannot be read as JSON"),
    "deep": (packed({"config.json": b"[" * 10**5}), "too deep"),
    "other weights": (packed({"model.weights.h5": b"HDF5"}), "it is not an HDF5 file"),
    "a model in a model": (packed({"model.weights.h5": as_keras(checkpoint())}), "it is not an HDF5 file"),
    "arrays of NumPy": (as_npz(checkpoint()), "it is a ZIP archive of neither Keras nor PyTorch"),
}


@pytest.mark.parametrize("image, complaint", HOSTILE.values(), ids=HOSTILE)
def test_an_archive_by_a_stranger_is_refused_in_one_line(tmp_path, vocabulary, image, complaint):
    with pytest.raises(InputError, match=f"^cannot use .*{complaint}.*; ") as error:
        load_image(image, tmp_path / "model.keras", vocabulary)
    assert "\n" not in str(error.value)


def test_a_changed_byte_is_noticed_by_the_checksum_of_the_archive(tmp_path, vocabulary):
    image = bytearray(as_keras(checkpoint()))
    array = checkpoint().weights["dense/kernel"].tobytes()
    image[bytes(image).index(array) + 7] ^= 1
    with pytest.raises(InputError, match="its part 'model.weights.h5' is not as it was written; the file is damaged"):
        load_image(bytes(image), tmp_path / "model.keras", vocabulary)


def test_groups_within_groups_without_end_are_refused(tmp_path, vocabulary):
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        layers = file.create_group("layers")
        layers.create_group("lstm")["again"] = layers
    with pytest.raises(InputError, match="groups within groups without end"):
        load_image(image.getvalue(), tmp_path / "model.weights.h5", vocabulary)


def test_the_config_has_the_words_of_the_network_it_was_made_from():
    assert activation_in(keras_config(checkpoint())) == "sigmoid"
