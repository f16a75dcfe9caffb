"""Run a program that makes one file of another. It may crash, hang or print without end: a crash stays in the child.

The converters and engravers of this field are native programs that a malformed tune can kill. So each runs as a child
process, in an empty folder of its own, and is ended when its time is up.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

MOST_SAID = 100_000  # bytes; a broken program can print without end
MOST_MADE = 10_000_000  # ... and write


class Outcome(NamedTuple):
    """What became of a child."""

    made: bytes | None  # the file it was to make; None if it did not, or ended badly
    said: str  # what it printed on either output, the beginning of it
    failure: str  # how it ended badly, in words that follow its name: "ended with status -11"; else empty


def make(command, given, wanted, seconds):
    """Run `command` for at most `seconds` where the one file `given` (name, bytes) is, to make the file `wanted`."""
    with tempfile.TemporaryDirectory(prefix="tune-") as folder, tempfile.TemporaryFile() as output:
        name, content = given
        Path(folder, name).write_bytes(content)
        failure = run(command, folder, output, seconds)
        output.seek(0)
        said = output.read(MOST_SAID).decode("utf-8", "replace")
        made = None if failure else beginning(Path(folder, wanted))
    if made is not None and len(made) > MOST_MADE:
        made, failure = None, f"wrote more than {MOST_MADE:,} bytes"
    return Outcome(made, said, failure)


def run(command, folder, output, seconds):
    """How the child ended badly, or nothing. `output` is a file, because a pipe would have to hold all it prints."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
    try:
        status = subprocess.run(command, cwd=folder, timeout=seconds, check=False, **streams).returncode
    except subprocess.TimeoutExpired:
        return f"did not end within {seconds:g} seconds"
    return f"ended with status {status}" if status else ""


def beginning(path):
    """As much of a file as shows whether it is too long; None if it is not there."""
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        return file.read(MOST_MADE + 1)
