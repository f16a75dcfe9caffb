"""The files that a stranger may send, small and whole: ours, those of Keras, and what is needed beside them."""

import json
import random
from dataclasses import asdict
from importlib.util import find_spec

import h5py

from lstm.io.hdf5 import SEAL_BYTES, names_as_bytes, seal
from lstm.model import CharRNN, Config, initial_parameters
from lstm.storage import imported
from lstm.storage.checkpoint import Checkpoint, save_weights
from lstm.storage.exported import export, keras_config
from lstm.storage.resume import load_resume, refuse_misfits, save_resume
from lstm.vocabulary import Vocabulary

CONFIG = Config(vocabulary=6, embedding=3, units=4, layers=2, dropout=0.2)
VOCABULARY = Vocabulary("\nX:abc")


def checkpoint():
    """Weights of a small model, which has learnt nothing."""
    model = CharRNN(CONFIG, initial_parameters(CONFIG, seed=1))
    return Checkpoint(model, VOCABULARY, epoch=3, losses={"loss": 1.5, "val_loss": 1.25})


def keras(path, model, whole=False):
    """A weights file as Keras writes it, or one of a whole model: no seal, no digest, no vocabulary."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        layers = {}
        for name in model.parameters:
            layers.setdefault(name.split("/")[0], []).append(name)
        root.attrs.update({"layer_names": names_as_bytes(layers), "backend": "tensorflow", "keras_version": "2.15.0"})
        for layer, names in layers.items():
            root.create_group(layer).attrs["weight_names"] = names_as_bytes(f"{name}:0" for name in names)
            for name in names:
                root[layer].create_dataset(f"{name}:0", data=model.parameters[name])
        if whole:
            file.attrs["model_config"] = json.dumps(keras_config(checkpoint()))


def char_to_idx(path):
    path.write_text(json.dumps(VOCABULARY.index))


def write_all(directory, training):
    """All of them in a directory, the same bytes each time; resume.h5 is that of a Training under way."""
    save_weights(directory / "ours.h5", checkpoint())
    keras(directory / "keras.h5", checkpoint().model)
    keras(directory / "whole.h5", checkpoint().model, whole=True)
    for ending in (".weights.h5", ".keras", *([".safetensors"] if find_spec("safetensors") else [])):
        export(checkpoint(), directory / f"model{ending}")
    char_to_idx(directory / "char_to_idx.json")
    arrays, numbers = load_resume(training.model / "resume.h5")
    history = [record | {"seconds": 1.0, "chars_per_second": 1.0} for record in numbers["history"]]
    save_resume(directory / "resume.h5", arrays, numbers | {"input": ["tunes.txt"], "seconds": 1.0, "history": history})


def what_weights_say(path, vocabulary=None):
    """All that a weights file says, as something that can be compared."""
    loaded = imported.load(path, vocabulary)
    knows = loaded.vocabulary.characters, loaded.epoch, repr(loaded.losses), loaded.abc, asdict(loaded.headers)
    return repr((loaded.model.config, *knows)), loaded.model.parameters.flat.tobytes()


def what_resume_says(path):
    """All that a resume file says."""
    arrays, numbers = load_resume(path)
    refuse_misfits(arrays, numbers, path)
    return {name: array.tobytes() for name, array in arrays.items()}, json.dumps(numbers, sort_keys=True)


def sealed_anew(data):
    """A file of ours with another content, and a seal that fits: anyone can make one."""
    return seal(data[SEAL_BYTES:]) + data[SEAL_BYTES:]


def edited(path, edit):
    """Change a file of ours by edit(h5py.File), and seal it anew."""
    with h5py.File(path, "r+") as file:
        edit(file)
    path.write_bytes(sealed_anew(path.read_bytes()))


def changed(data, seed):
    """The bytes with a fault in them: most often a few of them are others, or some are lost, added or in two places."""
    rng, data = random.Random(seed), bytearray(data)
    at, size = rng.randrange(len(data)), rng.choice([1, 2, 4, 8, 64, 512])
    kind = rng.choice(["byte", "byte", "byte", "bit", "word", "bytes", "zeros", "cut", "lost", "added", "copied"])
    if kind == "byte":
        data[at] = rng.randrange(256)
    elif kind == "bit":
        data[at] ^= 1 << rng.randrange(8)
    elif kind == "word":  # lengths and addresses: the least, the most, what is about to overflow
        at -= at % 8
        value = rng.choice([0, 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, len(data), at])
        data[at : at + 8] = value.to_bytes(8, "little")
    elif kind == "bytes":
        for _ in range(size):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == "zeros":
        data[at : at + size] = bytes(len(data[at : at + size]))
    elif kind == "cut":
        del data[at:]
    elif kind == "lost":
        del data[at : at + size]
    elif kind == "added":
        data[at:at] = rng.randbytes(size)
    else:
        data[at : at + size] = data[rng.randrange(len(data)) :][:size]
    return bytes(data)
