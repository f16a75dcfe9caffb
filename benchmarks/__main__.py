"""Training steps of the reference workload, side by side: python -m benchmarks."""

import importlib.metadata
import platform

from benchmarks.contestants import CONTESTANTS, REFERENCE
from benchmarks.turns import Contestant, median, take_turns
from lstm.command import Parser, between, exit_with, whole
from lstm.shards import default_threads


def machine():
    """The processor and the versions that take part, in two lines."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            processor = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = platform.processor() or platform.machine()
    versions = []
    for package in ("numpy", "numba", "torch", "keras", "jax"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            pass
    return f"{processor}, {default_threads()} cores, Python {platform.python_version()}\n{', '.join(versions)}"


def main(argv=None):
    """The command."""
    parser = Parser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--threads", type=whole(1), default=default_threads(), help="for each (%(default)s)")
    parser.add_argument("--rounds", type=whole(1), default=5, help="(%(default)s)")
    parser.add_argument("--seconds", type=between(0.1, 60), default=2.0, help="a turn (%(default)s)")
    options = parser.parse_args(argv)
    print(machine())
    print(f"a training step, {REFERENCE}, {options.threads} threads, {options.rounds} rounds")
    contestants = {}
    for name in CONTESTANTS:
        contestant = Contestant(name, REFERENCE, options.threads)
        if "error" in contestant.about:
            print(f"{name}: left out, {contestant.about['error']}")
        else:
            contestants[name] = contestant
    times = take_turns(contestants, options.rounds, options.seconds)
    print(f"{'':<14}{'median ms':>10}{'spread ms':>16}{'ours is faster by':>20}")
    for name, medians in times.items():
        ratio = median([theirs / ours for theirs, ours in zip(medians, times["ours"])])
        spread = f"{min(medians) * 1e3:.1f} - {max(medians) * 1e3:.1f}"
        print(f"{name:<14}{median(medians) * 1e3:>10.1f}{spread:>16}{ratio:>19.2f}x")
    for contestant in contestants.values():
        contestant.close()
    return 0


if __name__ == "__main__":
    exit_with(main, "python -m benchmarks")
