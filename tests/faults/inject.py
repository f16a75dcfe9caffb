"""The nth call of a function of the system fails, or is the last thing that the process does.

    python -m faults.inject CALL NTH SCRIPT ARGUMENTS ..    runs a script and kills it at that call

`open` is any opening of a file, `write` what reaches the disk of a file's bytes; a write is halfway when it happens.
Only files below the present directory count, and what has no name (fsync).
"""

import builtins
import io
import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

CALLS = ("open", "write", "fsync", "replace", "unlink", "mkdir")


class Calls:
    """Counts calls; at the nth it acts, with `again` at each later one too."""

    def __init__(self, nth, act, again):
        self.count, self.nth, self.act, self.again = 0, nth, act, again

    def due(self):
        self.count += 1
        return self.count == self.nth or (self.again and self.count > self.nth > 0)


@contextmanager
def injected(call, nth, act, again=False):
    """Within this context act() comes before the nth call, from 1; none for 0. Yields the Calls, which count them."""
    calls, below = Calls(nth, act, again), os.getcwd()

    def ours(path):
        return isinstance(path, (str, os.PathLike)) and os.path.abspath(path).startswith(below + os.sep)

    def before(function):
        def called(*arguments, **options):
            if (call == "fsync" or ours(arguments[0])) and calls.due():
                act()
            return function(*arguments, **options)

        return called

    class Halfway(io.FileIO):
        def write(self, data):
            if not calls.due():
                return super().write(data)
            super().write(memoryview(data)[: len(data) // 2])
            act()

    def opened(path, mode="r", *arguments, **options):
        if mode in ("wb", "xb") and ours(path):
            return io.BufferedWriter(Halfway(path, mode))
        return opening(path, mode, *arguments, **options)

    opening = builtins.open
    with ExitStack() as patches:
        patch = patches.enter_context
        if call == "write":
            patch(mock.patch.object(builtins, "open", opened))
        else:
            patch(mock.patch.object(os, call, before(getattr(os, call))))
            if call == "open":
                patch(mock.patch.object(builtins, "open", before(opening)))
        yield calls


def killed():
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _, call, nth, *sys.argv = sys.argv
    sys.path[0] = str(Path(sys.argv[0]).parent)
    with injected(call, int(nth), killed):
        exec(compile(Path(sys.argv[0]).read_text(), sys.argv[0], "exec"))
