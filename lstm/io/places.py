"""Where things are, in a checkout or beside an installed package, and how the commands are called there."""

import os
from pathlib import Path

from lstm.io.standard_streams import escaped

ROOT = Path(__file__).resolve().parent.parent.parent  # of a checkout: data/, model/ and logs/ stand beside lstm/
IS_CHECKOUT = (ROOT / "setup.cfg").is_file()  # else the package was installed from a wheel
MODELS, LOGS = (ROOT / "model", ROOT / "logs") if IS_CHECKOUT else (Path("model"), Path("logs"))  # of the user's runs
INPUT, VOCABULARY = ROOT / "data" / "input.txt", ROOT / "data" / "char_to_idx.json"

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
