"""How the hot loops are compiled: `@compiled` is Numba's njit with this project's options.

Compiled code is kept on disk, so that only the first run has to wait for it. Numba's own cache is not used: it compiles
a function anew when its own file has changed, but not when a function that it calls has, and it runs what it finds.
Here a file is named by a digest of all that its code follows from, so stale code is never met. It begins with a seal,
so what is damaged is compiled again; and what another user could have written is not read, because it would be run.
"""

import linecache
import os
import pickle
import re
import shutil
import stat
import sys
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

# nogil: other threads run while compiled code does.
# error_model: NumPy's division has no check for zero, and the check would keep loops from vectorising.
# fastmath: multiply-adds may be fused, and that is all: sums stay in the order they are written in, so that the
# same sum has the same bits wherever it is compiled, and a NaN comes out where one went in, so that training notices.
FASTMATH = ("contract",)
OPTIONS = dict(nogil=True, error_model="numpy", fastmath=set(FASTMATH))

PACKAGE = Path(__file__).parent.parent
IMPORT = re.compile(r"^[ \t]*(?:from +(lstm[\w.]*) +import +(\([^)]*\)|.*)|import +(.*))", re.MULTILINE)
# The settings of Numba, by environment variables of these names, that change what it writes.
CHANGE_CODE = ("CPU_NAME", "CPU_FEATURES", "ENABLE_AVX", "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK")
CHANGE_CODE += ("DISABLE_INTEL_SVML", "DEBUGINFO_DEFAULT", "EXTEND_VARIABLE_LIFETIMES")
CHANGE_CODE += ("LLVM_REFPRUNE_PASS", "LLVM_REFPRUNE_FLAGS")
MOST = 2**26  # bytes of a file of compiled code; ours have 200,000


def is_mine(status, is_kind=stat.S_ISREG):
    """Whether a file (or what is_kind says) can have been written by this user and the system's administrator alone."""
    if os.name == "nt":  # where this is a matter of lists that Python does not read
        return is_kind(status.st_mode)
    return is_kind(status.st_mode) and status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022


def cache_folder():
    """Where compiled code is kept: below NUMBA_CACHE_DIR if that is set, beside the sources, or in the user's cache.

    That is the first of these where this user can make files, and nobody else. None if there is none; a line says so.
    """
    asked = [config.CACHE_DIR] if config.CACHE_DIR else []
    for place in (*asked, PACKAGE / "__pycache__", os.path.expanduser("~/.cache/lstm")):
        folder = Path(place).absolute() / "lstm-compiled"
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                if is_mine(folder.lstat(), stat.S_ISDIR) and is_mine(os.fstat(file.fileno())):
                    return folder
    remark = "compiled code cannot be kept, so each start takes some seconds more; NUMBA_CACHE_DIR names a place for it"
    with suppress(OSError, AttributeError):  # standard error may be full, or closed
        sys.stderr.write(f"{remark}\n")
    return None


CACHE_FOLDER = cache_folder()


def sources(name, known):
    """Add to `known`, {module: its source}, a module and all of this package that it imports; "" where there is none.

    Constants and functions of others end up in compiled code. A package's __init__ is taken, but not what that imports.
    """
    module = sys.modules.get(name)
    if module is None or name in known:
        return known
    file = getattr(module, "__file__", None) or ""
    linecache.checkcache(file)
    known[name] = "".join(linecache.getlines(file, vars(module)))  # from a zip file too
    if not hasattr(module, "__path__"):
        for package, names, modules in IMPORT.findall(known[name]):
            inner = [f"{package}.{word}" for word in re.findall(r"\w+", names)]
            for imported in (package, *inner, *re.findall(r"\blstm[\w.]*", modules)):
                sources(imported, known)
    return known


class Kept(NullCache):
    """The compiled code of a function on disk, a file for each types of arguments: Numba asks it before it compiles."""

    def __init__(self, name, sources):
        settings = [getattr(config, setting, None) for setting in CHANGE_CODE]
        versions = [module.__version__ for module in (numba, llvmlite, np)]
        self._name, self._key = name, (sys.version, versions, settings, sorted(sources.items()), name)

    def _path(self, types, codegen):
        key = repr((self._key, str(types), codegen.magic_tuple()))  # the last has the processor and its features
        return CACHE_FOLDER / f"{self._name}-{sha256(key.encode()).hexdigest()[:32]}.nbc"

    def load_overload(self, types, target):
        """The code for these types; None if there is none that can be trusted."""
        target.refresh()
        try:
            return CompileResult._rebuild(target, *pickle.loads(unsealed(self._path(types, target.codegen()))))
        except Exception:  # it is not there, or damaged: whatever is wrong with it, it is made anew
            return None

    def save_overload(self, types, result):
        """Keep the code for these types."""
        path, code = self._path(types, result.codegen), dumps(result._reduce())
        with suppress(OSError):  # a full disk: the next run compiles again
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            write_aside(path, seal(path, code) + code)


def seal(path, code):
    """The checksum of code and of the name of its file, so that two files cannot be taken for each other."""
    return sha256(path.name.encode() + code).digest()


def unsealed(path):
    """The code in a file. Raises OSError or ValueError where it is not what was written there by this user."""
    # Neither a link, because it could lead to a file of this user that others gave the content; nor a pipe.
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | careful)) as file:
        status = os.fstat(file.fileno())
        content = file.read(MOST) if is_mine(status) and status.st_size <= MOST else b""
    code = content[sha256().digest_size :]
    if not content.startswith(seal(path, code)):
        raise ValueError(f"{path} is damaged")
    return code


def write_aside(path, content):
    """Write a file of this user's alone, so that it is whole or not there."""
    number, aside = tempfile.mkstemp(dir=path.parent)
    try:
        with open(number, "wb") as file:
            file.write(content)
        os.replace(aside, path)
    finally:
        Path(aside).unlink(missing_ok=True)


def compiled(function):
    """Compile a function when it is first called with new types, and keep the code.

    Not that of a function within another one, nor that of a notebook: it follows from more than sources.
    """
    dispatcher, name = numba.njit(**OPTIONS)(function), f"{function.__module__}.{function.__qualname__}"
    used = sources(function.__module__, {})
    is_jit = hasattr(dispatcher, "_cache")  # not where compilation is switched off
    if is_jit and CACHE_FOLDER and "<" not in name and used and all(used.values()):
        dispatcher._cache = Kept(name, used)
    return dispatcher
