"""Results as text: a table for each suite, the targets, and the table of benchmarks/README.md."""

from benchmarks import targets
from benchmarks.ablations import ABLATIONS
from benchmarks.cases import GROWTH, REFERENCE, TRAINING
from benchmarks.products import PEAK, PRODUCTS
from benchmarks.roofline import BYTES, FLOP
from benchmarks.rounds import median


def ratio(values, unit="x"):
    """A median and its spread, as text."""
    return f"{median(values):.2f}{unit} ({min(values):.2f} - {max(values):.2f})" if values else ""


def mark(row):
    """A star for what somebody else disturbed."""
    return " *" if row.disturbed else ""


def training_table(results):
    """Step times and how many times as fast we are."""
    yield f"{'a training step':<18}{'threads':>8}  {'':<14}{'median ms':>10}{'spread ms':>18}   ours is faster by"
    for row in results.rows:
        if row.suite == "training":
            faster = results.ratios("training", row.case, row.participant, "ours", row.threads)
            times = f"{row.median * 1e3:>10.2f}{row.spread(1e3, 2):>18}"
            faster = "" if row.participant == "ours" else ratio(faster)
            yield f"{row.case:<18}{row.threads:>8}  {row.participant:<14}{times}   {faster}{mark(row)}"
    for label, case in TRAINING.items():
        yield f"{label}: {case}, dropout {case.dropout}, {case.flop() / 1e9:.2f} GFLOP"


def sampling_table(results):
    """Characters a second of all streams together."""
    yield f"{'sampling':<18}{'threads':>8}  {'':<14}{'median char/s':>14}{'spread':>18}   ours is faster by"
    for row in results.rows:
        if row.suite == "sampling":
            rates = [1 / s for s in row.values]
            spread = f"{min(rates):.0f} - {max(rates):.0f}"
            faster = results.ratios("sampling", row.case, row.participant, "ours", row.threads)
            faster = "" if row.participant == "ours" else ratio(faster)
            start = f"{row.case:<18}{row.threads:>8}  {row.participant:<14}{1 / row.median:>14.0f}"
            yield f"{start}{spread:>18}   {faster}{mark(row)}"


def startup_table(results):
    """Seconds of fresh processes."""
    yield f"{'from start, seconds':<26}{'':<14}{'median':>8}{'spread':>16}"
    for row in results.rows:
        if row.suite == "startup":
            yield f"{row.case:<26}{row.participant:<14}{row.median:>8.2f}{row.spread(1, 2):>16}{mark(row)}"


def memory_table(results):
    """Megabytes above the imports."""
    yield f"{'training, MB above the imports':<40}{'median':>8}{'spread':>16}"
    for row in results.rows:
        if row.suite == "memory":
            yield f"{row.participant:<40}{row.median / 1e6:>8.1f}{row.spread(1e-6):>16}"


def growth_table(results):
    """Step time by size, and how far from a straight line."""
    yield f"{'a step as one size grows':<26}{'ours ms':>9}{'ns a character':>16}{'off the line':>14}{'PyTorch':>20}"
    threads = results.threads("growth")[-1]
    for what, cases in GROWTH.items():
        rows = [results.find("growth", f"{what} {size}", "ours", threads) for size in cases]
        if None in rows:
            continue
        straight = targets.line(list(cases), [row.median for row in rows])
        for row, case, at in zip(rows, cases.values(), straight):
            off = f"{100 * (row.median / at - 1):+.1f} %" if what != "hidden" else ""  # grows by its square
            theirs = ratio(results.ratios("growth", row.case, "PyTorch", "ours", threads))
            each = row.median / (case.B * case.T) * 1e9
            yield f"{row.case:<26}{row.median * 1e3:>9.2f}{each:>16.0f}{off:>14}   {theirs}{mark(row)}"


def roofline_table(results):
    """The machine's limits and our share of them."""
    for row in results.rows:
        if row.suite == "roofline":
            work, unit = (FLOP, "GFLOP/s") if row.participant in FLOP else (BYTES, "GB/s")
            rates = [work.get(row.participant, REFERENCE.flop()) / s / 1e9 for s in row.values]
            unit = unit if row.participant in work else "GFLOP/s (of our count)"
            spread = f"({min(rates):.1f} - {max(rates):.1f})"
            yield f"{row.participant:<14}{median(rates):>8.1f} {unit} {spread}{mark(row)}"
    share = targets.share_of_peak(results)
    if share:
        yield f"our share of the best product's rate: {ratio(share, ' %')}"
    looked_up = REFERENCE.flop(REFERENCE.T * REFERENCE.B) / 1e9
    yield f"a step of the reference is {REFERENCE.flop() / 1e9:.2f} GFLOP: the first layer's product counted once for"
    yield f"each of V characters, as we compute it. Computed for each place, as the peers do, it is {looked_up:.2f}."


