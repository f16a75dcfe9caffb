"""Print how safe the course's verdicts are: python notebooks/margins.py [NOTEBOOK ...] [--seeds N] [--kinds K,K]

A verdict that rests on a trained network (a check, or a sentence of a notebook) must hold whatever the seed, and on
whatever processor the notebook runs: another order of the same sums makes another network. So each is measured with
several seeds and with several kinds of code, and what is left to its bound is its margin. The verdicts are in
`course/verdicts.py`. Where the margin is small beside the spread of the seeds, look for a better experiment.

Each kind of code runs in a process of its own, with a cache of compiled code of its own. All of it takes some minutes
for each kind. The exit status is 1 if a verdict does not hold.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent
KINDS = {  # variables that make Numba and OpenBLAS forget what this processor can do
    "native": {},
    "haswell": {"NUMBA_CPU_NAME": "haswell", "OPENBLAS_CORETYPE": "Haswell"},  # AVX2
    "generic": {"NUMBA_CPU_NAME": "generic", "OPENBLAS_CORETYPE": "Prescott"},  # SSE
}
FEWEST, USUAL = 2, 8  # seeds
HEAD = "", "verdict", "what is measured", "asked", "worst (median) of each kind", "margin", ""


def measured(notebooks, seeds):
    """Measure here: an iterator of (Verdict, its values by seed)."""
    sys.path[:0] = [str(NOTEBOOKS.parent), str(NOTEBOOKS)]
    from course.verdicts import verdicts  # here, because the parent process need not compile anything

    for one in verdicts(notebooks):
        yield one, [float(one.value(seed)) for seed in range(1, 1 + (1 if one.once else seeds))]


def lines_of(kind, notebooks, seeds):
    """The same in a process with that kind of code: an iterator of {"notebook", "about", .., "values", "margins"}."""
    changed = {name for settings in KINDS.values() for name in settings}
    environment = {name: value for name, value in os.environ.items() if name not in changed} | KINDS[kind]
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, str(Path(__file__).resolve()), *notebooks, "--seeds", str(seeds), "--lines"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=NOTEBOOKS,
                              env=environment | {"NUMBA_CACHE_DIR": cache}) as child:
            for line in child.stdout:
                row = json.loads(line)
                print(f"{kind}: {row['notebook']} {row['about']}", file=sys.stderr, flush=True)
                yield row
        if child.returncode:
            sys.exit(f"margins.py: the measurement with {kind} code ended with exit status {child.returncode}")


def as_line(one, values):
    """A verdict and its values as a line of JSON."""
    return json.dumps({"notebook": one.notebook, "about": one.about, "asked": one.asked, "bounds": one.bounds(),
                       "values": values, "margins": [one.margin(value) for value in values]})


def summary(rows):
    """A row of the table from the same verdict's rows of each kind: (texts of HEAD, whether it holds)."""
    first, cells, margins = rows[0], [], []
    for row in rows:
        worst, values = min(range(len(row["values"])), key=row["margins"].__getitem__), sorted(row["values"])
        margins.append(row["margins"][worst])
        middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
        cells.append(f"{row['values'][worst]:.3g}" + (f" ({middle:.3g})" if len(values) > 1 else ""))
    holds = min(margins) > 0
    return (first["notebook"], first["about"], first["asked"], first["bounds"], "  ".join(cells), f"{min(margins):.3g}",
            "holds" if holds else "DOES NOT HOLD"), holds


def table(rows):
    """Rows of texts as lines, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(f"{text:<{width}}" for text, width in zip(row, widths)).rstrip() for row in rows)


def kinds_of(text):
    """The names of kinds in a text with commas."""
    names = text.split(",")
    for name in names:
        if name not in KINDS:
            raise argparse.ArgumentTypeError(f"there is no kind {name!r}; there are {', '.join(KINDS)}")
    return names


def count_of(text):
    """A number of seeds."""
    if not text.isdecimal() or int(text) < FEWEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seeds from {FEWEST} on")
    return int(text)


def main(argv=None):
    """The command. Returns the exit status: 1 if a verdict does not hold."""
    parser = argparse.ArgumentParser(prog="python notebooks/margins.py", description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="two digits, such as 05 (all)")
    parser.add_argument("--seeds", type=count_of, default=USUAL, metavar="N", help=f"how many seeds ({USUAL})")
    parser.add_argument("--kinds", type=kinds_of, default=["native"], metavar="K,K",
                        help=f"kinds of code, of {','.join(KINDS)} (native)")
    parser.add_argument("--lines", action="store_true", help="measure in this process, and print lines of JSON")
    options = parser.parse_args(argv)
    if options.lines:
        for one, values in measured(options.notebooks, options.seeds):
            print(as_line(one, values), flush=True)
        return 0
    by_kind = [list(lines_of(kind, options.notebooks, options.seeds)) for kind in options.kinds]
    if not by_kind[0]:
        parser.error(f"no verdict of {', '.join(options.notebooks)} rests on training")
    rows, hold = zip(*map(summary, zip(*by_kind, strict=True)))
    print(f"{options.seeds} seeds; kinds of code: {', '.join(options.kinds)}")
    print(table([HEAD, *rows]))
    return 0 if all(hold) else 1


if __name__ == "__main__":
    sys.exit(main())
