"""The resume file: written, read, and checked to be complete, of the right types and consistent.

A file that is whole may still make no sense: another version wrote it, or somebody did. It is refused here in one
line, before it can lead to a wrong model or a traceback. Left out: what the user wants to change; see session.py.
"""

import json
import math
import os
from dataclasses import fields

import numpy as np

from lstm.batches import Batches
from lstm.io import InputError
from lstm.io.files import check_encoding
from lstm.io.hdf5 import check_floats, child, json_attribute, new_file, open_file, require
from lstm.io.hdf5_format import MOST_TEXT, Array
from lstm.model import BACKENDS, Config
from lstm.settings import SCHEDULES, Settings
from lstm.storage.checkpoint import FORMAT_VERSION, require_version
from lstm.training import Record


def refuse_misfits(arrays, saved, path):
    """Raise InputError unless a resume file has all that is needed, and its arrays the shapes that its config says."""
    try:
        config, settings = Config(**saved["config"]), Settings(**saved["settings"])
        fits = are_sensible(settings) and are_numbers(saved) and are_arrays_of(config, settings, arrays)
    except (KeyError, TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise misfit(path)


def refuse_misplaced(saved, config, settings, corpus, path):
    """Raise InputError unless a resume file stands at a place within its text, and knows the text's characters."""
    batches, position = Batches(corpus.training, settings.batch_size, settings.seq_length), saved["position"]
    steps = len(saved["history"]) * len(batches) + position
    if position > len(batches) or saved["t"] != steps or config.vocabulary != len(corpus.vocabulary):
        raise misfit(path)


def misfit(path):
    """The error for a resume file that is whole and makes no sense."""
    return InputError(f"cannot use {path}: what is in it does not fit together; --overwrite begins the run anew")


def have_their_types(record):
    """Whether the fields of a dataclass hold what they are declared to; whole numbers are floats too."""
    values = [(getattr(record, field.name), field.type) for field in fields(record)]
    return all(type(value) is kind or (kind is float and type(value) is int) for value, kind in values)


def is_sensible(record):
    """Whether a Record has the right types and numbers. Those of a validation may be NaN, where nothing is held out."""
    numbers = [record.loss, record.accuracy, record.seconds, record.chars_per_second]
    numbers += [value for value in (record.val_loss, record.val_accuracy) if value == value]
    return have_their_types(record) and all(0 <= number < math.inf for number in numbers)


def are_sensible(settings):
    """Whether settings are such that training can begin; what else is wrong with them shows as divergence."""
    sizes, shares = (settings.batch_size, settings.seq_length), (settings.validation, settings.averaging)
    return (
        have_their_types(settings)
        and min(settings.epochs, *sizes) >= 1
        and min(settings.seed, settings.warmup) >= 0
        and 0 < settings.learning_rate < math.inf
        and 0 <= settings.clip < math.inf
        and 0 <= settings.weight_decay <= 10  # as the option has it
        and all(0 <= share < 1 for share in shares)
        and 0 <= settings.transpose <= 1
        and settings.schedule in SCHEDULES
    )


def are_numbers(saved):
    """Whether the saved and the numbers of a snapshot are of the right kind. Raises KeyError where one is missing, and
    ValueError or TypeError for an encoding that is none.
    """
    if saved.get("encoding") is not None:
        check_encoding(saved["encoding"], "its encoding")
    counts = [saved[name] for name in ("t", "position", "correct")]
    sums = [saved[name] for name in ("nats", "seconds")]
    history, cycle_start = [Record(**record) for record in saved["history"]], saved.get("cycle_start", 0)
    return (
        all(type(count) is int and count >= 0 for count in counts)
        and all(type(number) is float and 0 <= number < math.inf for number in sums)
        and all(is_sensible(record) and record.epoch == i for i, record in enumerate(history, 1))
        and all(isinstance(saved[name], str) for name in ("text", "backend"))
        and are_paths(saved["input"])
        and saved["backend"] in BACKENDS
        and type(cycle_start) is int
        and 0 <= cycle_start <= len(history)
    )


def are_paths(value):
    """Whether a value is a path or, as this version writes it, a list of paths. ValueError for half a character."""
    paths = value if isinstance(value, list) else [value]
    return bool(paths) and all(isinstance(path, str) and path and b"\0" not in os.fsencode(path) for path in paths)


def are_arrays_of(config, settings, arrays):
    """Whether arrays are those of a snapshot with these sizes. Raises KeyError where one is missing."""
    state = (config.layers, settings.batch_size, config.units)
    if not arrays["h"].shape == arrays["c"].shape == state:  # first, because it bounds the number of layers
        return False
    size = sum(map(math.prod, config.shapes.values()))
    vectors = ["parameters", "m", "v"] + ["average"] * bool(settings.averaging)
    fits = all(arrays[name].shape == (size,) for name in vectors)
    return fits and all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays.values())


NOT_RESUME = "not one to resume from: copy it again, or --overwrite begins the run anew"


def save_resume(path, arrays, numbers):
    """Write the file that training resumes from: named arrays, and numbers that JSON can hold."""
    with new_file(path) as file:
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["numbers"] = json.dumps(numbers)
        for name, array in arrays.items():
            file[name] = array


def load_resume(path):
    """(arrays, numbers) as they were saved. Raises InputError for a file that is missing or damaged."""
    with open_file(path, NOT_RESUME) as (root, sealed):
        require(sealed, "it has no checksum, and all that this program wrote have one")
        require_version(root)
        arrays = {}
        for name in root.members:
            array = child(root, name, Array)
            check_floats(array, array.shape, name)
            arrays[name] = np.array(array.read())
        return arrays, json_attribute(root, "numbers", MOST_TEXT)
