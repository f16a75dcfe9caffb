"""A program that makes one file out of another, as a child process that may crash, hang or babble.

The converters and engravers of this field are native programs that a malformed tune can kill. Here they die alone: each
runs in an empty folder of its own, to its end, at the latest when its time is up.
"""
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

MOST_SAID = 100_000  # bytes; a mad child can print without end
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
        failure = _run(command, folder, output, seconds)
        output.seek(0)
        said = output.read(MOST_SAID).decode("utf-8", "replace")
        made = None if failure else _beginning(Path(folder, wanted))
    if made is not None and len(made) > MOST_MADE:
        made, failure = None, f"wrote more than {MOST_MADE:,} bytes"
    return Outcome(made, said, failure)


def _run(command, folder, output, seconds):
    """How the child ended badly, or nothing. `output` is a file, because a pipe would have to hold all it prints."""
    try:
        status = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, check=False,
                                stderr=subprocess.STDOUT, timeout=seconds).returncode
    except subprocess.TimeoutExpired:
        return f"did not end within {seconds:g} seconds"
    return f"ended with status {status}" if status else ""


def _beginning(path):
    """As much of a file as shows whether it is too long; None if it is not there."""
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        return file.read(MOST_MADE + 1)
