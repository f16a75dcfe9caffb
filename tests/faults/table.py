"""The table of faults: for each kind how many cases were tried, how many held, and the most that one of them took."""

import contextlib
import time

import pytest

COLUMNS = ["fault", "cases", "held", "not held", "worst time, s", "worst memory, MB"]
FAILURES = (Exception, pytest.fail.Exception)


class Row:
    """A kind of fault. `case` tries one, and what is raised there is what did not hold."""

    def __init__(self, fault, seconds, memory):
        self.fault, self.most_seconds, self.most_memory = fault, seconds, memory
        self.cases, self.not_held, self.seconds, self.memory = 0, [], 0.0, 0.0

    @contextlib.contextmanager
    def case(self, name):
        """Within this context a case is tried. It took what `took` was told, else the time that passed."""
        self.cases += 1
        self._told, start = False, time.perf_counter()
        try:
            yield
            if not self._told:
                self.took(time.perf_counter() - start)
        except FAILURES as error:
            complaint = " ".join(f"{type(error).__name__}: {error}".split())
            self.not_held.append(f"{name}: {complaint[:600]}")

    def took(self, seconds, memory=0.0):
        """Note seconds and MB, and that both are within the row's bounds."""
        self._told = True
        self.seconds, self.memory = max(self.seconds, seconds), max(self.memory, memory)
        assert seconds <= self.most_seconds, f"it took {seconds:.1f} s"
        assert memory <= self.most_memory, f"it took {memory:.0f} MB"

    def cells(self):
        """What stands in the table."""
        lost = len(self.not_held)
        memory = f"{self.memory:.0f}" if self.memory else ""
        return [self.fault, f"{self.cases:,}", f"{self.cases - lost:,}", f"{lost:,}", f"{self.seconds:.1f}", memory]


class Table:
    """The rows of all tests."""

    def __init__(self):
        self.rows = []

    @contextlib.contextmanager
    def row(self, fault, seconds=10.0, memory=200.0):
        """A new row, whose cases are tried within this context. Fails in the end unless all of them held.

        seconds, memory: the most that a case may take; memory in MB, above what the program itself has.
        """
        row = Row(fault, seconds, memory)
        self.rows.append(row)
        yield row
        assert row.cases, f"{fault}: no case was tried"
        if row.not_held:
            lines = [f"{fault}: {len(row.not_held)} of {row.cases} did not hold", *row.not_held[:50]]
            pytest.fail("\n".join(lines), pytrace=False)

    def __str__(self):
        lines = [COLUMNS, ["---"] + ["---:"] * (len(COLUMNS) - 1), *(row.cells() for row in self.rows)]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
