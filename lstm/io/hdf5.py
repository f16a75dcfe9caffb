"""HDF5 files: written atomically with a checksum, read as untrusted.

Nothing in a file is executed and no link is followed out of it. The first 512 bytes of our files, which HDF5
leaves to its users, hold a checksum of all the rest: it is compared before HDF5 sees a byte, because the
library can hang on a damaged file.
"""

import hashlib
import io
from contextlib import contextmanager

import h5py
import numpy as np

from lstm.io import InputError
from lstm.io.files import read_bytes, write_bytes

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SEAL = b"artificial music generator; sha256 of the bytes from 512 on: "
SEAL_BYTES = 512  # the smallest block that HDF5 leaves free at the start of a file


class Remedied(InputError):
    """A complaint about a file that says itself what to do."""


@contextmanager
def new_file(path):
    """A new HDF5 file, made in memory, sealed, and written whole: HDF5 itself does not survive a full disk."""
    image = io.BytesIO()
    with h5py.File(image, "w", userblock_size=SEAL_BYTES) as file:
        yield file
    content = image.getvalue()[SEAL_BYTES:]
    write_bytes(path, seal(content) + content)


@contextmanager
def open_file(path, remedy):
    """An HDF5 file to read; whatever is wrong in it becomes one InputError with its path, and the remedy.

    Of complaints that are Remedied the remedy is their own.
    """
    image = read_bytes(path)
    try:
        if not image.startswith(SIGNATURE):  # ours; a file of Keras starts with HDF5's own signature
            require(image.startswith(SEAL), "it is not an HDF5 file")
            require(image[:SEAL_BYTES] == seal(image[SEAL_BYTES:]), "its content has changed since it was written")
        with h5py.File(io.BytesIO(image), "r") as file:
            yield file
    except Remedied as error:
        raise InputError(f"cannot use {path}: {error}") from error
    except (InputError, OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, MemoryError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"cannot use {path}: {reason}; {remedy}") from error


def seal(content):
    """The first bytes of a file with this content."""
    return (SEAL + hashlib.sha256(content).hexdigest().encode() + b"\n").ljust(SEAL_BYTES, b"\0")


def require(condition, complaint, remedy=None):
    """Raise InputError unless the condition holds: with a remedy, or else with the one that open_file was given."""
    if not condition:
        raise Remedied(f"{complaint}; {remedy}") if remedy else InputError(complaint)


def child(group, name, kind):
    """A member of a group, with no link that leads out of the file followed on the way."""
    for part in name.split("/"):
        require(isinstance(group, h5py.Group), f"{name!r} goes through something that is not a group")
        link = group.get(part, getlink=True)
        require(isinstance(link, h5py.HardLink), f"{name!r} is missing or a link")
        group = group[part]
    require(isinstance(group, kind), f"{name!r} is not a {kind.__name__.lower()}")
    return group


def check_dataset(dataset, shape):
    """Refuse a dataset of another shape, of no plain floats, or whose content is not in this very file."""
    require(dataset.shape == shape, f"{dataset.name} has shape {dataset.shape}, not {shape}")
    require(dataset.dtype in (np.float32, np.float64), f"{dataset.name} holds {dataset.dtype}, not floats")
    require(not dataset.is_virtual and not dataset.external, f"{dataset.name} keeps its content in another file")
    stored = dataset.id.get_storage_size()
    require(stored == dataset.nbytes, f"{dataset.name} stores {stored} bytes, and its shape needs {dataset.nbytes}")


def names_as_bytes(names):
    """Names as Keras stores them: an array of byte strings."""
    return np.array([name.encode() for name in names])


def as_text(name):
    """A name out of an HDF5 attribute, which may be bytes."""
    return name.decode() if isinstance(name, bytes) else str(name)
