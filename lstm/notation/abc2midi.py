"""abc2midi, the field's own converter: where it is, and what it says of a tune.

It is a C program that a random tune can crash or hang, so it runs as a child process with a time limit.
"""

import importlib.util
import os
import re
import shutil
from functools import lru_cache
from pathlib import Path

from lstm.io import InputError, child_process
from lstm.io.places import how_to_install
from lstm.notation.tunes import first_tune

# A line with a directive that makes abc2midi read another file: a tune may come from anywhere, and must not show the
# user's files. abc2midi finds them after blanks, notes or \r, with one % or two, so the word alone decides.
NAMES_A_FILE = re.compile(r"(?<![^\r\n])[^\r\n]*(?:abc-include|ptstress)[^\r\n]*", re.I)
SECONDS = 5.0  # abc2midi needs some 2 ms for a tune; whatever takes this long is a loop


def find_abc2midi():
    """The abc2midi that comes with symusic, else the system's. Raises InputError if neither is there."""
    spec = importlib.util.find_spec("symusic")  # note: this looks for the package without importing it
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for name in ("abc2midi.exe", "abc2midi") if os.name == "nt" else ("abc2midi",):
            program = Path(folder, "bin", name)
            if program.is_file() and program.stat().st_size:  # on Windows an empty abc2midi stands beside the .exe
                return program
    if program := shutil.which("abc2midi"):
        return Path(program)
    raise InputError('abc2midi was not found, neither in the symusic package nor on the PATH: '
                     f"install it with  {how_to_install('symusic', 'music')}")


@lru_cache(maxsize=256)  # an album needs the answer for the notes, the score, the sound and the verdict
def ask_abc2midi(tune, abc2midi, seconds=SECONDS):
    """(midi, errors, warnings): the bytes of the MIDI file, None if there is none, and the lines that abc2midi printed.

    tune: the text of one tune; what follows an empty line is not part of it. A crash or a time-out is an error like any
    other.
    """
    command = [str(Path(abc2midi).absolute()), "tune.abc", "-o", "tune.mid"]
    given = "tune.abc", NAMES_A_FILE.sub("%", first_tune(tune)).encode("utf-8", "replace")
    midi, said, failure = child_process.make(command, given, "tune.mid", seconds)
    errors = tuple(line for line in said.splitlines() if line.startswith("Error"))
    warnings = tuple(line for line in said.splitlines() if line.startswith("Warning"))
    return midi, errors + ((f"Error: abc2midi {failure}",) if failure else ()), warnings
