"""Run a program that makes one file of another. It may crash, hang or print without end: a crash stays in the child.

The converters and engravers of this field are native programs that a malformed tune can kill. So each runs as a child
process, in an empty folder of its own and with next to no environment. It is ended when its time is up. Where the
system can do it, it ends with this process, and has limits and no rights to other folders: see `confined.py`.
"""

import contextlib
import math
import os
import signal
import site
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

MOST_SAID = 100_000  # bytes; a broken program can print without end
MOST_MADE = 10_000_000  # ... and write
AT_WORK = 0.4  # of its time at work is the most that a program may be; the rest is for a machine that is busy
CONFINED = Path(__file__).parent / "confined.py"
# What programs need to find their libraries. The rest of the environment can hold secrets, and options for anything.
KEPT = "PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME"

RUNNING = set()  # the children at work, from any thread


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
    where = {"cwd": folder, "env": environment(folder), "start_new_session": True}  # a session can be ended as a whole
    # note: this thread waits, because a child that is to end with its parent ends with the thread that started it.
    with subprocess.Popen(confined(command, seconds), **streams, **where) as child:
        RUNNING.add(child)
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"did not end within {seconds:g} seconds"
        finally:
            end(child)
            RUNNING.discard(child)
    if -status == getattr(signal, "SIGXCPU", None):
        return f"was at work for {math.ceil(AT_WORK * seconds)} seconds and did not end"
    return f"ended with status {status}" if status else ""


def end_all():
    """End every child. For who is interrupted and would wait for the threads that wait for them: in a session of their
    own they do not hear Ctrl-C.
    """
    for child in tuple(RUNNING):
        end(child)


def end(child):
    """End a child, if it has not ended, with all that it started; on Windows the child alone."""
    if child.returncode is not None:
        return
    if os.name == "posix":
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)  # its number is its own until someone waits for it
    else:
        child.kill()


def confined(command, seconds):
    """The command behind one that limits it; on Windows itself."""
    if os.name != "posix" or not sys.executable:
        return command
    program = Path(command[0]).absolute()
    readable = [program, *command[1:2], sys.prefix, sys.base_prefix, sys.executable, *packages()]
    limits = [os.getpid(), math.ceil(AT_WORK * seconds), 2 * MOST_MADE, os.pathsep.join(map(str, readable))]
    return [sys.executable, "-I", "-S", str(CONFINED), *map(str, limits), str(program), *command[1:]]


def environment(folder):
    """The child's environment: its own folder as home, and Python's packages where this process has them."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    own = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE"), folder)
    python = {"PYTHONPATH": os.pathsep.join(python_path()), "PYTHONUSERBASE": site.getuserbase() or ""}
    return kept | own | python | {"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}


def packages():
    """The folders where Python's packages are, the user's own too."""
    return [*python_path(), *site.getsitepackages(), site.getusersitepackages()]


def python_path():
    """What the user added to Python's path, as absolute paths, because the child is elsewhere."""
    return [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def beginning(path):
    """As much of a file as shows whether it is too long; None if it is not there, or a link, perhaps to the user's."""
    if path.is_symlink() or not path.is_file():
        return None
    with open(path, "rb") as file:
        return file.read(MOST_MADE + 1)
