"""How fast a training shared out over processes is: python benchmarks/ranks.py [--rounds N]

It needs the extra `mpi` and `mpiexec`. It prints a step of one process with two threads beside one of two processes
with a thread each, taken in turns; and what a sum over two processes costs by its size, through shared memory and
through TCP within this machine: the latency and the bandwidth of lstm/MPI.md.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from lstm.engine.threads import Workers
from lstm.model import CharRNN, Config
from lstm.ranks import ranks_of_mpi
from lstm.settings import Settings
from lstm.training import Trainer

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = Config(86, 512, 256, 3, 0.2)
BATCH, LENGTH, STEPS = 32, 64, 12
SIZES = [1, 250_000, 1_000_000, 2_500_000, 10_000_000]  # numbers in a gradient
TCP = {"MPIR_CVAR_NOLOCAL": "1", "UCX_TLS": "tcp"}  # asks MPICH for sockets, as between two machines


def steps(threads):
    """Milliseconds of each of some training steps, on all ranks together."""
    ids = np.random.default_rng(0).integers(0, REFERENCE.vocabulary, BATCH * LENGTH * (STEPS + 4) + 1)
    settings = Settings(batch_size=BATCH, seq_length=LENGTH)
    trainer = Trainer(CharRNN(REFERENCE), settings, ids, workers=Workers(threads), ranks=ranks_of_mpi())
    times = []
    for _ in range(STEPS + 3):
        began = time.perf_counter()
        trainer.step()
        times.append(1000 * (time.perf_counter() - began))
    return times[3:]


def sums():
    """Milliseconds of a sum over all ranks, the median, by its numbers."""
    ranks, medians = ranks_of_mpi(), {}
    for size in SIZES:
        gradient, times = np.ones(size, np.float32), []
        for _ in range(15):
            began = time.perf_counter()
            ranks.add(gradient, 0.5)
            times.append(1000 * (time.perf_counter() - began))
        medians[size] = statistics.median(times[3:])
    return medians


def measured(ranks, *what, **environment):
    """What the first of so many ranks has measured."""
    mpiexec = shutil.which("mpiexec") or str(Path(sys.executable).parent / "mpiexec")
    command = [mpiexec, "-n", str(ranks), sys.executable, __file__, *map(str, what)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (5)")
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)  # of a rank: with so many threads
    parser.add_argument("--sums", action="store_true", help=argparse.SUPPRESS)  # of a rank
    options = parser.parse_args()
    if options.steps or options.sums:
        found = sums() if options.sums else steps(options.steps)
        if ranks_of_mpi().rank == 0:
            print(json.dumps(found))
        return
    kinds = {"1 rank x 2 threads": (1, 2), "2 ranks x 1 thread": (2, 1), "1 rank x 1 thread": (1, 1)}
    times = {name: [] for name in kinds}
    for _ in range(options.rounds):
        for name, (ranks, threads) in kinds.items():
            times[name].append(statistics.median(measured(ranks, "--steps", threads)))
    print(f"a training step: {REFERENCE.layers} x {REFERENCE.units}, batch {BATCH}, sequence {LENGTH}, float32")
    for name, of_rounds in times.items():
        print(f"  {name}: {statistics.median(of_rounds):.1f} ms ({min(of_rounds):.1f} to {max(of_rounds):.1f})")
    pairs = zip(times["1 rank x 2 threads"], times["2 ranks x 1 thread"])
    print(f"  two ranks have {statistics.median(one / two for one, two in pairs):.2f} of the speed of two threads")
    for way, environment in (("shared memory", {}), ("TCP within the machine", TCP)):
        found = {int(size): ms for size, ms in measured(2, "--sums", **environment).items()}
        latency, large = found[1], max(SIZES)
        bandwidth = 4 * large / (found[large] - latency) / 1e6
        print(f"a sum over two ranks through {way}: {1000 * latency:.0f} us, then {bandwidth:.2f} GB/s of gradient")
        print("  " + ", ".join(f"{size:,} numbers {ms:.2f} ms" for size, ms in found.items()))


if __name__ == "__main__":
    main()
