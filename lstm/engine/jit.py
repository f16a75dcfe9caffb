"""How the hot loops are compiled: `@compiled` is Numba's njit with this project's options.

Compiled code is kept on disk, so that only the first run has to wait for it. Numba compiles a function anew when
its own file has changed, but not when a function that it calls has: here the cache's place is named by a digest
of all sources that are compiled, so an edit to any of them, or an update, never meets stale machine code.
"""

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import numba

# nogil: other threads run while compiled code does.
# error_model: NumPy's division has no check for zero, and the check would keep loops from vectorising.
# fastmath: multiply-adds may be fused, and that is all: sums stay in the order they are written in, so that the
# same sum has the same bits wherever it is compiled, and a NaN comes out where one went in, so that training notices.
FASTMATH = ("contract",)
OPTIONS = dict(nogil=True, error_model="numpy", fastmath=set(FASTMATH))

PACKAGE = Path(__file__).parent.parent


def cache_folder():
    """Where compiled code is kept: below NUMBA_CACHE_DIR if that is set, beside the sources, or in the user's cache.

    That is the first of these where files can be made. If there is none, it is a temporary folder of this process, and
    a line says so; None if not even that can be had.
    """
    sources = [path.read_bytes() for path in sorted(PACKAGE.rglob("*.py"))]
    sources = b"".join(source for source in sources if b"lstm.engine.jit" in source)
    name = f"lstm-{sha256(sources).hexdigest()[:12]}"
    asked = [numba.config.CACHE_DIR] if numba.config.CACHE_DIR else []
    for place in (*asked, PACKAGE / "__pycache__", os.path.expanduser("~/.cache/lstm")):
        folder = Path(place).absolute() / name
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            return folder
    remark = "compiled code cannot be kept, so each start takes some seconds more; NUMBA_CACHE_DIR names a place for it"
    print(remark, file=sys.stderr)
    with contextlib.suppress(OSError):
        folder = tempfile.mkdtemp(prefix=name)  # this user's alone: others must not put code there
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)
    return None


CACHE_FOLDER = cache_folder()


def compiled(function):
    """Compile a function when it is first called with new types, and keep the code."""
    if CACHE_FOLDER is None:
        return numba.njit(**OPTIONS)(function)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(CACHE_FOLDER)  # looked at while the next line runs, and by nobody else
    try:
        dispatcher = numba.njit(cache=True, **OPTIONS)(function)
    finally:
        numba.config.CACHE_DIR = before
    if hasattr(dispatcher, "_cache"):  # not where compilation is switched off
        keep = dispatcher._cache.save_overload

        def keep_if_there_is_room(*code):
            with contextlib.suppress(OSError):  # a full disk: the next run compiles again
                keep(*code)

        dispatcher._cache.save_overload = keep_if_there_is_room
    return dispatcher
