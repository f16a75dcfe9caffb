"""One training shared out over processes, on one machine or on many, by MPI (MPI Forum 2021): its ranks.

Each rank reads some rows of every batch, and has all parameters. The sum of the gradients is on all ranks the same, bit
by bit, so that each makes the same step of the optimizer by itself. `Alone` is what a training has without MPI.
"""

import hashlib
import math
import os
import platform
import sys
import time
import traceback
from contextlib import contextmanager, nullcontext
from importlib import metadata

import llvmlite.binding as llvm
import numpy as np

from lstm.engine.threads import default_threads, pieces
from lstm.io import InputError
from lstm.io.places import how_to_install

PROCESSOR = "the processor"
PATIENCE = 2.0  # seconds that a rank which ends waits for the others to end too
LOOK = 0.01  # seconds between two looks whether they have
PAUSE = 1.0  # seconds for a launcher to pass on the last line of a rank: at an abort it may throw away what it holds


class Alone:
    """A training of one process."""

    rank, size = 0, 1

    def __init__(self):
        self.stop = None  # a StopRequest, where one listens

    @property
    def stop_requested(self):
        """Whether a rank was asked to stop, before the last `add`: the same on all."""
        return self.stop is not None and self.stop.requested

    def threads(self):
        """How many threads each rank here may have."""
        return default_threads()

    def rows(self, B):
        """Which of B rows are this rank's, a slice."""
        return slice(0, B)

    def add(self, gradient, share, *numbers):
        """Make a flat gradient, of the mean over this rank's rows, that over all rows: in place.

        share: what part of all rows this rank has. Returns the sums over all ranks of the numbers.
        """
        return numbers

    def joined(self, array, axis):
        """The rows of all ranks, where `array` has those of this one along an axis."""
        return array

    def of_first(self, function):
        """What a function gives, called by the first rank alone; its InputError is one of all."""
        return function()

    def agree(self, facts):
        """Raise InputError where {name: value}, or the version of a library, is not the same on all ranks."""

    def stay_equal(self, what, array):
        """Raise InputError where an array is not the same on all ranks, bit by bit."""

    def together(self):
        """Within this context no rank waits for one that has failed."""
        return nullcontext()


class Ranks(Alone):
    """One of several processes that train together."""

    def __init__(self, communicator):
        """communicator: of mpi4py."""
        super().__init__()
        from mpi4py import MPI

        self.mpi, self.all, self.parting = MPI, communicator, communicator.Dup()
        self.rank, self.size = communicator.rank, communicator.size
        self.machine = MPI.Get_processor_name()
        self._asked = False

    @property
    def stop_requested(self):
        return self._asked

    def threads(self):
        cores = tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()
        there = self.all.allgather((self.machine, cores))
        return max(1, default_threads() // there.count((self.machine, cores)))  # a launcher may have shared them out

    def rows(self, B):
        return pieces(B, self.size)[self.rank]

    def add(self, gradient, share, *numbers):
        gradient *= gradient.dtype.type(share)
        self.all.Allreduce(self.mpi.IN_PLACE, gradient)
        sums = np.array([*numbers, self.stop is not None and self.stop.requested], np.float64)
        self.all.Allreduce(self.mpi.IN_PLACE, sums)
        *sums, asked = sums.tolist()
        self._asked = asked > 0
        return sums

    def joined(self, array, axis):
        return np.concatenate(self.all.allgather(array), axis)

    def of_first(self, function):
        result = error = None
        if self.rank == 0:
            try:
                result = function()
            except InputError as raised:
                error = raised
        result, error = self.all.bcast((result, error))
        if error:
            raise error
        return result

    def agree(self, facts):
        first, *others = self.all.allgather((f"rank {self.rank} on {self.machine}", versions() | facts))
        for name, value in first[1].items():
            for who, known in others:
                if known[name] != value:
                    what = f"{who} has {name} {known[name]}, and {first[0]} {value}"
                    remedy = "; NUMBA_CPU_NAME=haswell makes them equal" * (name == PROCESSOR)
                    raise InputError(f"{what}; all ranks must have the same{remedy}")

    def stay_equal(self, what, array):
        self.agree({what: hashlib.sha256(array).hexdigest()[:12]})

    @contextmanager
    def together(self):
        """As of Alone. The first rank alone prints; another has a word only if it fails where others do not."""
        error_output = sys.stderr
        if self.rank:
            sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")
        try:
            yield
            self._all_end(math.inf)
        except BaseException as error:
            if not self._all_end():
                self._abort(error, error_output)
            raise
        finally:
            self.mpi.Finalize()  # now, because a launcher ends all if one ends before that, as Ctrl-C has it

    def _all_end(self, patience=PATIENCE):
        """Whether all ranks come to their end too, as where they all refuse the same option. patience: seconds."""
        arrived, until = self.parting.Ibarrier(), time.monotonic() + patience
        while not arrived.Test():
            if time.monotonic() > until:
                return False
            time.sleep(LOOK)
        return True

    def _abort(self, error, output):
        """Say what has happened to this rank, and end all."""
        if not isinstance(error, (InputError, KeyboardInterrupt, OSError, MemoryError, SystemExit)):
            traceback.print_exception(error, file=output)
        refused = isinstance(error, SystemExit)  # by the parser, which says so where nobody hears it
        why = "its options are refused" if refused else str(error) or type(error).__name__
        print(f"rank {self.rank} on {self.machine} has ended: {why}; so all end", file=output, flush=True)
        time.sleep(PAUSE)
        self.all.Abort(2)


def ranks_of_mpi():
    """The Ranks that `mpiexec` has started; one is `Alone`. Raises InputError where there is no MPI."""
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise InputError(f"--mpi needs mpi4py; install it with  {how_to_install('mpi4py', 'mpi')}") from error
    except RuntimeError as error:
        why = " ".join(str(error).split())
        raise InputError(f"mpi4py finds no MPI: {why}; python -m pip install mpich  brings one") from error
    return Ranks(MPI.COMM_WORLD) if MPI.COMM_WORLD.size > 1 else Alone()


def processor():
    """What the code of this process is compiled for. Two kinds round otherwise, and ranks would drift apart."""
    kinds = os.environ.get("NUMBA_CPU_NAME") or llvm.get_host_cpu_name(), os.environ.get("OPENBLAS_CORETYPE", "")
    return " ".join(filter(None, kinds))


def versions():
    """{name: version} of what the bits of a training depend on."""
    found = {"Python": platform.python_version(), PROCESSOR: processor()}
    for name in ("artificial-music-generator", "numpy", "numba"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # a checkout that is not installed
            found[name] = "unknown"
    return found