def products_table(results):
    """The rate of each product, and what part it is of the best of both and of the peak."""
    names = ("ours", "NumPy", "PyTorch")
    shape = f"{'a product, one thread':<32}{'M':>6}{'K':>6}{'N':>6}"
    yield shape + "".join(f"{name:>9}" for name in names) + "  GFLOP/s   of the best   of the peak"
    for label in results.cases("products"):
        rows = {name: results.find("products", label, name, 1) for name in (*names, PEAK)}
        product = PRODUCTS[label]
        rates = {name: product.flop / row.median / 1e9 for name, row in rows.items() if row}
        best, peak = targets.share_of_best(results, label), FLOP[PEAK] / rows[PEAK].median / 1e9
        shape = f"{label:<32}{product.M:>6}{product.K:>6}{product.N:>6}"
        numbers = "".join(f"{rates[name]:>9.0f}" if name in rates else f"{'':>9}" for name in names)
        of_peak = f"{100 * rates['ours'] / peak:.0f} %"
        yield f"{shape}{numbers}{median(best):>24.2f}{of_peak:>14}{mark(rows['ours'])}"


def ablations_table(results):
    """What a step costs without each idea."""
    rows = {row.participant: row for row in results.rows if row.suite == "ablations"}
    whole = rows["ours"]
    yield f"{'a step of the reference':<49}{'instead':<34}{'median ms':>10}{'slower by':>24}"
    yield f"{'with all ideas':<83}{whole.median * 1e3:>10.2f}   spread {whole.spread(1e3)}"
    for idea, (instead, _) in ABLATIONS.items():
        if idea in rows:
            slower = ratio([without / s for without, s in zip(rows[idea].values, whole.values)])
            times = f"{rows[idea].median * 1e3:>10.2f}{slower:>24}{mark(rows[idea])}"
            yield f"{'without: ' + idea:<49}{instead:<34}{times}"


def goals(results):
    """The targets and what became of them."""
    yield f"{'target (set for 2 cores)':<54}{'measured (spread)':>28}{'floor':>10}{'aim':>8}"
    for target, values, verdict in targets.checked(results):
        marks = f"{target.floor:g}{target.unit}", f"{target.aim:.3g}{target.unit}"
        yield f"{target.name:<54}{ratio(values, target.unit):>28}{marks[0]:>10}{marks[1]:>8}  {verdict}"


def readme(machines):
    """The table of benchmarks/README.md, in Markdown: of the Results of each machine, side by side."""
    yield "| | threads |" + " this project | PyTorch | Keras |" * len(machines)
    yield "|---|---:|" + "---:|---:|---:|" * len(machines)
    lines = {}  # (what, threads) -> the cells of each machine
    for n, results in enumerate(machines):
        for what, threads, cells in [*rows_of_rates(results), *rows_of_processes(results)]:
            lines.setdefault((what, threads), [("", "", "")] * len(machines))[n] = cells
    for (what, threads), cells in lines.items():
        yield f"| {what} | {threads} | {' | '.join(cell for of_machine in cells for cell in of_machine)} |"
    for results in machines:
        yield ""
        yield "; ".join(results.machine[:3]) + "."


def rows_of_rates(results):
    """(what, threads, (ours, PyTorch, Keras)) of training and of sampling."""
    for suite, show in (("training", lambda s: f"{s * 1e3:.1f} ms"), ("sampling", lambda s: f"{1 / s:,.0f} char/s")):
        for case in results.cases(suite):
            what = f"a training step, {case}" if suite == "training" else f"sampling, {case}"
            for threads in reversed(results.threads(suite)):
                ours = results.find(suite, case, "ours", threads)
                cells = [show(ours.median)] if ours else [""]
                for peer in ("PyTorch", "Keras"):
                    row = results.find(suite, case, peer, threads)
                    both = row and ours
                    if both and (row.disturbed or ours.disturbed):
                        cells.append("disturbed")  # a number that flatters us is not shown
                    else:
                        times = median(results.ratios(suite, case, peer, "ours", threads)) if both else 0
                        cells.append(f"{show(row.median)} (**{times:.2f}x**)" if both else "")
                yield what, threads, tuple(cells)


def rows_of_processes(results):
    """The same of memory and of start."""
    for suite, what, show in (
        ("memory", "memory above the imports, training", lambda v: f"{v / 1e6:.0f} MB"),
        ("startup", "from start to the first batch", lambda v: f"{v:.1f} s"),
    ):
        rows = {r.participant: r for r in results.rows if r.suite == suite and r.case in ("reference", "first batch")}
        if rows:
            ours = [show(rows[n].median) + n[len("ours,") :] for n in rows if n.startswith("ours")]
            theirs = [show(rows[n].median) if n in rows else "" for n in ("PyTorch", "Keras")]
            yield what, rows[next(iter(rows))].threads, (", ".join(ours), *theirs)


TABLES = {
    "training": training_table,
    "sampling": sampling_table,
    "startup": startup_table,
    "memory": memory_table,
    "growth": growth_table,
    "roofline": roofline_table,
    "products": products_table,
    "ablations": ablations_table,
}
