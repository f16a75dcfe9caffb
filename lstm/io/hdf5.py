"""HDF5 files: written by h5py, atomically and with a checksum; read as untrusted, by a reader of our own.

Nothing in a file is executed and no link is followed. The first 512 bytes of our files, which HDF5 leaves to its users,
hold a checksum of all the rest. It tells damage and not ill will, because anyone can compute it: that a file can do no
harm to the process that reads it is up to hdf5_format.py.
"""

import hashlib
import io
import json
from contextlib import contextmanager

import h5py  # takes 20 ms where nothing is written, too little for an import in a function
import numpy as np

from lstm.io import InputError, Remedied, require
from lstm.io.files import read_bytes, write_bytes
from lstm.io.hdf5_format import MOST_NAME, SIGNATURE, File, Group, Malformed, Unsupported

SEAL = b"artificial music generator; sha256 of the bytes from 512 on: "
SEAL_BYTES = 512  # the smallest block that HDF5 leaves free at the start of a file
MOST_DEPTH, MOST_VALUES, MOST_DIGITS = 8, 1_200_000, 20  # of JSON; there are 1,114,112 characters to be numbered
KINDS = {str: "a text", int: "a whole number", bool: "true or false", list: "a list"}  # of attributes


@contextmanager
def new_file(path):
    """A new HDF5 file, made in memory, sealed, and written whole: HDF5 itself does not survive a full disk."""
    image = io.BytesIO()
    with h5py.File(image, "w", userblock_size=SEAL_BYTES, libver="earliest", track_order=False) as file:
        yield file
    content = image.getvalue()[SEAL_BYTES:]
    write_bytes(path, seal(content) + content)


@contextmanager
def open_file(path, otherwise):
    """(the root Group of an HDF5 file, whether it has our seal). What is wrong in the file becomes one InputError.

    otherwise: what a file is that is not what it should be, and what to do then: the words after "the file is".
    """
    with opened(read_bytes(path, "an HDF5 file"), path, otherwise) as found:
        yield found


@contextmanager
def opened(image, path, otherwise):
    """The same of bytes that have been read."""
    with said_of(path, otherwise):
        sealed = is_sealed(image)
    with said_of(path, otherwise, sealed):
        yield File(image).root, sealed


def is_sealed(image):
    """Whether the bytes of an HDF5 file have our seal. Raises InputError where it does not fit, or they are no HDF5."""
    if image.startswith(SEAL):  # ours; a file of Keras starts with HDF5's own signature
        fits = image[:SEAL_BYTES] == seal(memoryview(image)[SEAL_BYTES:])
        require(fits, "its content has changed since it was written", kind=Malformed)
        return True
    require(image.startswith(SIGNATURE), "it is not an HDF5 file")
    return False


@contextmanager
def said_of(path, otherwise, sealed=False):
    """What is wrong in a file becomes one InputError, which names it."""
    try:
        yield
    except (InputError, MemoryError) as error:
        raise InputError(f"cannot use {path}: {in_words(error, sealed, otherwise)}") from error


def in_words(error, sealed, otherwise):
    """What is wrong with a file, and what to do. A seal that fits shows that it is not damaged."""
    if isinstance(error, Remedied):
        return error
    if isinstance(error, MemoryError):
        return "there is not enough memory for what is in it; free some"
    if isinstance(error, Unsupported):
        return f"{error}; write it again with the usual settings of Keras or h5py"
    damaged = "damaged or " if isinstance(error, Malformed) and not sealed else ""
    return f"{error}; the file is {damaged}{otherwise}"


def seal(content):
    """The first bytes of a file with this content."""
    return (SEAL + hashlib.sha256(content).hexdigest().encode() + b"\n").ljust(SEAL_BYTES, b"\0")


def child(group, path, kind):
    """The Group or Array within a group at a path such as "lstm/kernel:0"."""
    require(len(path) <= MOST_NAME, f"a name has {len(path):,} characters")
    for name in path.split("/"):
        require(isinstance(group, Group), f"{path!r} goes through something that is not a group")
        group = group.open(name)
    require(isinstance(group, kind), f"{path!r} is not {'a group' if kind is Group else 'a dataset'}")
    return group


def check_floats(array, shape, name):
    """Refuse an array of another shape, or that has no floats."""
    require(array.shape == shape, f"{name} has shape {array.shape}, not {shape}")
    require(array.dtype.kind == "f", f"{name} holds {array.dtype}, not floats")


def attribute(group, name, kind):
    """The value of an attribute, which must be one of KINDS."""
    require(name in group.attributes, f"it has no attribute {name!r}")
    value = group.attributes[name].read()
    value = value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
    require(type(value) is kind, f"its attribute {name!r} is not {KINDS[kind]}")
    return value


def json_attribute(group, name, most=10_000):
    """The value of an attribute that holds at most so many characters of JSON."""
    text = attribute(group, name, str)
    require(len(text) <= most, f"its attribute {name!r} has {len(text):,} characters, and the most is {most:,}")
    try:
        return parsed(text)
    except ValueError as error:
        raise InputError(f"its attribute {name!r} cannot be read as JSON: {error}") from None


def parsed(text, depth=MOST_DEPTH):
    """The value that a text is in JSON. Raises ValueError for what is none, is too deep, or has too many values."""
    if sum(map(text.count, "[{,")) > MOST_VALUES:
        raise ValueError(f"it has more than {MOST_VALUES:,} values")
    try:
        value = json.loads(text, parse_int=whole)
    except RecursionError:
        raise ValueError("it is too deep") from None
    inner = [value]
    for _ in range(depth):
        lists = [item.values() if isinstance(item, dict) else item for item in inner if isinstance(item, (dict, list))]
        inner = [item for items in lists for item in items]
    if inner:
        raise ValueError("it is too deep")
    return value


def whole(digits):
    """A whole number. Raises ValueError for one that is too large for any use."""
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"it has a number of {len(digits):,} digits")
    return int(digits)


def names_as_bytes(names):
    """Names as Keras stores them: an array of byte strings."""
    return np.array([name.encode() for name in names])
