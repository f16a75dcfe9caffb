"""Measurements as rows, and ratios taken round by round: what drifts from round to round falls out of a ratio."""

import json
from dataclasses import asdict, dataclass, field

from benchmarks.interference import ALLOWED
from benchmarks.rounds import median


@dataclass(frozen=True)
class Row:
    """What one participant did in one case: a value for each round."""

    suite: str  # training, sampling, startup, memory, growth, roofline, ablations
    case: str
    participant: str
    threads: int
    values: list  # seconds a piece of work (sampling: a character); in memory bytes

    foreign: list = field(default_factory=list)  # the share of others' work on the machine in each round

    @property
    def disturbed(self):
        """Whether somebody else used the machine in a round."""
        return max(self.foreign, default=0) > ALLOWED

    @property
    def median(self):
        """The middle round."""
        return median(self.values)

    def spread(self, scale=1.0, digits=1):
        """The lowest and the highest round, as text."""
        return f"{min(self.values) * scale:.{digits}f} - {max(self.values) * scale:.{digits}f}"


@dataclass(frozen=True)
class Results:
    """All rows of a run, and where it ran."""

    machine: list  # lines of text
    rows: list

    def find(self, suite, case, participant, threads):
        """The row, or None where it was not measured."""
        wanted = suite, case, participant, threads
        return next((r for r in self.rows if (r.suite, r.case, r.participant, r.threads) == wanted), None)

    def cases(self, suite):
        """The names of a suite's cases, in order."""
        return list(dict.fromkeys(row.case for row in self.rows if row.suite == suite))

    def threads(self, suite):
        """The numbers of threads of a suite."""
        return sorted({row.threads for row in self.rows if row.suite == suite})

    def ratios(self, suite, case, theirs, ours, threads):
        """How many times as much time (or memory) they take as we do, round by round; None if not measured."""
        row, mine = self.find(suite, case, theirs, threads), self.find(suite, case, ours, threads)
        return [them / us for them, us in zip(row.values, mine.values)] if row and mine else None

    def disturbed(self):
        """How many rows are."""
        return sum(row.disturbed for row in self.rows)

    def save(self, path):
        """As JSON."""
        content = {"machine": self.machine, "rows": [asdict(row) for row in self.rows]}
        lines = json.dumps(content).replace('{"suite"', '\n{"suite"')  # a row a line, so that differences can be read
        path.write_text(lines + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path):
        """From JSON."""
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(content["machine"], [Row(**row) for row in content["rows"]])
