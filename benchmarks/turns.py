"""Honest timing on a machine that drifts: contestants take turns, round after round, in processes of their own.

A contestant that is not at turn sleeps, so that no thread pool of one disturbs another. Run as a program this
module is one contestant: it makes itself ready, then works when told to.
"""

import json
import subprocess
import sys
import time

from benchmarks.contestants import CONTESTANTS, Case


class Contestant:
    """A process that does one kind of work when it is its turn."""

    def __init__(self, name, case, threads):
        command = [sys.executable, "-m", "benchmarks.turns", name, json.dumps(case), str(threads)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.about = self._answer()  # {"error": ...} where it cannot take part

    def _answer(self):
        line = self._process.stdout.readline()
        while line and not line.startswith("{"):  # libraries like to talk
            line = self._process.stdout.readline()
        return json.loads(line) if line else {"error": "it ended before it was ready"}

    def turn(self, seconds):
        """Work for about so long; the seconds that each piece of work took."""
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return self._answer()["seconds"]

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


def take_turns(contestants, rounds, seconds):
    """{name: [each round's median seconds]}, the contestants in turn within each round."""
    medians = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            times = sorted(contestant.turn(seconds))
            medians[name].append(times[len(times) // 2])
    return medians


def median(values):
    """The middle one."""
    return sorted(values)[len(values) // 2]


def work_for(work, seconds):
    """The seconds of each call, of as many calls as fit; at least three."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def main():
    """One contestant: `python -m benchmarks.turns NAME CASE THREADS`, then a line of seconds for each turn."""
    name, case, threads = sys.argv[1:]
    try:
        work = CONTESTANTS[name](Case(*json.loads(case)), int(threads))
        work_for(work, 1.0)  # compile, warm up
    except ImportError as error:
        print(json.dumps({"error": f"not installed ({error.name})"}), flush=True)
        return
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"seconds": work_for(work, float(line))}), flush=True)


if __name__ == "__main__":
    main()
