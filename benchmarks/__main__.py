"""This project, PyTorch and Keras side by side: python -m benchmarks.

The participants do the same work with the same threads, each in a process of its own, and take turns in rounds;
medians are given with their spread, and ratios are taken round by round. A full run writes its results and the
figures into benchmarks/figures.
"""

from pathlib import Path

from benchmarks import plots, report
from benchmarks.machine import child_environment, describe, short_name
from benchmarks.results import Results
from benchmarks.suites import SUITES, Effort, without_each_idea
from lstm.engine.threads import default_threads
from lstm.io import InputError
from lstm.io.command_line import Parser, between, exit_with, whole
from lstm.io.places import shown
from lstm.rendering.plots import save

FIGURES = Path(__file__).parent / "figures"


def parse(argv):
    """The options."""
    parser = Parser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--only", nargs="+", choices=SUITES, metavar="NAME", help=f"some of {', '.join(SUITES)}")
    add("--quick", action="store_true", help="fewer and shorter rounds, some peers left out")
    add("--ablations", action="store_true", help="instead: training with one idea taken away at a time")
    add("--readme", action="store_true", help="measure nothing; print the table of benchmarks/README.md again")
    add("--rounds", type=whole(1), help="(5; with --quick 3)")
    add("--seconds", type=between(0.05, 60), help="a turn (0.8; with --quick 0.3)")
    add("--threads", type=whole(1), default=min(2, default_threads()), help="the most to measure with (%(default)s)")
    add("--keep-blas-pin", action="store_true", help="leave OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE as they are set")
    add("--out", metavar="DIR", type=Path, help="where results and figures go (a full run: benchmarks/figures)")
    return parser.parse_args(argv)


def effort_of(options):
    """How much to measure, from the options."""
    return Effort(
        options.rounds or (3 if options.quick else 5),
        options.seconds or (0.3 if options.quick else 0.8),
        min(3, options.rounds or 3) if not options.quick else 1,
        (1, options.threads) if options.threads > 1 else (1,),
        child_environment(options.keep_blas_pin),
        options.quick,
    )


def measure(options):
    """Run the suites, print each one's table when it is done, and return the Results."""
    suites = {"ablations": without_each_idea} if options.ablations else {n: SUITES[n] for n in options.only or SUITES}
    effort, results = effort_of(options), Results(describe(options.keep_blas_pin), [])
    print(*results.machine, sep="\n")
    print(f"{effort.rounds} rounds; a spread is that of the rounds' medians", flush=True)
    for name, suite in suites.items():
        results.rows.extend(suite(effort))
        print("", *report.TABLES[name](results), sep="\n", flush=True)
    return results


def write(results, directory):
    """The results, and what can be drawn of them."""
    directory.mkdir(parents=True, exist_ok=True)
    measured = {row.suite for row in results.rows}
    results.save(directory / ("ablations.json" if measured == {"ablations"} else f"results.{short_name()}.json"))
    if "training" in measured:
        save(plots.ratios_figure(results), directory / "ratios.svg")
    if "roofline" in measured:
        save(plots.roofline_figure(results), directory / "roofline.svg")
    print(f"\nwritten to {shown(directory)}")


def main(argv=None):
    """The command."""
    options = parse(argv)
    if options.readme:
        directory = options.out or FIGURES
        machines = [Results.load(path) for path in sorted(directory.glob("results.*.json"))]
        if not machines:
            raise InputError(f"{shown(directory)} has no results; python -m benchmarks makes them")
        print(*report.readme(machines), sep="\n")
        return 0
    results = measure(options)
    if not options.ablations:
        print("", *report.goals(results), sep="\n")
    print(f"\n{results.disturbed()} of {len(results.rows)} rows were disturbed by other work on the machine (*)")
    directory = options.out or (None if options.only or options.quick else FIGURES)
    if directory:
        write(results, directory)
    return 0


if __name__ == "__main__":
    exit_with(main, "python -m benchmarks")
