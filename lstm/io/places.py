"""Where things are, in a checkout or beside an installed package, and how the commands are called there."""

import contextlib
import os
import re
from importlib import metadata
from pathlib import Path

from lstm.io.standard_streams import escaped

ROOT = Path(__file__).resolve().parent.parent.parent  # of a checkout: data/, model/ and logs/ stand beside lstm/
IS_CHECKOUT = (ROOT / "setup.cfg").is_file()  # else the package was installed from a wheel
MODELS, LOGS = (ROOT / "model", ROOT / "logs") if IS_CHECKOUT else (Path("model"), Path("logs"))  # of the user's runs
INPUT = ROOT / "data" / "input.txt"
USUAL_INPUT = "data/input.txt" if IS_CHECKOUT else "none"  # in a --help
PROJECT = "artificial-music-generator"

MODULES = {"train.py": "train", "sample.py": "compose"}  # behind the scripts


def shown(path):
    """A path as the user would type it from here; in one line, whatever its name."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # on another drive of Windows
        return escaped(str(path))
    return escaped(str(path) if relative.startswith("..") else relative)


def command(script):
    """How the user calls a command of the checkout from here: `python train.py`; beside a wheel by its module."""
    return f"python {shown(ROOT / script)}" if IS_CHECKOUT else f"python -m lstm.{MODULES[script]}"


def how_to_install(library, extra=None):
    """The command that installs a library and all of its extra of setup.cfg: in a checkout by the name of the extra,
    beside a wheel by the packages in it.

    Never by the name of this project, which is not on PyPI: anybody could give it to another package there.
    """
    if extra and IS_CHECKOUT:
        return f'python -m pip install -e "{shown(ROOT)}[{extra}]"'
    required = []
    with contextlib.suppress(metadata.PackageNotFoundError):  # a copy of the folder, not installed
        required = metadata.requires(PROJECT) or []
    packages = [re.match(r"[\w.-]+", line)[0] for line in required if re.search(f"extra == .{extra}.$", line)]
    return f"python -m pip install {' '.join(packages or [library])}"
