"""The machine a run is made on, and the environment of its processes."""

import importlib.metadata
import os
import platform
import re
from datetime import date
from pathlib import Path

from lstm.engine.threads import default_threads
from lstm.io.command_line import say

# Settings that hold OpenBLAS to the kernels of an older processor: some hosts set them, users' machines do not.
BLAS_PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
PACKAGES = ("numpy", "numba", "llvmlite", "torch", "keras", "jax")


def processor():
    """Its name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def caches():
    """The caches of the first core, as text: what the system says, which is only Linux."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"{size.replace('K', ' KB')} L{level}{'d' if kind == 'Data' else ''}")
    return "caches " + (", ".join(found) or "unknown")


def short_name():
    """A name for this machine's file: of the processor and its caches, as "amd-epyc-32-1024-32768"."""
    sizes = re.findall(r"(\d+) KB", caches())
    return "-".join([*re.findall(r"[a-z0-9]+", processor().lower()), *sizes])


def version(package):
    """What is installed of a package."""
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return f"no {package}"


def describe(keep_pins):
    """The lines that say where and with what a run was made."""
    pins = [name for name in BLAS_PINS if name in os.environ]
    lines = [
        f"{processor()}, {default_threads()} cores, {platform.system()}, Python {platform.python_version()}",
        f"{caches()}; {date.today()}",
        ", ".join(map(version, PACKAGES)),
    ]
    if pins:
        done = "kept" if keep_pins else "removed for all participants"
        lines.append(f"{' and '.join(pins)} were set here, and are {done}")
    if hasattr(os, "getloadavg"):
        lines.append(f"load before the run: {os.getloadavg()[0]:.1f}")
    return lines


def child_environment(keep_pins):
    """The environment of the participants."""
    return {name: value for name, value in os.environ.items() if keep_pins or name not in BLAS_PINS}


def progress(*words):
    """A word of progress on standard error."""
    say("..", *words)
