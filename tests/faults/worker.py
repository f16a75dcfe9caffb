"""A child process that answers calls: whatever a call does to it, this process goes on, with a new child.

So a crash, an endless loop or an appetite for memory is a case that did not hold, and not the end of the tests.
"""

import multiprocessing
import os
import signal
import tempfile
import time
import traceback
from pathlib import Path
from typing import NamedTuple

try:
    import resource
except ImportError:  # Windows, where these tests are not run
    resource = None

MOST = 6 * 10**9  # bytes of address space, so that the machine survives


class Answer(NamedTuple):
    """What became of a call."""

    value: object
    seconds: float
    megabytes: float  # above what the child had before


class Worker:
    """`worker(function, *arguments)` is the Answer of a child; AssertionError says how it ended without one."""

    def __init__(self, seconds=10):
        """seconds: that a call may take."""
        self.child, self.seconds = None, seconds

    def __call__(self, function, *arguments):
        if self.child is None:
            self._start()
        self.ours.send((function, arguments))
        if not self.ours.poll(self.seconds):
            self.end()
            raise AssertionError(f"no answer within {self.seconds} s")
        try:
            value, failure, seconds, megabytes = self.ours.recv()
        except EOFError:
            self.child.join()
            status = self.child.exitcode
            self.end()
            raise AssertionError(f"the process ended with status {status}") from None
        assert not failure, failure
        return Answer(value, seconds, megabytes)

    def _start(self):
        context = multiprocessing.get_context("spawn")
        self.ours, theirs = context.Pipe()
        self.child = context.Process(target=serve, args=[theirs], daemon=True)
        self.child.start()
        theirs.close()
        assert self.ours.poll(60) and self.ours.recv() == "ready"

    def end(self):
        """End the child, if there is one."""
        if self.child:
            self.child.kill()
            self.child.join()
            self.ours.close()
        self.child = None


def serve(connection):
    """What the child does: answer, in a directory of its own, until its parent hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MOST, MOST))
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        connection.send("ready")
        while True:
            try:
                function, arguments = connection.recv()
            except EOFError:
                return
            before, start = peak(anew=True), time.perf_counter()
            try:
                value, failure = function(*arguments), ""
            except BaseException as error:
                value, failure = None, f"{place_of(error)}: {type(error).__name__}: {error}"
            connection.send((value, failure, time.perf_counter() - start, peak() - before))


def peak(anew=False):
    """The most memory that this process had, in MB, from now on if anew. 0 where the system does not say."""
    try:
        if anew:
            Path("/proc/self/clear_refs").write_text("5")
        return peak_of("self")
    except OSError:
        return 0.0


def peak_of(process):
    """The most memory that a process of Linux had, in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM:")), 0.0)


def place_of(error):
    """Where an error was raised: file and line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
