"""Threads: tasks side by side, and parts of one task that wait for each other.

How work is cut into tasks follows from its shape alone, never from the number of threads, and results come in the
order of the tasks: any number of threads gives the same bits. (What may be cut otherwise is a sum that is the same in
any cut: see kernels.shares.)
"""

import contextlib
import itertools
import os
import sys
import weakref
from functools import lru_cache, partial
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

import numpy as np
from threadpoolctl import ThreadpoolController

from lstm.engine.barrier import ALL, LINE, announce, look_out

LOCK, LIMITS = Lock(), []  # what holds BLAS to one thread: once for each context that is open, in any thread


# What says in version 1 of control groups what a file says in version 2.
VERSION_1 = {
    "memory.max": ("memory", "memory.limit_in_bytes"),
    "cpu.max": ("cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us"),
}


def default_threads():
    """The cores this process may use: those it is held to, and those a container has a share of."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, round(least_limit("cpu.max") or cores)))


def least_limit(name, top="/sys/fs/cgroup", membership="/proc/self/cgroup"):
    """The least number in the files `name` of this process's control group and of all above it; None for no limit.

    A container has its share of the machine's memory and cores from these (cgroups of Linux; in version 1 each
    controller has a tree of its own, and other files).
    """
    controller, *files = VERSION_1[name]
    limits, groups = [], []
    with contextlib.suppress(OSError, ValueError):  # not on this system
        for line in ["0::/", *Path(membership).read_text().splitlines()]:
            _, controllers, own = line.split(":", 2)
            if not controllers:
                groups.append((Path(top), own, [name]))
            elif controller in controllers.split(","):
                groups += [(Path(top, controller), place, files) for place in (own, "/")]  # "/": within a container
    for root, own, names in groups:
        group = root / own.lstrip("/")
        for folder in (group, *group.parents)[: len(group.parts) - len(root.parts) + 1]:
            with contextlib.suppress(OSError, ValueError):  # "max" is no number: there is no limit
                amount, *period = " ".join((folder / file).read_text() for file in names).split()
                limits += [int(amount) / int(period[0] if period else 1)] * (int(amount) >= 0)
    return min(limits, default=None)


@lru_cache(maxsize=1)
def blas(_modules):
    """What sets the threads of each BLAS that is loaded by now. _modules: how many are imported, the cache's key.

    The next one may bring a BLAS of its own. So does SciPy, which Numba imports, where it is, when it first compiles.
    """
    return ThreadpoolController().select(user_api="blas")


@contextlib.contextmanager
def one_blas_thread():
    """Within this context a matrix product runs in the thread that calls it; after the last such context as before."""
    with LOCK:
        LIMITS.append(LIMITS[0] if LIMITS else blas(len(sys.modules)).limit(limits=1))
    try:
        yield
    finally:
        with LOCK:
            limit = LIMITS.pop()
            if not LIMITS:
                limit.restore_original_limits()


class Helper:
    """A thread that does what it is handed, one job after another.

    The next job of a training step comes within microseconds, and to be woken takes a thread much longer than that. So
    a helper, and who waits for it, look out for a moment before they sleep.
    """

    def __init__(self):
        self._jobs, self._count = SimpleQueue(), 0
        self._signs = np.zeros((2, LINE), np.int64)  # how many jobs were handed out, and how many have ended
        what_it_needs = self._jobs, self._signs  # not self: it ends when nobody needs it any more
        Thread(target=help_out, args=what_it_needs, daemon=True).start()
        weakref.finalize(self, self._jobs.put, (None, None))

    def begin(self, job):
        """Hand out a function without arguments. Returns where its end will be known."""
        ended = SimpleQueue()
        self._jobs.put((job, ended))
        self._count += 1
        announce(self._signs, 0, self._count)
        return ended

    def end(self, ended):
        """Wait until it has ended. Returns what it raised, or None."""
        look_out(self._signs, 1, self._count)
        return ended.get()


def help_out(jobs, signs):
    """What a helper does."""
    for count in itertools.count(1):
        look_out(signs, 0, count)
        (job, ended), error = jobs.get(), None
        if job is None:
            return
        try:
            job()
        except BaseException as raised:
            error = raised
        del job  # which may be what keeps the helper
        ended.put(error)
        announce(signs, 1, count)


class Workers:
    """The thread that calls, and others that help it. Meanwhile BLAS starts none of its own, for the same cores.

    Nor does NumPy warn of numbers that overflow, where training diverges: that is noticed by the loss.
    """

    def __init__(self, threads=1):
        self.threads = threads
        self._helpers = [Helper() for _ in range(threads - 1)]

    def _all(self, jobs, in_trouble=lambda: None):
        """Do all jobs at the same time, the first in this thread. in_trouble: what to do before an error goes on."""
        begun = []
        try:
            for helper, job in zip(self._helpers, jobs[1:]):
                begun.append((helper, helper.begin(job)))
            jobs[0]()
        except BaseException:  # Ctrl-C may come when some have begun and others never will
            in_trouble()
            raise
        finally:
            errors = [error for error in [helper.end(ended) for helper, ended in begun] if error]
        if errors:
            raise errors[0]

    def map(self, function, items):
        """[function(item) for item in items], side by side."""
        items = list(items)
        results, following = [None] * len(items), itertools.count()

        def work():
            # Each thread takes the next item until none is left: waking a thread costs more than some items.
            with np.errstate(over="ignore", invalid="ignore"):  # which each thread has for itself
                while (n := next(following)) < len(items):
                    results[n] = function(items[n])

        with one_blas_thread():
            self._all([work] * max(1, min(self.threads, len(items))))
        return results

    def run(self, tasks):
        """The results of functions without arguments, side by side."""
        return self.map(lambda task: task(), tasks)

    def together(self, function, count):
        """function(n, arrived) for n = 0 .. count-1, at most `threads`, all at the same time: they may wait for
        each other, with the functions of barrier.py. arrived: (count, LINE) int64, zero at the start."""
        arrived = np.zeros((count, LINE), np.int64)

        def nobody_waits():  # because one may have failed, and the others would wait forever
            arrived[:] = ALL

        def job(n):
            try:
                function(n, arrived)
            except BaseException:
                nobody_waits()
                raise

        self._all([partial(job, n) for n in range(count)], nobody_waits)


# -- tasks: the pieces of work that needs no loop over time


def pieces(N, count):
    """`count` slices of about the same length that together are 0 .. N."""
    return [slice(N * n // count, N * (n + 1) // count) for n in range(count)]


def by_time(function, T, B):
    """Tasks function(slice of the time steps): an even number of them, at most 8, each for 256 places of the batch or
    more; one where there are fewer."""
    count = max(2, T * B // 1024 * 2) if T * B >= 512 else 1
    return [partial(function, piece) for piece in pieces(T, min(8, count) if T >= 8 else 1)]


def by_columns(function, N):
    """Tasks function(slice of the columns): an even number of them, each for 256 columns or more; or one."""
    return [partial(function, piece) for piece in pieces(N, max(2, N // 1024 * 2) if N >= 512 else 1)]
