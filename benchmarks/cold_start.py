"""What only a fresh process can show: the time to the first training batch, and memory above the imports.

Run as a program this module is such a process: `python -m benchmarks.cold_start JSON`. Cold means an empty Numba
cache, warm a filled one; Python's own cache of bytecode and the system's cache of files are warm in both.
It imports nothing of the package at its top: that would count as time and memory of the peers.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks import frameworks
from benchmarks.cases import REFERENCE
from benchmarks.interference import busy, foreign_share, least_disturbed

ROOT = Path(__file__).resolve().parent.parent
STEPS = 10  # of training, before memory is read
IMPORTS = {"ours": "lstm.training", "PyTorch": "torch", "Keras": "keras, jax"}


def run(command, environment):
    """(seconds, last line, foreign share) of a process, from start to end; the line is None where it failed."""
    start, before, own = time.perf_counter(), busy(), own_seconds()
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True)
    lines, wall = done.stdout.strip().splitlines(), time.perf_counter() - start
    foreign = foreign_share(before, busy(), own_seconds() - own, wall)
    return wall, None if done.returncode else lines[-1] if lines else "", foreign


def own_seconds():
    """Processor seconds of all processes this one has started and waited for."""
    return os.times().children_user + os.times().children_system


def fresh(kind, name, threads, environment):
    """(seconds or bytes, foreign share) of a fresh process of this module; or None where it cannot take part."""
    _, line, foreign = run(["-m", "benchmarks.cold_start", json.dumps([kind, name, threads, time.time()])], environment)
    return (json.loads(line), foreign) if line else None


def in_turn(participants, rounds):
    """{name: [(value, foreign share) of each round]}. participants: {name: function(cache) -> (value, share) or None}.

    Before what is cold a new cache is begun; what is warm finds it filled.
    """
    taken = {}
    for _ in range(rounds):
        with ExitStack() as stack:
            cache = None
            for name, start in participants.items():

                def attempt():
                    nonlocal cache
                    if cache is None or "cold" in name:
                        cache = stack.enter_context(tempfile.TemporaryDirectory())
                    return start(cache) or (None, 0.0)

                value, foreign = least_disturbed(attempt)
                if value is not None:
                    taken.setdefault(name, []).append((value, foreign))
    return taken


def first_batch(threads, rounds, environment):
    """Seconds from a process's start to its first trained batch; returns what `in_turn` does."""

    def start(name):
        return lambda cache: fresh("startup", name, threads, environment | {"NUMBA_CACHE_DIR": cache})

    names = {"ours, cold": "ours", "ours, warm": "ours", "PyTorch": "PyTorch", "Keras": "Keras"}
    return in_turn({label: start(name) for label, name in names.items()}, rounds)


def whole_sample(models, rounds, environment):
    """Seconds of `python sample.py --length 200` with the weights in a directory; returns what `in_turn` does."""
    command = ["sample.py", "--length", "200", "--model-dir", models, "--random-seed", "1"]

    def start(cache):
        seconds, line, foreign = run(command, environment | {"NUMBA_CACHE_DIR": cache})
        if line is None:
            raise RuntimeError("sample.py failed")
        return seconds, foreign

    return in_turn({"ours, cold": start, "ours, warm": start}, rounds)


def memory_above_imports(threads, rounds, environment):
    """{participant: bytes above the imports}; a first round, which fills the caches, does not count."""
    amounts = {}
    with tempfile.TemporaryDirectory() as cache:
        for number in range(rounds + 1):
            for name in IMPORTS:
                taken = fresh("memory", name, threads, environment | {"NUMBA_CACHE_DIR": cache})
                if number and taken is not None:
                    amounts.setdefault(name, []).append(taken[0])  # disturbed or not: memory is not time
    return amounts


def resident():
    """The most memory this process has had at any moment, in bytes."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def main():
    """One fresh process; prints its number, or fails where a library is not installed."""
    kind, name, threads, started = json.loads(sys.argv[1])
    make = frameworks.TRAINING[name]
    if kind == "startup":
        make(REFERENCE, threads)()
        print(time.time() - started)
        return
    for module in IMPORTS[name].split(", "):
        if module != "jax" or frameworks.find_spec("jax"):
            frameworks.import_keras() if module == "keras" else __import__(module)
    before, work = resident(), make(REFERENCE, threads)
    for _ in range(STEPS):
        work()
    print(resident() - before)


if __name__ == "__main__":
    main()
