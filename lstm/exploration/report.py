"""The report of a search."""

import csv
import io
from pathlib import Path

from lstm.io.files import write_bytes

COLUMNS = ("trial", "seed", "state", "epoch", "loss", "val_loss", "val_accuracy", "seconds", "parameters")


def write_csv(directory, exploration):
    """Write explore.csv: a line for each epoch of each trial."""
    table, names = io.StringIO(), list(exploration.usual)
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow([*COLUMNS, *names])
    for run in exploration.all_runs():
        for epoch in run.curve or [{}]:
            figures = (epoch.get(name, "") for name in COLUMNS[3:-1])
            writer.writerow([run.number, run.seed, run.state, *figures, run.parameters,
                             *(run.options[name] for name in names)])
    path = Path(directory, "explore.csv")
    write_bytes(path, table.getvalue().encode())
    return path


def write_page(directory, exploration, corpus, command, source):
    return Path(directory, "explore.html")
