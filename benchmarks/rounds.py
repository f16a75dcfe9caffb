"""Honest timing on a machine that drifts: participants take turns, round after round, in processes of their own.

A participant sleeps while it is another's turn, so that no thread pool of one disturbs another; a turn that somebody
else disturbed is repeated. Run as a program this module is one participant: it makes itself ready, then works when told
to.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

from benchmarks import ablations, frameworks, products, roofline, samplers
from benchmarks.cases import Case
from benchmarks.interference import busy, foreign_share, least_disturbed

# suite -> name -> function(case, threads) -> function() that does the work once
STEPS = frameworks.TRAINING
WORK = {"training": STEPS, "growth": STEPS, "ablations": STEPS, "sampling": samplers.SAMPLING}
WORK |= {"roofline": STEPS | roofline.ROOFLINE, "products": products.WORK}


class Participant:
    """A process that does one kind of work when it is its turn."""

    def __init__(self, suite, name, case, threads, environment=None, without=None):
        command = [sys.executable, "-m", "benchmarks.rounds", json.dumps([suite, name, case, threads, without])]
        self._errors = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, env=environment
        )

    def ready(self):
        """Wait until it is: None, or why it cannot take part."""
        return self._answer().get("error")

    def _answer(self):
        line = self._process.stdout.readline()
        while line and not line.startswith("{"):  # libraries like to talk
            line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        self._errors.seek(0)
        return {"error": (self._errors.read().strip().splitlines() or ["it ended without a word"])[-1]}

    def turn(self, seconds):
        """Work for about so long: (the median seconds of a piece of work, the share of foreign work meanwhile)."""
        start, before = time.perf_counter(), busy()
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return median(answer["seconds"]), foreign_share(before, busy(), answer["own"], time.perf_counter() - start)

    def close(self):
        """End the process."""
        self._process.stdin.close()
        self._process.wait()
        self._errors.close()


def take_rounds(participants, rounds, seconds):
    """{name: [(seconds, foreign share) of each round]}, the participants in turn within a round, back and forth."""
    taken = {name: [] for name in participants}
    for number in range(rounds):
        for name in list(participants)[:: -1 if number % 2 else 1]:
            taken[name].append(least_disturbed(lambda: participants[name].turn(seconds)))
    return taken


def median(values):
    """The middle one (of an even number, the upper of the two in the middle)."""
    return sorted(values)[len(values) // 2]


def work_for(work, seconds):
    """The seconds of each call, of as many calls as fit; at least two."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 2:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def keep_to(threads):
    """Stay on so many cores, because not every library can be told how many threads to start."""
    if hasattr(os, "sched_setaffinity") and threads < len(os.sched_getaffinity(0)):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def main():
    """One participant: `python -m benchmarks.rounds JSON`, then a line of seconds for each turn."""
    suite, name, case, threads, without = json.loads(sys.argv[1])
    keep_to(threads)
    try:
        if without:
            ablations.remove(without)
        case = products.Product(*case) if suite == "products" else Case(*case)
        work = WORK[suite][name](case, threads)
        for _ in range(3):  # compile, warm up
            work()
    except ImportError as error:
        print(json.dumps({"error": f"not installed ({error.name})"}), flush=True)
        return
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        before = time.process_time()
        seconds = work_for(work, float(line))
        print(json.dumps({"seconds": seconds, "own": time.process_time() - before}), flush=True)


if __name__ == "__main__":
    main()
