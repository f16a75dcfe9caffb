"""Where the program meets the outside: files, places, options, child processes, errors. Nothing here knows a model."""

import sys
from importlib.util import find_spec

NEEDED = ("numpy", "numba", "h5py", "matplotlib", "threadpoolctl", "tqdm")


class InputError(ValueError):
    """Bad input from outside, the user's to mend. The message names the value, the place and the remedy.

    The commands print it as a single line and end with status 2.
    """


def require_packages(name):
    """End the command of that name, in one line, where a package is missing: nothing else can be imported then."""
    missing = [package for package in NEEDED if find_spec(package) is None]
    if missing:
        are = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed for this Python"
        print(f'{name}: {are}; README.md has the commands for that, below "Start"', file=sys.stderr)
        sys.exit(2)
