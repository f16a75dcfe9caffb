"""What a cell asks of PyTorch and Keras: computed here if both are installed, else taken from what is stored.

A cell has a function in the code of these libraries, which imports them itself. It returns numbers, texts and arrays
by their names. `check/frameworks_with_peers.py` runs the notebook's cells and stores what each function returned, in
`check/frameworks.json`; tests/test_course_frameworks.py compares the file with a new calculation.
"""

import importlib
import json
import os
import warnings
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

STORED = Path(__file__).resolve().parent.parent / "check" / "frameworks.json"
LIBRARIES = {"torch": "PyTorch", "keras": "Keras"}
REMEDY = 'python -m pip install -e ".[peers]"'


def ask(function, *arguments):
    """What a function of PyTorch and Keras returns. Prints whether it was computed here, or stored."""
    if installed():
        print(f"[computed here by {of(versions())}]")
        return computed(function, *arguments)
    answers, name = stored(), function.__name__
    if name not in answers:
        raise LookupError(f"nothing is stored for {name}; to compute it here:  {REMEDY}")
    print(f"[stored: from {of(answers['versions'])}; to compute it here:  {REMEDY}]")
    return revived(answers[name])


@cache
def installed():
    """Whether both libraries are here."""
    return all(map(find_spec, LIBRARIES))


def versions():
    """The versions that are installed here, {"torch": "2.13.0", ...}."""
    return {library: version(library).partition("+")[0] for library in LIBRARIES}


def of(versions):
    """Versions in words."""
    return " and ".join(f"{name} {versions[library]}" for library, name in LIBRARIES.items())


def stored():
    """{the name of a cell's function: what it returned, as `plain` has it}, and the `versions` that computed it."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def computed(function, *arguments):
    """What the function returns, in the same form as if it had been stored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries say of each other while they are imported is not the lesson
        keras_on_pytorch()
        return revived(plain(function(*arguments)))


@cache
def keras_on_pytorch():
    """Import Keras, standing on PyTorch, and have it multiply float64 as float64: left alone it rounds to float32."""
    os.environ["KERAS_BACKEND"] = "torch"  # which Keras reads when it is imported, and never again
    importlib.import_module("keras")
    importlib.import_module("keras.src.backend.common.dtypes").BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def plain(value):
    """Numbers, texts, tuples, arrays and tensors as what JSON has."""
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if hasattr(value, "detach"):  # a tensor
        value = value.detach().cpu().numpy()
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def revived(value):
    """What JSON has as texts, numbers, arrays of float64, and tuples: lists of whole numbers are shapes."""
    if isinstance(value, dict):
        return {name: revived(part) for name, part in value.items()}
    if not isinstance(value, list):
        return value
    flat = np.array(value, dtype=object).ravel().tolist() if value else []
    return np.array(value, float) if any(isinstance(one, float) for one in flat) else tuple(map(revived, value))


def furthest(ours, theirs):
    """The largest difference of two arrays, as a share of the largest number of the second."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    return float(np.abs(ours - theirs).max() / (np.abs(theirs).max() or 1))
