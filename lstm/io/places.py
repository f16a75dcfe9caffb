"""Where things are: the checkout, and what stands in it."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent  # the checkout: data/, model/ and logs/ stand beside lstm/
MODELS, LOGS = ROOT / "model", ROOT / "logs"  # of the user's runs
INPUT, VOCABULARY = ROOT / "data" / "input.txt", ROOT / "data" / "char_to_idx.json"


def shown(path):
    """A path as the user would type it from here."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # on another drive of Windows
        return str(path)
    return str(path) if relative.startswith("..") else relative
